"""Our orders as XTS takes them (pure)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from markets.rounding import price_round
from markets.venues.base import ZERO, OrderRequest
from markets.venues.errors import NotSupported, Rejected, RejectReason
from markets.venues.iifl.house import House
from markets.venues.iifl.master import SEGMENT, Instrument
from markets.venues.iifl.names import unique_identifier
from markets.venues.vocabulary import OrderType, Side, TimeInForce

TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_MARKET: "STOPMARKET",
    OrderType.STOP_LIMIT: "STOPLIMIT",
}
WITHOUT_LIMIT: Mapping[OrderType, OrderType] = {
    OrderType.MARKET: OrderType.LIMIT,
    OrderType.STOP_MARKET: OrderType.STOP_LIMIT,
}
PRODUCT = "productType"
DELIVERY = "CNC"


def placement(request: OrderRequest, instrument: Instrument, house: House, client: str) -> dict[str, Any]:
    """Return the body of a placing; `client` is empty where the login trades for itself."""
    body = {
        "exchangeSegment": SEGMENT,
        "exchangeInstrumentID": instrument.id,
        "productType": request.extra.get(PRODUCT, house.product),
        "orderType": TYPES[request.type],
        "orderSide": request.side.value,
        "timeInForce": "IOC" if request.time_in_force is TimeInForce.IOC else "DAY",
        "disclosedQuantity": 0,
        "orderQuantity": request.quantity,
        "limitPrice": request.price or ZERO,
        "stopPrice": request.stop_price or ZERO,
        "orderUniqueIdentifier": unique_identifier(request.client_order_id),
        "apiOrderSource": house.source,
    }
    return {**body, "clientID": client} if client else body


def check(request: OrderRequest) -> None:
    """Refuse what XTS has no words for; `NotSupported` and `Rejected` as in `markets.venues.base.Execution`."""
    if request.type not in TYPES or request.close_position or request.reduce_only:
        raise NotSupported(
            "XTS has no orders that only reduce or close, nor others than limits, stops and market ones."
        )
    if request.extra.get(PRODUCT) == DELIVERY:
        raise NotSupported("Shares that are delivered leave the positions, and the holdings of a depot are not read.")
    if request.quantity is None:
        raise Rejected("An order needs a quantity of shares.", reason=RejectReason.BAD_PARAMETERS)


def protected(request: OrderRequest, instrument: Instrument, *, percent: Decimal, last: Decimal) -> OrderRequest:
    """Return an order without a limit as one with a limit: so many percent beyond the price, on the tick outside.

    A stop counts from its own price, since that is where the market will be.
    """
    buys = request.side is Side.BUY
    around = request.stop_price if request.stop_price is not None else last
    factor = 1 + percent / 100 if buys else 1 - percent / 100
    price = price_round(instrument.spec.filters, around * factor, up=buys)
    filters = instrument.spec.filters
    if filters.price_max is not None:
        price = min(price, filters.price_max)
    if filters.price_min is not None:
        price = max(price, filters.price_min)
    return replace(request, type=WITHOUT_LIMIT[request.type], price=price)
