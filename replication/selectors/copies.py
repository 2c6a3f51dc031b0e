"""A user's copies with their results, and what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from replication.models import IS_OPEN, Copy, CopyDay, CopyPosition
from replication.selectors.values import CopyValue, PositionValue, copy_values, position_values

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CopyFilter:
    """Which copies are asked for; None and empty texts leave it open."""

    state: str = ""
    trader_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class CopyResults:
    """A copy, what it is worth now, and what it lost on this UTC day after fees (negative: won)."""

    copy: Copy
    value: CopyValue
    lost_today: Decimal

    @property
    def peak(self) -> Decimal | None:
        """The most that the copy's funds were ever worth, now included."""
        known = [value for value in (self.copy.peak_value, self.value.value) if value is not None]
        return max(known, default=None)

    @property
    def drawdown_percent(self) -> Decimal | None:
        """By how much the copy is below its peak, None where its worth is not known."""
        peak, value = self.peak, self.value.value
        if peak is None or value is None or peak <= ZERO:
            return None
        return ((peak - value) * 100 / peak).quantize(Decimal("0.000001"))


def copies_of(*, user: User, wanted: CopyFilter, page: Page) -> tuple[list[CopyResults], int]:
    """Return a page of a user's copies, newest first, and how many there are; the statements do not grow."""
    rows = _copies(user)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.trader_id is not None:
        rows = rows.filter(trader=wanted.trader_id)
    if wanted.account_id is not None:
        rows = rows.filter(account=wanted.account_id)
    return copy_results(list(rows[page.offset : page.offset + page.limit])), rows.count()


def copy_get(*, user: User, copy_id: int) -> Copy:
    """Return a copy of the user; anybody else's is `NotFound`, as if it were not there."""
    copy = _copies(user).filter(pk=copy_id).first()
    if copy is None:
        raise NotFound("You have no such copy.")
    return copy


def copy_results(copies: Sequence[Copy]) -> list[CopyResults]:
    """Return copies, their accounts and leaders being loaded, with their results."""
    if not copies:
        return []
    values = copy_values(copies)
    days = CopyDay.objects.filter(copy__in=values, date=timezone.now().astimezone(UTC).date())
    lost = {copy: fees - realized for copy, realized, fees in days.values_list("copy", "realized_pnl", "fees")}
    return [CopyResults(copy, values[copy.pk], lost.get(copy.pk, ZERO)) for copy in copies]


def copy_positions(*, copy: Copy, page: Page, open_only: bool | None) -> tuple[list[PositionValue], int]:
    """Return a page of what a copy holds or held, what moved last first, and how many there are."""
    rows = _positions(copy)
    if open_only is not None:
        rows = rows.filter(IS_OPEN) if open_only else rows.exclude(IS_OPEN)
    return position_values(rows[page.offset : page.offset + page.limit]), rows.count()


def copy_position_get(*, copy: Copy, position_id: int) -> CopyPosition:
    """Return a position of a copy, or `NotFound`."""
    position = _positions(copy).filter(pk=position_id).first()
    if position is None:
        raise NotFound("This copy has no such position.")
    return position


def _copies(user: User) -> "QuerySet[Copy]":
    return (
        Copy.objects.filter(account__user=user).select_related("account", "trader").defer("trader__raw").order_by("-pk")
    )


def _positions(copy: Copy) -> "QuerySet[CopyPosition]":
    return CopyPosition.objects.filter(copy=copy).select_related("market", "copy")
