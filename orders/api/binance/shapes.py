"""How the proxy's orders stand on the wire: snake_case, amounts as texts in their own digits."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from copytrade.lib.wire import iso_time, plain_digits
from markets.venues.vocabulary import WAITING_STOP, MarketKind, OrderType
from orders.models import Order
from orders.proxy.translation import binance_type
from orders.states import OrderState

Amount = Annotated[str, msgspec.Meta(examples=["0.001"])]
Time = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2026-02-05T00:05:00.000Z"])]
# Binance's own words where it has one for the state.
STATUSES = {
    OrderState.PENDING: "PENDING_NEW",
    OrderState.SENDING: "PENDING_NEW",
    OrderState.FAILED: "REJECTED",
}
Status = Literal["PENDING_NEW", "UNKNOWN", "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED"]
IN_DOUBT_MESSAGE = (
    "Binance did not say what became of this order. It is being resolved by asking Binance for it: read it again in "
    "a moment, by its client order id or in the list of recent orders, and never place it again."
)
ON_ITS_WAY_MESSAGE = "This order is being sent right now: read it again in a moment."
MESSAGES = {
    OrderState.PENDING: ON_ITS_WAY_MESSAGE,
    OrderState.SENDING: ON_ITS_WAY_MESSAGE,
    OrderState.UNKNOWN: IN_DOUBT_MESSAGE,
}


class ProxyOrder(msgspec.Struct, kw_only=True):
    """An order of the proxy.

    `id` is ours, `order_id` Binance's (null until it has given one). `status` is in Binance's words, `state` tells
    the same in ours; `binance_response` is Binance's own answer to the placing. `reason` says why an order was
    refused, or what is being waited for.
    """

    id: int
    order_id: str | None
    client_order_id: str
    account: int
    symbol: str
    market_type: Literal["spot", "usd_m", "coin_m"]
    side: Literal["BUY", "SELL"]
    position_side: Literal["BOTH", "LONG", "SHORT"]
    order_type: Annotated[str, msgspec.Meta(description="As Binance calls it.", examples=["LIMIT"])]
    status: Status
    state: Annotated[str, msgspec.Meta(extra_json_schema={"enum": [state.value for state in OrderState]})]
    price: Amount | None
    quantity: Amount | None
    quote_quantity: Amount | None
    executed_qty: Amount
    average_price: Amount | None
    time_in_force: str | None
    reduce_only: bool
    close_position: bool
    stop_price: Amount | None
    working_type: str | None
    price_protect: bool
    reason: str | None
    created_at: Time
    updated_at: Time
    binance_response: dict[str, Any] | None


class PlacedMeta(msgspec.Struct):
    """`repeated`: an earlier request placed it. `message`: what to do where the outcome is not known yet."""

    repeated: bool
    message: str | None


class PageMeta(msgspec.Struct):
    """Which part of how many."""

    total: int
    limit: int
    offset: int


class PlacedAnswer(msgspec.Struct):
    """An order that was placed, or that may have been."""

    success: Literal[True]
    data: ProxyOrder
    meta: PlacedMeta


class ProxyOrderAnswer(msgspec.Struct):
    """An order as it is now."""

    success: Literal[True]
    data: ProxyOrder


class ProxyOrdersAnswer(msgspec.Struct):
    """Orders, newest first."""

    success: Literal[True]
    data: list[ProxyOrder]
    meta: PageMeta


def proxy_order(order: Order) -> ProxyOrder:
    """Return an order as it stands on the wire; its account and market must be loaded."""
    kind, state = MarketKind(order.market.kind), OrderState(order.state)
    name = binance_type(kind, OrderType(order.type), order.time_in_force)
    return ProxyOrder(
        id=order.pk,
        order_id=order.venue_order_id.removeprefix(WAITING_STOP) or None,
        client_order_id=order.client_order_id,
        account=order.account_id,
        symbol=order.market.symbol,
        market_type=kind.value,  # type: ignore[arg-type]  # the proxy knows Binance's kinds only
        side=order.side,  # type: ignore[arg-type]  # the column has these choices
        position_side=order.position_side,  # type: ignore[arg-type]
        order_type=name,
        status=STATUSES.get(state, state.value),  # type: ignore[arg-type]
        state=state.value,
        price=_amount(order.price),
        quantity=_amount(order.quantity),
        quote_quantity=_amount(order.quote_quantity),
        executed_qty=plain_digits(order.filled_quantity),
        average_price=_amount(order.average_price),
        time_in_force=None if name == "LIMIT_MAKER" else order.time_in_force or None,
        reduce_only=order.reduce_only,
        close_position=order.close_position,
        stop_price=_amount(order.stop_price),
        working_type=order.working_type or None,
        price_protect=order.price_protect,
        reason=order.reason or None,
        created_at=iso_time(order.created_at),
        updated_at=iso_time(order.updated_at),
        binance_response=order.venue_response,
    )


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain_digits(value)
