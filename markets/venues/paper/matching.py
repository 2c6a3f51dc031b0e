"""What price changes do to waiting paper orders and to positions (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from markets.venues.base import MarketSpec, PriceReport
from markets.venues.errors import Rejected, RejectReason
from markets.venues.paper import pricing
from markets.venues.paper.engine import Outcome, View, ended, refuse_poverty, taken, work_now
from markets.venues.paper.facts import Held, Ledger, MarketKey, Marks, Order, Trade, worth
from markets.venues.paper.numbers import ZERO, booked_up, exact
from markets.venues.paper.pricing import Slice
from markets.venues.paper.settle import release, settle
from markets.venues.paper.terms import Terms
from markets.venues.paper.words import LIQUIDATION
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce, VenueStatus


@exact
def work(ledger: Ledger, order: Order, view: View, terms: Terms) -> Outcome:
    """Bring a waiting order up to a price: trigger it, trade it, end it, or leave it as it is."""
    touch = pricing.best(view.price, order.side) if view.price else None
    if view.price is None or touch is None or not view.market.trading or not order.is_open:
        return Outcome(ledger, order)
    after = ledger.copy()
    try:
        if order.waits_for_trigger:
            return _trigger(ledger, after, order, view, terms, touch)
        return _make(ledger, after, order, view, terms, touch)
    except Rejected as refusal:
        return _expire(ledger, order, view.now, refusal.reason)


def _trigger(before: Ledger, after: Ledger, order: Order, view: View, terms: Terms, touch: Decimal) -> Outcome:
    """Turn a stop whose price was reached into the order that it stands for."""
    assert view.price is not None
    assert order.stop_price is not None
    price = pricing.trigger_price(view.price, order.working_type)
    if price is None or not pricing.has_reached(order.type, order.side, order.stop_price, price):
        return Outcome(before, order)
    if pricing.is_protected(order, view.market, view.price):
        return Outcome(before, order)
    live = replace(release(after, order, order.remaining), triggered=True, updated_at=view.now)
    if live.closes_only:
        closable = after.closable(live.position_key, live.side)
        if not closable:
            return _expire(before, order, view.now, RejectReason.REDUCE_ONLY_REFUSED)
        live = replace(live, quantity=closable if live.close_position else min(live.quantity, closable))
    takes = live.price is not None and pricing.crosses(live.side, live.price, touch)
    if live.time_in_force is TimeInForce.GTX and takes:
        return _expire(before, order, view.now, RejectReason.POST_ONLY_WOULD_TAKE)
    outcome = work_now(after, live, view, terms, touch)
    refuse_poverty(before, outcome, view)
    return outcome


def _make(before: Ledger, after: Ledger, order: Order, view: View, terms: Terms, touch: Decimal) -> Outcome:
    """Fill a resting limit order that the market has come to, at its own price."""
    if order.price is None or not pricing.crosses(order.side, order.price, touch):
        return Outcome(before, order)
    part = pricing.nibble(order, view.market, order.price, terms)
    if order.closes_only:
        closable = after.closable(order.position_key, order.side)
        if not closable:
            return _expire(before, order, view.now, RejectReason.REDUCE_ONLY_REFUSED)
        part = Slice(part.price, min(part.quantity, closable))
    is_covered = _is_covered(before, order, part, view.market)
    filled, trade = settle(after, order, part, view.market, terms, is_maker=True, now=view.now)
    outcome = Outcome(after, filled, (trade,))
    if not is_covered:
        refuse_poverty(before, outcome, view)
    return outcome


def _is_covered(ledger: Ledger, order: Order, part: Slice, market: MarketSpec) -> bool:
    """Whether what is locked for a part of an order pays for it, so that nobody has to look at the account."""
    if order.closes_only:
        return True
    if market.kind is MarketKind.SPOT:
        return False
    opens = max(ZERO, part.quantity - ledger.closable(order.position_key, order.side))
    value = worth(market.kind, opens, market.contract_size, part.price)
    needed = booked_up(value / ledger.leverage_of(market.symbol))
    return needed <= booked_up(order.reserved * part.quantity / order.remaining)


def _expire(before: Ledger, order: Order, now: datetime, reason: str) -> Outcome:
    after = before.copy()
    return Outcome(after, ended(after, order, now=now, status=VenueStatus.EXPIRED, reason=reason))


@dataclass(frozen=True, slots=True)
class Liquidation:
    """The books after a liquidation, the orders that it ended and made, and the trades that closed the positions."""

    ledger: Ledger
    orders: tuple[Order, ...]
    trades: tuple[Trade, ...]


@exact
def is_broke(ledger: Ledger, asset: str, marks: Marks, terms: Terms) -> bool:
    """Whether what an account has in a margin asset no longer keeps its positions.

    All positions of the asset share its balance (cross margin). They fall together once balance and unrealised profit
    are no more than the maintenance margin, which is one rate of the positions' worth. A price that is missing proves
    nothing, so it saves the account.
    """
    positions = ledger.margined_in(asset)
    if not positions or any(MarketKey(held.kind, held.symbol) not in marks for held in positions):
        return False
    value = sum(
        (
            worth(held.kind, abs(held.quantity), held.contract_size, marks[MarketKey(held.kind, held.symbol)])
            for held in positions
        ),
        ZERO,
    )
    return ledger.balance(asset).total + ledger.unrealized(asset, marks) <= value * terms.maintenance


@exact
def liquidate(
    ledger: Ledger, asset: str, open_orders: Sequence[Order], views: Mapping[MarketKey, View], terms: Terms
) -> Liquidation:
    """End the open orders that need a margin asset, and close all its positions at the market.

    `views` holds the markets of the positions. What is still owed afterwards is forgiven.
    """
    after = ledger.copy()
    orders: list[Order] = []
    trades: list[Trade] = []
    held_in = {MarketKey(held.kind, held.symbol) for held in after.margined_in(asset)}
    now = next(views[key].now for key in held_in)
    orders.extend(
        ended(after, order, now=now, status=VenueStatus.EXPIRED, reason=LIQUIDATION)
        for order in open_orders
        if order.reserved_asset == asset or MarketKey(order.kind, order.symbol) in held_in
    )
    for held in after.margined_in(asset):
        view = views[MarketKey(held.kind, held.symbol)]
        order = _closing(held, view.now)
        for part in taken(order, view.market, _liquidation_price(view.price, order.side), terms):
            order, trade = settle(after, order, part, view.market, terms, is_maker=False, now=view.now)
            trades.append(trade)
        orders.append(order)
    return Liquidation(after, tuple(orders), tuple(trades))


def _closing(held: Held, now: datetime) -> Order:
    moment = int(now.timestamp() * 1000)
    return Order(
        client_order_id=f"autoclose-{held.kind}-{held.symbol}-{held.position_side}-{moment}",
        symbol=held.symbol,
        kind=held.kind,
        side=Side.SELL if held.quantity > 0 else Side.BUY,
        type=OrderType.MARKET,
        position_side=held.position_side,
        quantity=abs(held.quantity),
        created_at=now,
        updated_at=now,
        reduce_only=True,
        reason=LIQUIDATION,
    )


def _liquidation_price(price: PriceReport | None, side: Side) -> Decimal:
    touch = pricing.best(price, side) if price else None
    assert touch is not None
    return touch
