"""What cannot be done with a copy, a leader or an account as they stand; each raises what the caller is told."""

from django.conf import settings as configuration
from django.db.models import Count

from copytrade.accounts.models import User
from copytrade.billing.selectors import plan_of
from copytrade.lib.errors import ApplicationError, ErrorCode, InvalidInput, NotFound
from orders.models import AccountState, TradingAccount
from replication.engine.leader_figures import leader_margin
from replication.models import IS_OPEN, Copy, CopyIntent, LeaderAccount
from replication.terms import CopySettings, settings_problems
from replication.vocabulary import UNDER_WAY, CopyState, Strategy
from traders.models import LeaderStatus, LeadTrader

FOLLOWABLE = (LeaderStatus.APPROVED, LeaderStatus.FEATURED)


class CopyConflict(ApplicationError):
    """The copy, the leader or the account is in a state in which this cannot be done."""

    code = ErrorCode.CONFLICT
    status = 409


def settings_refuse(settings: CopySettings) -> None:
    """Refuse (`InvalidInput`) settings that are wrong or do not fit together, with all that is wrong."""
    if problems := list(settings_problems(settings)):
        raise InvalidInput(problems)


def leader_refuse(user: User, trader: LeadTrader) -> None:
    """Refuse a leader who is not open to be copied, and oneself; one that is blocked is not there at all."""
    if trader.status == LeaderStatus.BLOCKED:
        raise NotFound("There is no such leader.")
    if trader.status not in FOLLOWABLE:
        raise CopyConflict("This leader is not open to be copied: staff have not approved it, or have paused it.")
    if trader.user_id == user.pk:
        raise CopyConflict("You cannot copy yourself.")


def equity_refuse(trader: LeadTrader, settings: CopySettings) -> None:
    """Refuse (`InvalidInput`) to size by the equity of a leader who does not tell it: the copy would open nothing."""
    if settings.strategy != Strategy.EQUITY_PROPORTIONAL or leader_margin(trader.raw) is not None:
        return
    if not LeaderAccount.objects.filter(trader=trader, account__equity__isnull=False).exists():
        message = "needs the leader's equity, which is not known: choose another strategy"
        raise InvalidInput([{"path": "strategy", "message": message}])


def number_refuse(user: User) -> None:
    """Refuse one leader more than people may copy, and one copy more than their plan allows."""
    running = Copy.objects.filter(account__user=user).exclude(state=CopyState.ENDED)
    leaders, copies = running.aggregate(Count("trader", distinct=True), Count("pk")).values()
    most = configuration.COPY_MOST_LEADERS
    if leaders >= most:
        raise CopyConflict(
            f"You copy {leaders} leaders, and {most} is the most: stop one first.", details={"most": most}
        )
    plan = plan_of(user)
    if plan is not None and plan.most_copies is not None and copies >= plan.most_copies:
        raise CopyConflict(
            f"You have {copies} copies, and with the plan {plan.name} {plan.most_copies} is the most: stop one first.",
            details={"most": plan.most_copies, "plan": plan.slug},
        )


def account_refuse(account: TradingAccount) -> None:
    """Refuse an account, whose row is locked, that is closed or leads others."""
    if account.state == AccountState.CLOSED:
        raise CopyConflict("This account is closed: choose another one.")
    if LeaderAccount.objects.filter(account=account).exists():
        raise CopyConflict("Others may copy this account, so it copies nobody: choose or open another one.")


def beginning_refuse(copy: Copy, settings: CopySettings) -> None:
    """Refuse (`InvalidInput`) to change what only the beginning of a copy could ask for."""
    if settings.copy_open_positions != copy.copy_open_positions:
        message = "is what a copy begins with, and cannot be changed afterwards"
        raise InvalidInput([{"path": "copy_open_positions", "message": message}])


def turning_refuse(copy: Copy, settings: CopySettings) -> None:
    """Refuse to invert a copy, or to invert it no more, while it holds something or has orders under way."""
    if settings.inverted == copy.inverted:
        return
    # Before positions: what became of an order changes both at once, and may do so between two looks.
    if CopyIntent.objects.filter(copy=copy, state__in=UNDER_WAY).exists():
        raise CopyConflict("Something that this copy decided is still under way, or waits: turn it round after that.")
    if copy.positions.filter(IS_OPEN).exists():
        raise CopyConflict("This copy has open positions: close them first, then turn it round.")


def ended_refuse(copy: Copy) -> None:
    """Refuse what can only be done with a copy that runs."""
    if copy.state == CopyState.ENDED:
        raise CopyConflict("This copy has ended: follow the leader anew.")
