"""What copies are worth now: what they realised, and what is open at the newest prices."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django_stubs_ext import WithAnnotations

from markets.prices import is_stale, price_for, prices_of
from markets.venues.registry import venues
from orders.accounting import Position, entry_price, unrealized_pnl
from orders.services.booking import terms_of
from replication.models import Copy, CopyPosition

ZERO = Decimal(0)


class Totals(TypedDict):
    """What a copy's positions brought together, beside each of them."""

    realized: Decimal
    paid: Decimal


if TYPE_CHECKING:
    WithTotals = WithAnnotations[CopyPosition, Totals]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionValue:
    """One position of a copy. What needs a price is None where no fresh one is known."""

    position: CopyPosition
    entry_price: Decimal | None
    price: Decimal | None
    priced_at: datetime | None
    unrealized_pnl: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyValue:
    """A copy's results. `unrealized_pnl` and `value` are None while an open position has no fresh price."""

    copy_id: int
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    unrealized_pnl: Decimal | None = ZERO
    open_positions: int = 0
    base: Decimal | None = None

    @property
    def value(self) -> Decimal | None:
        """What the copy's funds are worth with all that is open."""
        if self.base is None or self.unrealized_pnl is None:
            return None
        return self.base + self.realized_pnl - self.fees + self.unrealized_pnl


def money_asset(venue: str, told: str) -> str:
    """Return what an account at a venue counts its money in: as it told, else as is usual there; empty if unknown."""
    known = venues().get(venue)
    return told or (known.equity_asset if known else "")


def position_values(positions: Iterable[CopyPosition]) -> list[PositionValue]:
    """Return what positions are worth, their markets being loaded, in one look at the prices."""
    rows, now = list(positions), timezone.now()
    reports = prices_of({row.market_id: row.market for row in rows if row.quantity}.values())
    values = []
    for row in rows:
        terms, held = terms_of(row.market), Position(row.quantity, row.cost)
        report = reports.get(row.market_id)
        price = price_for(report, "mark") if report is not None and not is_stale(report, now) else None
        open_result = ZERO if not row.quantity else None if price is None else unrealized_pnl(terms, held, price)
        values.append(
            PositionValue(
                position=row,
                entry_price=entry_price(terms, held),
                price=price,
                priced_at=report.time if report is not None and price is not None else None,
                unrealized_pnl=open_result,
            )
        )
    return values


def copy_values(copies: Iterable[Copy]) -> dict[int, CopyValue]:
    """Return what copies are worth by their id, in one statement and one look at the prices."""
    bases = {copy.pk: copy.base_value for copy in copies}
    rows = list(_totalled(bases))
    totals = {row.copy_id: (row.realized, row.paid) for row in rows}
    by_copy: Mapping[int, list[PositionValue]] = defaultdict(list)
    for value in position_values(row for row in rows if row.quantity):
        by_copy[value.position.copy_id].append(value)
    found = {}
    for pk, base in bases.items():
        realized, fees = totals.get(pk, (ZERO, ZERO))
        count = sum(value.position.is_open for value in by_copy[pk])
        whole = CopyValue(copy_id=pk, realized_pnl=realized, fees=fees, base=base, open_positions=count)
        found[pk] = replace(whole, unrealized_pnl=_sum(by_copy[pk]))
    return found


def _totalled(copies: Collection[int]) -> "QuerySet[WithTotals]":
    """Return what copies hold, each row with its copy's totals, and one row of each that holds nothing.

    One statement, so that a close that is recorded meanwhile is in the totals and in what is open, or in neither.
    """
    rows = CopyPosition.objects.filter(copy__in=copies).annotate(
        realized=Window(Sum("realized_pnl"), partition_by="copy"),
        paid=Window(Sum("fees"), partition_by="copy"),
        place=Window(RowNumber(), partition_by="copy"),
    )
    return rows.filter(~Q(quantity=0) | Q(place=1)).select_related("market")


def _sum(values: Iterable[PositionValue]) -> Decimal | None:
    total = ZERO
    for value in values:
        result = _result(value)
        if result is None:
            return None
        total += result
    return total


def _result(value: PositionValue) -> Decimal | None:
    """Return what is open of a result; None where it is not known and matters.

    Dust without a price would hide a fall of all the rest. It counts as lost: that makes up no gain.
    """
    if value.unrealized_pnl is None and not value.position.is_open:
        cost: Decimal = value.position.cost
        return -abs(cost)
    return value.unrealized_pnl
