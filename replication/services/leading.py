"""Accounts whose trades are a leader's, whoever's they are."""

from django.db import IntegrityError, transaction

from copytrade.accounts.models import User
from copytrade.accounts.services import audit_record
from orders.models import AccountState, TradingAccount
from replication.models import Copy, LeaderAccount
from replication.services.copies import CopyConflict
from replication.services.flags import leader_marks_set
from replication.vocabulary import CopyState
from traders.models import LeadTrader


@transaction.atomic
def leader_account_add(*, account: TradingAccount, trader: LeadTrader, actor: User) -> LeaderAccount:
    """Let an account lead for a leader: what it trades from now on, here or at its broker, is copied.

    `CopyConflict` for an account that is closed, leads already, or copies somebody: copies are not copied on.
    """
    locked = TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    if locked.state == AccountState.CLOSED:
        raise CopyConflict("This account is closed.")
    if Copy.objects.filter(account=locked).exclude(state=CopyState.ENDED).exists():
        raise CopyConflict("This account copies somebody: what it copies and what it leads with would mix.")
    try:
        with transaction.atomic():
            led = LeaderAccount.objects.create(account=locked, trader=trader)
    except IntegrityError:
        raise CopyConflict("This account leads already.") from None
    leader_marks_set(trader_id=trader.pk)
    _audit(led, actor, "add")
    return led


@transaction.atomic
def leader_account_remove(*, led: LeaderAccount, actor: User) -> None:
    """Let an account lead no more. What copies hold of it stays theirs, and is closed by their owners."""
    _audit(led, actor, "remove")
    TradingAccount.objects.filter(pk=led.account_id).update(is_led=False)
    led.delete()


def _audit(led: LeaderAccount, actor: User, action: str) -> None:
    changes = {"trader": str(led.trader_id), "account": led.account_id}
    audit_record(actor=actor, action=f"leader_account.{action}", target=f"account:{led.account_id}", changes=changes)
