"""What a paper venue refuses before it looks at money, in Binance's words and codes (pure)."""

import re
from collections.abc import Mapping
from decimal import Decimal

from markets.rounding import ProblemCode, check_order
from markets.venues.base import Capabilities, MarketSpec, OrderRequest, PriceReport
from markets.venues.errors import Rejected, RejectReason
from markets.venues.paper import pricing
from markets.venues.paper.facts import Ledger
from markets.venues.vocabulary import (
    CONDITIONAL_TYPES,
    PRICED_TYPES,
    MarketKind,
    OrderType,
    PositionSide,
    TimeInForce,
)

REASONS: Mapping[ProblemCode, RejectReason] = {
    ProblemCode.LOT_SIZE: RejectReason.LOT_SIZE,
    ProblemCode.MIN_QUANTITY: RejectReason.LOT_SIZE,
    ProblemCode.MAX_QUANTITY: RejectReason.LOT_SIZE,
    ProblemCode.PRICE_FILTER: RejectReason.PRICE_FILTER,
    ProblemCode.MIN_NOTIONAL: RejectReason.MIN_NOTIONAL,
    ProblemCode.MAX_NOTIONAL: RejectReason.MIN_NOTIONAL,
    ProblemCode.PERCENT_PRICE: RejectReason.PRICE_BAND,
}
CLOSING_TYPES = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})


def check_capabilities(request: OrderRequest, able: Capabilities) -> None:
    """Refuse what the venue has no words for."""
    if request.kind not in able.kinds:
        raise Rejected("Invalid symbol.", reason=RejectReason.UNKNOWN_SYMBOL)
    if not re.fullmatch(able.client_order_id, request.client_order_id):
        raise _bad("Client order id is not valid.")
    known_time = request.time_in_force is None or request.time_in_force in able.times_in_force
    if request.type not in able.order_types or not known_time:
        raise _bad("Order type or time in force not supported by this venue.")


def check_parameters(request: OrderRequest) -> None:
    """Refuse what is not an order of any kind."""
    if request.type is OrderType.TRAILING_STOP_MARKET or request.time_in_force is TimeInForce.GTD:
        raise _bad("Order type or time in force not supported by paper accounts.")
    _check_amount(request)
    if (request.price is not None) != (request.type in PRICED_TYPES):
        raise _bad("Parameter 'price' is missing, or sent when not required.")
    if (request.stop_price is not None) != (request.type in CONDITIONAL_TYPES):
        raise _bad("Parameter 'stopPrice' is missing, or sent when not required.")
    for amount in (request.quantity, request.quote_quantity, request.price, request.stop_price):
        if amount is not None and (not amount.is_finite() or amount <= 0):
            raise _bad("Prices and quantities must be greater than zero.")


def _check_amount(request: OrderRequest) -> None:
    if request.close_position:
        if request.type not in CLOSING_TYPES or request.quantity is not None or request.reduce_only:
            raise _bad("closePosition goes with STOP_MARKET or TAKE_PROFIT_MARKET, without quantity and reduceOnly.")
    elif (request.quantity is None) == (request.quote_quantity is None):
        raise _bad("Send either 'quantity' or 'quoteOrderQty'.")
    if request.quote_quantity is not None and (
        request.kind is not MarketKind.SPOT or request.type is not OrderType.MARKET
    ):
        raise _bad("'quoteOrderQty' is for market orders on spot.")


def check_position_side(request: OrderRequest, ledger: Ledger) -> None:
    """Refuse an order that does not fit the account's mode."""
    if request.kind is MarketKind.SPOT:
        if request.reduce_only or request.close_position or request.position_side is not PositionSide.BOTH:
            raise _bad("Spot has no positions.")
        return
    here = [key for key in ledger.positions if (key.kind, key.symbol) == (request.kind, request.symbol)]
    hedged = {key.position_side is not PositionSide.BOTH for key in here}
    wanted = request.position_side is not PositionSide.BOTH
    if wanted is not ledger.hedge_mode or hedged - {wanted}:
        raise Rejected(
            "Order's position side does not match user's setting.",
            reason=RejectReason.POSITION_SIDE_MISMATCH,
            code="-4061",
        )


def check_market(market: MarketSpec) -> None:
    """Refuse orders while the market does not trade."""
    if not market.trading:
        raise Rejected("Market is closed.", reason=RejectReason.MARKET_CLOSED)


def check_offer(request: OrderRequest, market: MarketSpec) -> None:
    """Refuse what the venue knows and this market does not take, where the venue has said what it takes."""
    types, times, time = market.order_types, market.times_in_force, request.time_in_force
    if types and request.type not in types:
        kind = request.type.replace("_", " ").capitalize()
        raise _bad(f"{kind} orders are not supported for this symbol: it takes {', '.join(types)}.")
    if times and time is not None and time not in times:
        raise _bad(f"Time in force {time} is not supported for this symbol: it takes {', '.join(times)}.")


def check_filters(
    request: OrderRequest, quantity: Decimal | None, market: MarketSpec, price: PriceReport | None, *, closes_only: bool
) -> None:
    """Refuse what breaks the market's filters; `quantity` is None where the position will tell it."""
    here = pricing.mark(price) if price else None
    problems = check_order(
        market.filters,
        kind=market.kind,
        side=request.side,
        market_order=request.type not in PRICED_TYPES,
        quantity=quantity,
        price=request.price,
        stop_price=request.stop_price,
        reference_price=request.stop_price or here,
        # A stop's price lies where the market is when it triggers, which nobody knows now.
        mark_price=here if request.type is OrderType.LIMIT else None,
        reduce_only=closes_only,
        contract_size=market.contract_size,
    )
    if problems:
        raise Rejected(problems[0].message, reason=REASONS[problems[0].code])


def _bad(message: str) -> Rejected:
    return Rejected(message, reason=RejectReason.BAD_PARAMETERS)
