"""The marks by which those below know whose trades copies wait for."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

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
    """Mark a leader as copied or not, as the copies say now, and as copied the accounts that lead. Needs a transaction.

    Whoever does so holds the leader's row: one copy may begin while another ends, and the last to look sees both. Marks
    of accounts whose last copy ends are left to `leaders_unmark`: who holds a follower's account takes no other.
    """
    leader = LeadTrader.objects.select_for_update(no_key=True).only("pk", "is_copied").get(pk=trader_id)
    copied = Copy.objects.filter(trader=trader_id).exclude(state=CopyState.ENDED).exists()
    if leader.is_copied != copied:
        leader.is_copied = copied
        leader.save(update_fields=["is_copied"])
    if copied:
        unmarked = _leading(trader_id).filter(is_led=False)
        # Whoever books trades of accounts that nobody copies holds them: what is read from now on has those trades.
        list(unmarked.select_for_update().order_by("pk"))
        unmarked.update(is_led=True)


def leaders_unmark() -> None:
    """Take the mark from accounts of leaders whom nobody copies any more. Safe to repeat, and beside a first copy."""
    copies = Copy.objects.filter(trader=OuterRef("trader")).exclude(state=CopyState.ENDED)
    left = LeaderAccount.objects.filter(~Exists(copies), account__is_led=True)
    for trader_id in set(left.values_list("trader", flat=True)):
        _unmark(trader_id)


@transaction.atomic
def _unmark(trader_id: int) -> None:
    list(_leading(trader_id).select_for_update(no_key=True).order_by("pk"))
    LeadTrader.objects.select_for_update(no_key=True).only("pk").get(pk=trader_id)
    if not Copy.objects.filter(trader=trader_id).exclude(state=CopyState.ENDED).exists():
        _leading(trader_id).update(is_led=False)


def _leading(trader_id: int) -> "QuerySet[TradingAccount]":
    return TradingAccount.objects.filter(pk__in=LeaderAccount.objects.filter(trader=trader_id).values("account"))
