"""Comparing an account with its venue: orders, trades and positions. Differences are repaired by events and reported.

First the venue is asked, outside any transaction: what is there, and then for the trades in all markets that this, and
what is known here, points to. Orders and trades are recorded as if they had just been told.
Orders that it has open and that count as over here are reopened (`orders.services.reopening`); those that are open here
and that it does not list are asked about. What the positions still differ by after that has no trade behind it, and
becomes an adjustment.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from copytrade.lib.loop import run
from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.venues.base import (
    ZERO,
    AccountAccess,
    AccountReport,
    FillReport,
    OrderReference,
    OrderReport,
    PositionReport,
    Venue,
)
from markets.venues.errors import VenueError
from markets.venues.vocabulary import CONDITIONAL_TYPES, MarketKind, OrderType
from orders.access import accesses_of, venue_of
from orders.accounting import value_of
from orders.executor.checking import orders_check
from orders.executor.findings import Source
from orders.models import Fill, Holding, HoldingAdjustment, Order, Reconciliation, TradingAccount
from orders.services.booking import HoldingKey, adjustment_fact, holdings_apply, holdings_lock, terms_of
from orders.services.coins import Coins, coins_seen, markets_between
from orders.services.found import MarketName, markets_of, name_of, orders_known
from orders.services.reopening import Outcome, orders_reopen
from orders.services.reports import reports_record
from orders.states import FINAL, IN_DOUBT, OPEN, OrderState

logger = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=10)  # venues list trades late, and clocks differ
FIRST_LOOK_BACK = timedelta(days=1)
LONGEST_LOOK_BACK = timedelta(days=7)
APART = timedelta(seconds=10)  # so long lists of trades may lag
TIMEOUT_SECONDS = 120.0  # long lists of trades wait for the budget
POLL = "poll"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the venue said, and when the questions began."""

    asked_at: datetime
    account: AccountReport
    orders: Sequence[OrderReport]
    fills: Sequence[FillReport]
    coins: Coins


def account_reconcile(*, account: TradingAccount, trigger: str) -> Reconciliation:
    """Compare one account with its venue now, repair what differs, and return the report.

    Must not run in a transaction. A venue that cannot be asked is reported as the error; nothing is changed then.
    """
    record = Reconciliation(account=account, trigger=trigger)
    try:
        access = accesses_of([account]).get(account.pk)
        if access is None:
            raise VenueError("The account has no key that can be read.")
        _repair(account, access, _look(account, access), record)
    except (VenueError, TimeoutError) as error:
        record.error = (str(error) or "The venue took too long to answer.")[:500]
    except Exception as error:
        logger.exception("Comparing account %s with its venue failed unexpectedly", account.pk)
        record.error = f"Unexpected: {type(error).__name__}"
        raise
    finally:
        record.finished_at = timezone.now()
        record.save()
    return record


def account_poll(*, account: TradingAccount) -> Reconciliation:
    """Compare an account that nothing is told of, every few seconds: of reports without news only the last is kept."""
    record = account_reconcile(account=account, trigger=POLL)
    earlier = account.reconciliations.filter(trigger=POLL, started_at__lt=record.started_at)
    if record.error:  # the last one that the venue answered is what the next is compared with
        earlier = earlier.exclude(error="")
    earlier.filter(fills_found=0, orders_repaired=0, holdings_adjusted=0).delete()
    return record


def _repair(account: TradingAccount, access: AccountAccess, snapshot: Snapshot, record: Reconciliation) -> None:
    before = _counts(account)
    reports = [*snapshot.orders, *_orders_behind(account, access, snapshot)]
    reports_record(account=account, orders=reports, fills=snapshot.fills, source=Source.RECONCILE)
    known = orders_known(account=account, told=snapshot.orders)
    listed = {pk: report for report in snapshot.orders if (pk := known.of(report)) is not None}
    contested = orders_reopen(account=account, access=access, listed=listed, asked_at=snapshot.asked_at)
    gone = _open_orders(account).exclude(pk__in=list(listed)).filter(acknowledged_at__lt=snapshot.asked_at)
    if ids := list(gone.values_list("pk", flat=True)):
        orders_check(ids)
    after = _counts(account)
    reopened = sum(each["outcome"] == Outcome.REOPENED for each in contested)
    record.fills_found = after["fills"] - before["fills"]
    record.orders_repaired = after["orders"] - before["orders"] + len(ids) + reopened
    differences, record.holdings_adjusted = _differences(account, snapshot)
    record.differences = [*contested, *differences]
    read = {"fills_read_until": snapshot.asked_at - OVERLAP, "coins_seen": snapshot.coins}
    TradingAccount.objects.filter(pk=account.pk).update(**read)


