"""Accepting paper orders: from an account's books, a request and a price to new books, an order and its trades (pure).

Nothing is changed in place: what is refused leaves no trace.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from markets.venues.base import MarketSpec, OrderRequest, PriceReport
from markets.venues.errors import Rejected, RejectReason
from markets.venues.paper import checks, pricing
from markets.venues.paper.facts import Ledger, Marks, Order, Trade, position_key, quote_worth, worth
from markets.venues.paper.numbers import ONE, ZERO, booked_up, exact, floored
from markets.venues.paper.pricing import Slice
from markets.venues.paper.settle import release, reserve, settle
from markets.venues.paper.terms import Terms
from markets.venues.paper.words import FOK_REST, IOC_REST, lacking
from markets.venues.vocabulary import (
    CONDITIONAL_TYPES,
    PRICED_TYPES,
    MarketKind,
    OrderType,
    Side,
    TimeInForce,
    VenueStatus,
)


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the market at one moment. `marks` are the prices of all that the account holds."""

    market: MarketSpec
    price: PriceReport | None
    is_stale: bool
    marks: Marks
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The books after something happened to an order, the order itself, and its new trades."""

    ledger: Ledger
    order: Order
    trades: tuple[Trade, ...] = ()


@exact
def place(ledger: Ledger, request: OrderRequest, view: View, terms: Terms) -> Outcome:
    """Accept an order: trade what trades at once, lock what the rest needs; `Rejected` says why not."""
    checks.check_market(view.market)
    checks.check_parameters(request)
    checks.check_offer(request, view.market)
    checks.check_position_side(request, ledger)
    touch = _usable_price(ledger, request, view)
    order = _accepted(ledger, request, view, terms, touch)
    after = ledger.copy()
    if order.waits_for_trigger:
        _refuse_trigger(order, view)
        outcome = Outcome(after, _reserve_stop(after, order, view.market, terms))
    else:
        outcome = work_now(after, order, view, terms, touch)
    refuse_poverty(ledger, outcome, view)
    return outcome


@exact
def cancel(ledger: Ledger, order: Order, *, now: datetime, status: VenueStatus, reason: str = "") -> Outcome:
    """End an order that is open, and unlock what was locked for it."""
    after = ledger.copy()
    return Outcome(after, ended(after, order, now=now, status=status, reason=reason))


def ended(ledger: Ledger, order: Order, *, now: datetime, status: VenueStatus, reason: str = "") -> Order:
    """End an order on books that may be changed."""
    released = release(ledger, order, order.remaining)
    return replace(released, status=status, reason=reason, updated_at=now)


def work_now(ledger: Ledger, order: Order, view: View, terms: Terms, touch: Decimal) -> Outcome:
    """Trade an order as far as it goes at once, on books that may be changed; let the rest wait, or end it."""
    trades = []
    for part in taken(order, view.market, touch, terms):
        order, trade = settle(ledger, order, part, view.market, terms, is_maker=False, now=view.now)
        trades.append(trade)
    if order.is_open and order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
        reason = IOC_REST if order.time_in_force is TimeInForce.IOC else FOK_REST
        order = ended(ledger, order, now=view.now, status=VenueStatus.EXPIRED, reason=reason)
    elif order.is_open:
        order = reserve_rest(ledger, order, view.market)
    return Outcome(ledger, order, tuple(trades))


def taken(order: Order, market: MarketSpec, touch: Decimal, terms: Terms) -> list[Slice]:
    """Return what an order takes from the book at once."""
    if order.type not in PRICED_TYPES:
        first = order.trades + 1
        return list(pricing.sweep(order.remaining, order.side, market, touch, terms, order.client_order_id, first))
    assert order.price is not None
    if not pricing.crosses(order.side, order.price, touch):
        return []
    beyond = pricing.slipped(touch, order.side, terms.slippage, market.filters.price_tick)
    part = pricing.nibble(order, market, pricing.no_worse(order.side, beyond, order.price), terms)
    if order.time_in_force is TimeInForce.FOK and part.quantity < order.remaining:
        return []
    return [part]


def reserve_rest(ledger: Ledger, order: Order, market: MarketSpec) -> Order:
    """Lock what the waiting part of a limit order needs."""
    assert order.price is not None
    if market.kind is not MarketKind.SPOT:
        return reserve(ledger, order, market.margin_asset, opening_margin(ledger, order, market, order.price))
    if order.side is Side.SELL:
        return reserve(ledger, order, market.base_asset, order.remaining)
    return reserve(ledger, order, market.quote_asset, quote_worth(market, order.remaining, order.price))


def opening_margin(ledger: Ledger, order: Order, market: MarketSpec, price: Decimal) -> Decimal:
    """Return the margin of what an order would open."""
    if order.closes_only:
        return ZERO
    opens = max(ZERO, order.remaining - ledger.closable(order.position_key, order.side))
    value = worth(market.kind, opens, market.contract_size, price)
    return booked_up(value / ledger.leverage_of(market.symbol))


def refuse_poverty(before: Ledger, outcome: Outcome, view: View) -> None:
    """Refuse what the account cannot pay; exits always can."""
    market, ledger = view.market, outcome.ledger
    if market.kind is MarketKind.SPOT:
        for asset in (market.base_asset, market.quote_asset):
            old, new = _means(before, asset, view.marks), _means(ledger, asset, view.marks)
            short = [-now for earlier, now in zip(old, new, strict=True) if now < 0 and now < earlier]
            if short:
                raise Rejected(
                    f"Account has insufficient balance for requested action: it lacks {lacking(max(short), asset)}.",
                    reason=RejectReason.INSUFFICIENT_BALANCE,
                    code="-2010",
                )
    elif adds_risk(before, outcome.order) and (free := ledger.available(market.margin_asset, view.marks)) < 0:
        raise Rejected(
            f"Margin is insufficient: the account lacks {lacking(-free, market.margin_asset)} for this order.",
            reason=RejectReason.INSUFFICIENT_MARGIN,
            code="-2019",
        )


def _means(ledger: Ledger, asset: str, marks: Marks) -> tuple[Decimal, Decimal]:
    """Return what there is of an asset, and what of it neither orders nor positions need."""
    owned = ledger.balance(asset)
    return owned.total, min(owned.free, ledger.available(asset, marks))


def adds_risk(before: Ledger, order: Order) -> bool:
    """Whether an order does more than to close; one that waits for a trigger is asked then."""
    if order.closes_only or order.waits_for_trigger:
        return False
    return order.quantity > before.closable(order.position_key, order.side)


def _usable_price(ledger: Ledger, request: OrderRequest, view: View) -> Decimal:
    """Return the best price; new risk needs a fresh one, an exit takes the last one that was known."""
    touch = pricing.best(view.price, request.side) if view.price else None
    if view.price is None or touch is None:
        raise Rejected(f"There is no price of {request.symbol}.", reason=RejectReason.STALE_PRICE)
    if view.is_stale and not _is_exit(ledger, request):
        age = int((view.now - view.price.time).total_seconds())
        raise Rejected(f"The price of {request.symbol} is {age} seconds old.", reason=RejectReason.STALE_PRICE)
    return touch


def _is_exit(ledger: Ledger, request: OrderRequest) -> bool:
    if request.kind is MarketKind.SPOT:
        return request.side is Side.SELL
    if request.reduce_only or request.close_position:
        return True
    closable = ledger.closable(position_key(request), request.side)
    return bool(closable) and request.quantity is not None and request.quantity <= closable


def _accepted(ledger: Ledger, request: OrderRequest, view: View, terms: Terms, touch: Decimal) -> Order:
    """Return the order as it enters the books: with its quantity, checked against the filters."""
    market, at_market = view.market, request.type not in PRICED_TYPES
    order = Order(
        client_order_id=request.client_order_id,
        symbol=request.symbol,
        kind=request.kind,
        side=request.side,
        type=request.type,
        position_side=request.position_side,
        quantity=request.quantity or ZERO,
        created_at=view.now,
        updated_at=view.now,
        price=request.price,
        stop_price=request.stop_price,
        time_in_force=None if at_market else request.time_in_force or TimeInForce.GTC,
        reduce_only=request.reduce_only,
        close_position=request.close_position,
        working_type=request.working_type,
        price_protect=request.price_protect,
    )
    if request.quote_quantity is not None:
        order = replace(order, quantity=_affordable(order, request.quote_quantity, market, touch, terms))
    quantity = None if order.close_position else order.quantity
    checks.check_filters(request, quantity, market, view.price, closes_only=order.closes_only)
    if order.time_in_force is TimeInForce.GTX and order.type is OrderType.LIMIT:
        _refuse_taker(order, touch)
    return _capped(ledger, order)


def _affordable(order: Order, budget: Decimal, market: MarketSpec, touch: Decimal, terms: Terms) -> Decimal:
    """Return the most that a budget in the quote trades, on the step."""
    step = market.filters.quantity_step
    quantity = floored(budget / (touch * market.contract_size), step)
    parts = pricing.sweep(quantity, order.side, market, touch, terms, order.client_order_id)
    cost = sum((quote_worth(market, part.quantity, part.price) for part in parts), ZERO)
    # Less of it is never dearer a piece, so one correction suffices.
    return quantity if cost <= budget else floored(quantity * budget / cost, step)


def _capped(ledger: Ledger, order: Order) -> Order:
    """Return a closing order no larger than its position; stops look at the position when they trigger."""
    if not order.closes_only or order.type in CONDITIONAL_TYPES:
        return order
    closable = ledger.closable(order.position_key, order.side)
    if not closable:
        raise Rejected("ReduceOnly Order is rejected.", reason=RejectReason.REDUCE_ONLY_REFUSED, code="-2022")
    return replace(order, quantity=min(order.quantity, closable))


def _refuse_taker(order: Order, touch: Decimal) -> None:
    assert order.price is not None
    if pricing.crosses(order.side, order.price, touch):
        raise Rejected(
            "Order would immediately match and take.", reason=RejectReason.POST_ONLY_WOULD_TAKE, code="-5022"
        )


def _refuse_trigger(order: Order, view: View) -> None:
    price = pricing.trigger_price(view.price, order.working_type) if view.price else None
    assert order.stop_price is not None
    if price is not None and pricing.has_reached(order.type, order.side, order.stop_price, price):
        raise Rejected("Order would immediately trigger.", reason=RejectReason.WOULD_TRIGGER, code="-2021")


def _reserve_stop(ledger: Ledger, order: Order, market: MarketSpec, terms: Terms) -> Order:
    """Lock coins for a stop on spot, a slippage more than its stop price for a market one; futures lock nothing yet."""
    if market.kind is not MarketKind.SPOT:
        return order
    if order.side is Side.SELL:
        return reserve(ledger, order, market.base_asset, order.remaining)
    assert order.stop_price is not None
    price = order.price or order.stop_price * (ONE + terms.slippage / 10_000)
    return reserve(ledger, order, market.quote_asset, quote_worth(market, order.remaining, price))
