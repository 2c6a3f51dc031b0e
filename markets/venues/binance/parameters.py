"""Our orders in Binance's words (pure). Sources: the trading pages of the three APIs."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from copytrade.lib.wire import plain_digits
from markets.venues.base import OrderReference, OrderRequest
from markets.venues.binance.endpoints import Call
from markets.venues.errors import NotSupported
from markets.venues.vocabulary import CONDITIONAL_TYPES, MarketKind, OrderType, PositionSide, TimeInForce

Parameters = dict[str, str]

SPOT_TYPES: Mapping[OrderType, str] = MappingProxyType(
    {
        OrderType.MARKET: "MARKET",
        OrderType.LIMIT: "LIMIT",
        OrderType.STOP_MARKET: "STOP_LOSS",
        OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
        OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT",
        OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT_LIMIT",
    }
)
FUTURES_TYPES: Mapping[OrderType, str] = MappingProxyType(
    {
        OrderType.MARKET: "MARKET",
        OrderType.LIMIT: "LIMIT",
        OrderType.STOP_MARKET: "STOP_MARKET",
        OrderType.STOP_LIMIT: "STOP",
        OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT_MARKET",
        OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
        OrderType.TRAILING_STOP_MARKET: "TRAILING_STOP_MARKET",
    }
)
# What identifies and authorises a request is ours to say, whatever `extra` holds.
RESERVED = frozenset({"signature", "timestamp", "recvWindow", "newClientOrderId", "clientAlgoId", "symbol"})


def is_conditional(kind: MarketKind, order_type: OrderType) -> bool:
    """Return whether such an order lives at the endpoints for conditional orders."""
    return kind is not MarketKind.SPOT and order_type in CONDITIONAL_TYPES


def placement(request: OrderRequest) -> tuple[Call, Parameters]:
    """Return where an order is placed and with which parameters."""
    if request.kind is MarketKind.SPOT:
        return Call.PLACE, _with_extra(request, _spot(request))
    if is_conditional(request.kind, request.type):
        return Call.PLACE_CONDITIONAL, _with_extra(request, _conditional(request))
    return Call.PLACE, _with_extra(request, _futures(request))


def order_key(reference: OrderReference) -> Parameters:
    """Return what names an order: always with its symbol, by Binance's id where that is known."""
    if reference.venue_order_id:
        return {"symbol": reference.symbol, "orderId": reference.venue_order_id}
    return {"symbol": reference.symbol, "origClientOrderId": reference.client_order_id}


def _spot(request: OrderRequest) -> Parameters:
    if request.type not in SPOT_TYPES or request.reduce_only or request.close_position:
        raise NotSupported(f"The spot market has no such order ({request.type}).")
    maker = request.type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTX
    params = {
        "symbol": request.symbol,
        "side": request.side,
        "type": "LIMIT_MAKER" if maker else SPOT_TYPES[request.type],
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "FULL",
    }
    if request.time_in_force is not None and not maker:
        params["timeInForce"] = request.time_in_force.value
    return params | _digits(
        quantity=request.quantity,
        quoteOrderQty=request.quote_quantity,
        price=request.price,
        stopPrice=request.stop_price,
    )


def _futures(request: OrderRequest) -> Parameters:
    params = _futures_common(request) | {
        "newClientOrderId": request.client_order_id,
        # The state after matching: an IOC order or a market order is final in the answer already.
        "newOrderRespType": "RESULT",
    }
    return params | _digits(quantity=request.quantity, price=request.price)


def _conditional(request: OrderRequest) -> Parameters:
    params = _futures_common(request) | {"algoType": "CONDITIONAL", "clientAlgoId": request.client_order_id}
    if request.working_type is not None:
        params["workingType"] = request.working_type.value
    if request.price_protect:
        params["priceProtect"] = "true"
    if request.close_position:
        params["closePosition"] = "true"
    return params | _digits(
        quantity=None if request.close_position else request.quantity,
        price=request.price,
        triggerPrice=request.stop_price,
        activatePrice=request.activation_price,
        callbackRate=request.callback_rate,
    )


def _futures_common(request: OrderRequest) -> Parameters:
    params = {"symbol": request.symbol, "side": request.side, "type": FUTURES_TYPES[request.type]}
    if request.time_in_force is not None:
        params["timeInForce"] = request.time_in_force.value
    if request.position_side is not PositionSide.BOTH:
        # In hedge mode the side says what is reduced, and reduceOnly is refused.
        params["positionSide"] = request.position_side.value
    elif request.reduce_only and not request.close_position:
        params["reduceOnly"] = "true"
    return params


def _digits(**amounts: Decimal | None) -> Parameters:
    return {name: plain_digits(amount) for name, amount in amounts.items() if amount is not None}


def _with_extra(request: OrderRequest, params: Parameters) -> Parameters:
    if not request.extra:
        return params
    return params | {name: value for name, value in request.extra.items() if name not in RESERVED}
