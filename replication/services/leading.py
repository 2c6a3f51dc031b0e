"""Accounts whose trades are a leader's, whoever's they are."""

from django.db import IntegrityError, transaction

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from orders.models import AccountState, TradingAccount
from replication.models import Copy, LeaderAccount
from replication.services.flags import leader_marks_set
from replication.services.refusing import CopyConflict
from replication.vocabulary import CopyState
from traders.models import LeadTrader, SourceFreshness


@transaction.atomic
def leader_account_add(*, account: TradingAccount, trader: LeadTrader, actor: User) -> LeaderAccount:
    """Let an account lead for a leader: what it trades from now on, here or at its broker, is copied.

    `CopyConflict` for an account that `leading_refusal` names a reason for, or that leads already.
    """
    locked = TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    LeadTrader.objects.select_for_update(no_key=True).only("pk").get(pk=trader.pk)
    if refusal := leading_refusal(account=locked, trader=trader):
        raise CopyConflict(refusal)
    try:
        with transaction.atomic():
            led = LeaderAccount.objects.create(account=locked, trader=trader)
    except IntegrityError:
        raise CopyConflict("This account leads already.") from None
    leader_marks_set(trader_id=trader.pk)
    _audit(led, actor, "add")
    return led


def leading_refusal(*, account: TradingAccount, trader: LeadTrader) -> str | None:
    """Return why an account may not lead for a leader, None where it may.

    Copies know a position by its symbol and side: what a leader trades must come from one source and one venue, in
    accounts of one mode.
    """
    if account.state == AccountState.CLOSED:
        return "This account is closed."
    if Copy.objects.filter(account=account).exclude(state=CopyState.ENDED).exists():
        return "This account copies somebody: copies are not copied on."
    if SourceFreshness.objects.filter(trader=trader).exists():
        return "A source reports what this leader trades: with an account each trade would be copied twice."
    if LeaderAccount.objects.filter(trader=trader).exclude(account__venue=account.venue).exists():
        return "An account at another venue leads for this leader: closing at one would close what is copied of both."
    if LeaderAccount.objects.filter(trader=trader).exclude(account__hedge_mode=account.hedge_mode).exists():
        return "An account in the other position mode leads already: closing at one would close what is copied of both."
    return None


@transaction.atomic
def leader_account_remove(*, led: LeaderAccount, actor: User) -> None:
    """Let an account lead no more. What copies hold of it stays theirs, and is closed by their owners."""
    _audit(led, actor, "remove")
    TradingAccount.objects.filter(pk=led.account_id).update(is_led=False)
    led.delete()


def _audit(led: LeaderAccount, actor: User, action: str) -> None:
    changes = {"trader": str(led.trader_id), "account": led.account_id}
    audit_record(actor=actor, action=f"leader_account.{action}", target=f"account:{led.account_id}", changes=changes)
