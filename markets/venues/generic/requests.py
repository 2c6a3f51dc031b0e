"""Orders on their way to an exchange: what is refused before it is sent, and how ccxt takes the rest (pure)."""

import re
from collections.abc import Mapping
from typing import Any

from markets.rounding import ProblemCode, check_order
from markets.venues.base import Capabilities, OrderRequest
from markets.venues.errors import Rejected, RejectReason
from markets.venues.generic import translate
from markets.venues.vocabulary import OrderType, PositionSide, TimeInForce

OUR_STEPS = frozenset({ProblemCode.LOT_SIZE, ProblemCode.PRICE_FILTER})

# With these ccxt would send an order again that failed, whatever became of it.
RESERVED = frozenset({"maxRetriesOnFailure", "defaultMaxRetriesOnFailure"})


def refuse_foreign(request: OrderRequest, able: Capabilities) -> None:
    """Refuse what the capabilities do not hold, before anything is sent."""
    if request.position_side is not PositionSide.BOTH:
        raise Rejected("There is no hedge mode here.", reason=RejectReason.POSITION_SIDE_MISMATCH)
    fits = (
        re.fullmatch(able.client_order_id, request.client_order_id)
        and request.type in able.order_types
        and (request.time_in_force is None or request.time_in_force in able.times_in_force)
        and request.quantity is not None
        and (request.price is not None) == (request.type is OrderType.LIMIT)
        and not request.close_position
        and request.stop_price is None
    )
    if not fits:
        raise Rejected("The exchange takes plain orders only.", reason=RejectReason.BAD_PARAMETERS)


def refuse_off_grid(request: OrderRequest, market: Mapping[str, Any], precision_mode: int) -> None:
    """Refuse what is off the steps: it would be rounded on its way, and be another order than the one asked."""
    spec = translate.market_spec(market, request.kind, precision_mode)
    problems = check_order(
        spec.filters,
        kind=request.kind,
        side=request.side,
        market_order=request.type is OrderType.MARKET,
        quantity=request.quantity,
        price=request.price,
    )
    off = next((problem for problem in problems if problem.code in OUR_STEPS), None)
    if off is not None:
        raise Rejected(off.message, reason=off.code)


def parameters_of(request: OrderRequest) -> dict[str, Any]:
    """Return the parameters of ccxt's call beside the plain ones."""
    extra = {name: value for name, value in request.extra.items() if name not in RESERVED}
    parameters: dict[str, Any] = {**extra, "clientOrderId": request.client_order_id}
    if request.type is OrderType.LIMIT:
        if request.time_in_force is TimeInForce.GTX:
            parameters["postOnly"] = True
        else:
            parameters["timeInForce"] = (request.time_in_force or TimeInForce.GTC).value
    if request.reduce_only:
        parameters["reduceOnly"] = True
    return parameters