def _orders_behind(account: TradingAccount, access: AccountAccess, snapshot: Snapshot) -> list[OrderReport]:
    """Return the orders of trades that we cannot place: lists of trades tell an order's number, not our id for it.

    Ours that are in doubt, or were waiting for a price, are asked about first, and so learn their numbers.
    """
    unplaced = _unplaced(account, snapshot.fills)
    if not unplaced:
        return []
    waiting = Q(state__in=list(IN_DOUBT)) | Q(state__in=list(OPEN), type__in=list(CONDITIONAL_TYPES))
    if ids := list(Order.objects.filter(waiting, account=account).values_list("pk", flat=True)):
        orders_check(ids)
        unplaced = _unplaced(account, snapshot.fills)
    return run(_ask_for_orders(venue_of(account), access, unplaced), timeout=TIMEOUT_SECONDS)


def _unplaced(account: TradingAccount, fills: Sequence[FillReport]) -> list[FillReport]:
    known = orders_known(account=account, told=fills)
    strange = [trade for trade in fills if trade.venue_order_id and known.of(trade) is None]
    return list({name_of(trade): trade for trade in strange}.values())


async def _ask_for_orders(venue: Venue, access: AccountAccess, trades: Sequence[FillReport]) -> list[OrderReport]:
    found = await asyncio.gather(
        *(
            venue.query(access, OrderReference(trade.symbol, trade.kind, OrderType.MARKET, "", trade.venue_order_id))
            for trade in trades
        )
    )
    return [report for report in found if report is not None]


def _look(account: TradingAccount, access: AccountAccess) -> Snapshot:
    asked_at, venue = timezone.now(), venue_of(account)
    since = max(account.fills_read_until or asked_at - FIRST_LOOK_BACK, asked_at - LONGEST_LOOK_BACK)
    report, orders = run(_ask(venue, access), timeout=TIMEOUT_SECONDS)
    coins = coins_seen(account.coins_seen, report.balances, asked_at=asked_at, since=since)
    known = [*_markets_of_ours(account, since), *markets_between(account.venue, coins, since=since)]
    markets = {(row.symbol, MarketKind(row.kind)) for row in known}
    markets |= {(position.symbol, position.kind) for position in report.positions}
    markets |= {(order.symbol, order.kind) for order in orders}
    trades = run(_ask_for_trades(venue, access, sorted(markets), since), timeout=TIMEOUT_SECONDS)
    return Snapshot(asked_at, report, orders, trades, coins)


async def _ask(venue: Venue, access: AccountAccess) -> tuple[AccountReport, Sequence[OrderReport]]:
    return await asyncio.gather(venue.account(access), venue.open_orders(access))


async def _ask_for_trades(
    venue: Venue, access: AccountAccess, markets: Sequence[MarketName], since: datetime
) -> list[FillReport]:
    trades = await asyncio.gather(*(venue.fills(access, symbol, kind, since=since) for symbol, kind in markets))
    return [trade for part in trades for trade in part]


def _markets_of_ours(account: TradingAccount, since: datetime) -> Iterable[Market]:
    """Return what is held, and where orders were under way since then."""
    held = Holding.objects.filter(account=account).exclude(quantity=0).values_list("market", flat=True)
    recent = Order.objects.filter(Q(updated_at__gte=since) | ~Q(state__in=list(FINAL)), account=account)
    return Market.objects.filter(pk__in={*held, *recent.values_list("market", flat=True)})


