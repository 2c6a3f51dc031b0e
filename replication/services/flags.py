"""The marks by which those below know whose trades copies wait for."""

from django.db.models import Q

from orders.models import TradingAccount
from replication.models import Copy, LeaderAccount
from replication.vocabulary import CopyState
from traders.models import LeadTrader


def accounts_lock_to_begin(*, account: TradingAccount, trader: LeadTrader) -> None:
    """Lock an account that begins to copy a leader, as those do who let it lead, and the leader's for their first copy.

    All accounts before the leader, and in their order: so do those who lock many of them.
    """
    unmarked = LeaderAccount.objects.filter(trader=trader, account__is_led=False).values("account")
    rows = TradingAccount.objects.filter(Q(pk=account.pk) | Q(pk__in=unmarked))
    list(rows.select_for_update(no_key=True).order_by("pk"))


def leader_marks_set(*, trader_id: int) -> None:
    """Mark a leader, and the accounts that lead, as copied or not, as the copies say now. Needs a transaction.

    Whoever does so holds the leader's row: one copy may begin while another ends, and the last to look sees both.
    """
    leader = LeadTrader.objects.select_for_update(no_key=True).only("pk", "is_copied").get(pk=trader_id)
    copied = Copy.objects.filter(trader=trader_id).exclude(state=CopyState.ENDED).exists()
    if leader.is_copied != copied:
        leader.is_copied = copied
        leader.save(update_fields=["is_copied"])
    led = TradingAccount.objects.filter(pk__in=LeaderAccount.objects.filter(trader=trader_id).values("account"))
    marked = led.exclude(is_led=copied)
    if copied:
        # Whoever books trades of accounts that nobody copies holds them: what is read from now on has those trades.
        list(marked.select_for_update().order_by("pk"))
    marked.update(is_led=copied)
