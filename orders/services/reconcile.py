"""Comparing an account with its venue: orders, trades and positions. Differences are repaired by events and reported.

First the venue is asked, outside any transaction; then orders and trades are recorded as if they had just been told;
what the positions still differ by after that has no trade behind it, and becomes an adjustment.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.venues.base import ZERO, AccountAccess, AccountReport, FillReport, OrderReport, PositionReport, Venue
from markets.venues.errors import VenueError
from markets.venues.loop import run
from markets.venues.vocabulary import MarketKind
from orders.access import accesses_of, venue_of
from orders.accounting import value_of
from orders.executor.checking import orders_check
from orders.executor.findings import Source
from orders.models import Holding, HoldingAdjustment, Order, Reconciliation, TradingAccount
from orders.services.booking import HoldingKey, adjustment_fact, holdings_apply, holdings_lock, terms_of
from orders.services.found import markets_of
from orders.services.reports import reports_record
from orders.states import FINAL, OPEN, OrderState

logger = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # venues list trades late, and clocks differ
FIRST_LOOK_BACK = timedelta(days=1)
RECENTLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the venue said, and when the questions began."""

    asked_at: datetime
    account: AccountReport
    orders: Sequence[OrderReport]
    fills: Sequence[FillReport]


def account_reconcile(*, account: TradingAccount, trigger: str) -> Reconciliation:
    """Compare one account with its venue now, repair what differs, and return the report.

    Must not run in a transaction. A venue that cannot be asked is reported as the error; nothing is changed then.
    """
    record = Reconciliation(account=account, trigger=trigger)
    access = accesses_of([account]).get(account.pk)
    try:
        if access is None:
            raise VenueError("The account has no key that can be read.")
        snapshot = run(_ask(venue_of(account), access, account, _markets_to_read(account)))
        _repair(account, snapshot, record)
    except VenueError as error:
        record.error = error.message[:500]
    record.finished_at = timezone.now()
    record.save()
    return record


def _repair(account: TradingAccount, snapshot: Snapshot, record: Reconciliation) -> None:
    before = _counts(account)
    reports_record(account=account, orders=snapshot.orders, fills=snapshot.fills, source=Source.RECONCILE)
    listed = {report.client_order_id for report in snapshot.orders}
    gone = _open_orders(account).exclude(client_order_id__in=listed).filter(acknowledged_at__lt=snapshot.asked_at)
    if ids := list(gone.values_list("pk", flat=True)):
        orders_check(ids)
    after = _counts(account)
    record.fills_found = after["fills"] - before["fills"]
    record.orders_repaired = after["orders"] - before["orders"] + len(ids)
    differences = _adjust(account, snapshot)
    record.holdings_adjusted, record.differences = len(differences), differences
    TradingAccount.objects.filter(pk=account.pk).update(fills_read_until=snapshot.asked_at - OVERLAP)


async def _ask(
    venue: Venue, access: AccountAccess, account: TradingAccount, markets: Sequence[tuple[str, MarketKind]]
) -> Snapshot:
    asked_at = timezone.now()
    since = account.fills_read_until or asked_at - FIRST_LOOK_BACK
    report, orders = await asyncio.gather(venue.account(access), venue.open_orders(access))
    active = {(position.symbol, position.kind) for position in report.positions}
    active |= {(order.symbol, order.kind) for order in orders}
    wanted = sorted({*markets, *active})
    trades = await asyncio.gather(*(venue.fills(access, symbol, kind, since=since) for symbol, kind in wanted))
    return Snapshot(asked_at, report, orders, [trade for part in trades for trade in part])


def _markets_to_read(account: TradingAccount) -> list[tuple[str, MarketKind]]:
    """Return where trades may have happened: what is held, and what was ordered since the last look."""
    since = account.fills_read_until or timezone.now() - FIRST_LOOK_BACK
    held = Holding.objects.filter(account=account).exclude(quantity=0).values_list("market", flat=True)
    recent = Order.objects.filter(Q(updated_at__gte=since) | ~Q(state__in=list(FINAL)), account=account)
    ids = {*held, *recent.values_list("market", flat=True)}
    return [(row.symbol, MarketKind(row.kind)) for row in Market.objects.filter(pk__in=ids)]


def _open_orders(account: TradingAccount) -> Any:
    return Order.objects.filter(account=account, state__in=[OrderState.UNKNOWN, *OPEN])


def _counts(account: TradingAccount) -> dict[str, int]:
    return {"fills": account.fills.count(), "orders": account.orders.count()}


def _adjust(account: TradingAccount, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Take the venue's positions where ours differ, unless something happened since it was asked."""
    theirs = {(p.symbol, p.kind, str(p.position_side)): p for p in snapshot.account.positions}
    markets = markets_of(account.venue, [(symbol, kind) for symbol, kind, _ in theirs])
    with transaction.atomic():
        keys = _held(account) | {
            HoldingKey(account.pk, markets[symbol, kind].pk, side)
            for symbol, kind, side in theirs
            if (symbol, kind) in markets
        }
        holdings = holdings_lock(keys) if keys else {}
        rows = {market.pk: market for market in Market.objects.filter(pk__in={key.market_id for key in keys})}
        differences = []
        for key, holding in holdings.items():
            market = rows[key.market_id]
            position = theirs.get((market.symbol, MarketKind(market.kind), key.side))
            quantity = position.quantity if position else ZERO
            if quantity != holding.quantity and not _moved_since(holding, snapshot.asked_at):
                differences.append(_take_theirs(holding, key, market, quantity, position, snapshot.asked_at))
    return differences


def _held(account: TradingAccount) -> set[HoldingKey]:
    rows = Holding.objects.filter(account=account).exclude(quantity=0).exclude(market__kind=MarketKind.SPOT)
    return {HoldingKey(row.account_id, row.market_id, row.side) for row in rows}


def _moved_since(holding: Holding, asked_at: datetime) -> bool:
    moved = holding.last_time is not None and holding.last_time >= asked_at
    under_way = Order.objects.filter(account=holding.account_id, market=holding.market_id).exclude(
        state__in=list(FINAL)
    )
    unbooked = under_way.filter(state__in=[OrderState.SENDING, OrderState.UNKNOWN, OrderState.PARTIALLY_FILLED])
    return moved or unbooked.exists()


def _take_theirs(
    holding: Holding,
    key: HoldingKey,
    market: Market,
    quantity: Decimal,
    position: PositionReport | None,
    asked_at: datetime,
) -> dict[str, Any]:
    entry = position.entry_price if position else ZERO
    cost = value_of(terms_of(market), abs(quantity), entry) if quantity and entry else ZERO
    adjustment = HoldingAdjustment.objects.create(
        **key._asdict(),
        quantity_before=holding.quantity,
        quantity=quantity,
        cost=cost,
        reason="The venue holds this, and no trade explains the difference.",
        time=asked_at,
    )
    holdings_apply({key: [adjustment_fact(adjustment)]}, {market.pk: market})
    here, there = plain_digits(holding.quantity), plain_digits(quantity)
    logger.warning("Account %s: %s of %s here, %s at the venue", key.account_id, here, market, there)
    return {"symbol": market.symbol, "side": key.side, "here": here, "venue": there}