def _open_orders(account: TradingAccount) -> Any:
    return Order.objects.filter(account=account, state__in=[OrderState.UNKNOWN, *OPEN])


def _counts(account: TradingAccount) -> dict[str, int]:
    return {"fills": account.fills.count(), "orders": account.orders.count()}


def _differences(account: TradingAccount, snapshot: Snapshot) -> tuple[list[dict[str, Any]], int]:
    """Return where positions differ, and how many of them became what the venue says.

    Its list of trades may lag behind its positions, and its clock is not ours. So a difference is repaired only when
    the comparison before, some time ago, showed the same one and nothing has moved since.
    """
    theirs = {(p.symbol, p.kind, str(p.position_side)): p for p in snapshot.account.positions}
    markets = markets_of(account.venue, [(symbol, kind) for symbol, kind, _ in theirs])
    earlier, since = _seen_before(account, snapshot.asked_at)
    with transaction.atomic():
        keys = _held(account) | {
            HoldingKey(account.pk, markets[symbol, kind].pk, side)
            for symbol, kind, side in theirs
            if (symbol, kind) in markets
        }
        holdings = holdings_lock(keys) if keys else {}
        rows = {market.pk: market for market in Market.objects.filter(pk__in={key.market_id for key in keys})}
        differences, adjusted = [], 0
        for key, holding in holdings.items():
            market = rows[key.market_id]
            position = theirs.get((market.symbol, MarketKind(market.kind), key.side))
            quantity = position.quantity if position else ZERO
            if quantity == holding.quantity:
                continue
            difference = _difference(market, key, holding, quantity)
            differences.append(difference)
            if since is not None and difference in earlier and not _moving(holding, since):
                _take_theirs(holding, key, market, position, since)
                adjusted += 1
    return differences, adjusted


def _seen_before(account: TradingAccount, now: datetime) -> tuple[list[Any], datetime | None]:
    """Return the differences of the last comparison and its end, if that is long enough ago."""
    last = account.reconciliations.filter(error="", finished_at__isnull=False).first()
    if last is None or last.finished_at is None or last.finished_at > now - APART:
        return [], None
    return last.differences, last.finished_at


def _held(account: TradingAccount) -> set[HoldingKey]:
    rows = Holding.objects.filter(account=account).exclude(quantity=0).exclude(market__kind=MarketKind.SPOT)
    return {HoldingKey(row.account_id, row.market_id, row.side) for row in rows}


def _moving(holding: Holding, since: datetime) -> bool:
    """Return whether trades were booked since, by our clock, or are still expected."""
    orders = Order.objects.filter(account=holding.account_id, market=holding.market_id)
    expected = orders.filter(Q(state__in=list(IN_DOUBT)) | Q(filled_quantity__gt=F("booked_quantity")))
    trades = Fill.objects.filter(account=holding.account_id, market=holding.market_id, position_side=holding.side)
    return trades.filter(stored_at__gte=since).exists() or expected.exists()


def _difference(market: Market, key: HoldingKey, holding: Holding, quantity: Decimal) -> dict[str, Any]:
    here, there = plain_digits(holding.quantity), plain_digits(quantity)
    return {"symbol": market.symbol, "kind": market.kind, "side": key.side, "here": here, "venue": there}


def _take_theirs(
    holding: Holding, key: HoldingKey, market: Market, position: PositionReport | None, since: datetime
) -> None:
    quantity = position.quantity if position else ZERO
    entry = position.entry_price if position else ZERO
    adjustment = HoldingAdjustment.objects.create(
        account_id=key.account_id,
        market_id=key.market_id,
        side=key.side,
        quantity_before=holding.quantity,
        quantity=quantity,
        cost=value_of(terms_of(market), abs(quantity), entry) if quantity and entry else ZERO,
        reason="The venue holds this, and no trade explains the difference.",
        time=since,
    )
    holdings_apply({key: [adjustment_fact(adjustment)]}, {market.pk: market})
    logger.warning("Account %s: %s of %s becomes %s, as at the venue", key.account_id, holding, market, quantity)
