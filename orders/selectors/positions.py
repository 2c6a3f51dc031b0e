"""What accounts hold, with what it is worth now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.db.models import Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django_stubs_ext import WithAnnotations

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from markets.prices import price_for, prices_of
from orders.accounting import entry_price, unrealized_pnl, value_of
from orders.models import Holding
from orders.services.booking import position_of, terms_of

ZERO = Decimal(0)
NEVER_HELD = Q(quantity=0, last_time__isnull=True)  # its leverage is known, and no more


class Sums(TypedDict):
    """What all holdings of a market brought together, beside each of them."""

    realized: Decimal
    paid: Decimal


if TYPE_CHECKING:
    WithSums = WithAnnotations[Holding, Sums]


@dataclass(frozen=True, slots=True)
class PositionView:
    """A holding and its figures, in the asset that it settles in; what cannot be known is None.

    `stale` says that the price is too old to rely on, or missing.
    """

    holding: Holding
    asset: str
    entry_price: Decimal | None
    price: Decimal | None
    priced_at: datetime | None
    stale: bool
    value: Decimal | None
    unrealized_pnl: Decimal | None


@dataclass(slots=True)
class AssetTotals:
    """Totals over positions that settle in one asset; `unpriced` ones are not in exposure and unrealised result."""

    asset: str
    open_positions: int = 0
    unpriced: int = 0
    exposure: Decimal = field(default=ZERO)
    unrealized_pnl: Decimal = field(default=ZERO)
    realized_pnl: Decimal = field(default=ZERO)
    fees: Decimal = field(default=ZERO)
    stale: bool = False


@dataclass(frozen=True, slots=True)
class PositionFilter:
    """Which positions are asked for; None and empty texts leave it open."""

    account_id: int | None = None
    symbol: str = ""
    open: bool | None = None


def positions_list(user: User, wanted: PositionFilter, *, page: Page) -> tuple[list[PositionView], int]:
    """Return a page of a user's positions, those that moved last first, and how many there are."""
    rows = _positions(user, wanted)
    return position_views(rows[page.offset : page.offset + page.limit]), rows.count()


def position_get(user: User, pk: int) -> Holding:
    """Return a position of the user; anybody else's is `NotFound`, as if it were not there."""
    holding = _positions(user, PositionFilter()).filter(pk=pk).first()
    if holding is None:
        raise NotFound("You have no such position.")
    return holding


def positions_summary(user: User, wanted: PositionFilter) -> list[AssetTotals]:
    """Return totals by settlement asset, by name, over open positions and what all of them realised."""
    totals: dict[str, AssetTotals] = {}
    rows = list(_summed(user, wanted))
    for view in position_views(row for row in rows if row.quantity):
        _add(totals.setdefault(view.asset, AssetTotals(view.asset)), view)
    for row in {row.market_id: row for row in rows}.values():
        asset = terms_of(row.market).settlement_asset
        total = totals.setdefault(asset, AssetTotals(asset))
        total.realized_pnl += row.realized
        total.fees += row.paid
    return sorted(totals.values(), key=lambda total: total.asset)


def position_views(holdings: "Iterable[Holding] | QuerySet[Holding]") -> list[PositionView]:
    """Return holdings (with their market and account) with the newest prices, read once for all of them."""
    rows, now = list(holdings), timezone.now()
    prices = _prices(rows)
    return [_view(row, prices.get(row.pk), now) for row in rows]


def _positions(user: User, wanted: PositionFilter) -> "QuerySet[Holding]":
    rows = Holding.objects.filter(account__user=user).exclude(NEVER_HELD).select_related("account", "market")
    if wanted.account_id is not None:
        rows = rows.filter(account=wanted.account_id)
    if wanted.symbol:
        rows = rows.filter(market__symbol=wanted.symbol)
    if wanted.open is not None:
        rows = rows.exclude(quantity=0) if wanted.open else rows.filter(quantity=0)
    return rows


def _prices(holdings: Sequence[Holding]) -> dict[int, tuple[Decimal, datetime]]:
    """Return the newest price of each open holding: of the price feed, or the mark of the venue's last report."""
    held = [row for row in holdings if row.quantity]
    feed = prices_of([row.market for row in held])
    found = {}
    for row in held:
        known = []
        report = feed.get(row.market_id)
        if report is not None and (price := price_for(report, "mark")) is not None:
            known.append((report.time, price))
        if row.mark_price and row.venue_at:
            known.append((row.venue_at, row.mark_price))
        if known:
            moment, value = max(known)
            found[row.pk] = (value, moment)
    return found


def _view(holding: Holding, price: tuple[Decimal, datetime] | None, now: datetime) -> PositionView:
    terms, position = terms_of(holding.market), position_of(holding)
    value, moment = price or (None, None)
    old = moment is None or now - moment > timedelta(seconds=settings.PRICE_STALE_AFTER_SECONDS)
    return PositionView(
        holding=holding,
        asset=terms.settlement_asset,
        entry_price=entry_price(terms, position),
        price=value,
        priced_at=moment,
        stale=bool(holding.quantity) and old,
        value=None if value is None else value_of(terms, abs(holding.quantity), value),
        unrealized_pnl=None if value is None else unrealized_pnl(terms, position, value),
    )


def _add(total: AssetTotals, view: PositionView) -> None:
    total.open_positions += 1
    total.stale = total.stale or view.stale
    if view.value is None or view.unrealized_pnl is None:
        total.unpriced += 1
    else:
        total.exposure += view.value
        total.unrealized_pnl += view.unrealized_pnl


def _summed(user: User, wanted: PositionFilter) -> "QuerySet[WithSums]":
    """Return what is open, each row with the sums of its market, and one row of each market where nothing is.

    One statement, so that a close that is booked meanwhile is in the sums and in what is open, or in neither.
    """
    moved = _positions(user, wanted).filter(~Q(quantity=0) | ~Q(realized_pnl=0) | ~Q(fees=0))
    rows = moved.annotate(
        realized=Window(Sum("realized_pnl"), partition_by="market"),
        paid=Window(Sum("fees"), partition_by="market"),
        place=Window(RowNumber(), partition_by="market"),
    )
    return rows.filter(~Q(quantity=0) | Q(place=1))
