"""People as they see themselves."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from copytrade.accounts.models import User
from copytrade.billing.models import Plan
from copytrade.billing.selectors import plan_of
from orders.models import AccountState, Balance, Mode, TradingAccount
from traders.models import LeadTrader


@dataclass(frozen=True, slots=True)
class PersonView:
    """A user with the money of their first paper account (None without one), their number as a leader, their plan."""

    user: User
    balance: Decimal | None
    balance_asset: str
    master_id: int | None
    plan: Plan | None


def person_view(user: User) -> PersonView:
    """Return what a user is told of themselves; `balance` is in `balance_asset`, as of the account's last sync."""
    balance, asset = _paper_money(user)
    master_id = LeadTrader.objects.filter(user=user).values_list("pk", flat=True).first()
    return PersonView(user, balance, asset, master_id, plan_of(user))


def _paper_money(user: User) -> tuple[Decimal | None, str]:
    own = Balance.objects.filter(account=OuterRef("pk"), asset=OuterRef("equity_asset")).values("total")
    accounts = TradingAccount.objects.filter(user=user, mode=Mode.PAPER).exclude(state=AccountState.CLOSED)
    rows = accounts.annotate(money=Subquery(own)).order_by("pk").values_list("money", "equity_asset", "synced_at")
    money, asset, synced_at = rows.first() or (None, "", None)
    if money is None and synced_at is not None:
        money = Decimal(0)  # the books list no asset of which there is nothing
    return money, asset
