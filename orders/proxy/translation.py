"""Binance's parameters into the words of the house and back (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from markets.venues.vocabulary import (
    MarketKind,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from orders.proxy.parameters import Family, kind_of
from orders.proxy.reading import Given
from orders.proxy.rules import RULES

LIMIT_MAKER = "LIMIT_MAKER"
# What only Binance knows: handed on as it is.
EXTRAS = ("selfTradePreventionMode", "priceMatch", "icebergQty", "goodTillDate", "strategyId", "strategyType")
_BINANCE_TYPES: Mapping[Family, Mapping[OrderType, str]] = {
    family: {rule.house: name for name, rule in rules.items() if name != LIMIT_MAKER} for family, rules in RULES.items()
}


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as the house has it. `extra` holds Binance's own parameters, as texts."""

    kind: MarketKind
    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType | None = None
    price_protect: bool = False
    callback_rate: Decimal | None = None
    activation_price: Decimal | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    client_order_id: str = ""


def wish_of(given: Given) -> Wish:
    """Return the order that checked parameters ask for."""
    name = given.text("type")
    time = TimeInForce.GTX.value if name == LIMIT_MAKER else given.text("timeInForce")
    working = given.text("workingType")
    return Wish(
        kind=kind_of(given.family, given.text("marketType")),
        symbol=given.text("symbol").upper(),
        side=Side(given.text("side")),
        type=RULES[given.family][name].house,
        quantity=given.amount("quantity"),
        quote_quantity=given.amount("quoteOrderQty"),
        price=given.amount("price"),
        stop_price=given.amount("stopPrice"),
        time_in_force=TimeInForce(time) if time else None,
        position_side=PositionSide(given.text("positionSide") or PositionSide.BOTH),
        reduce_only=given.flag("reduceOnly"),
        close_position=given.flag("closePosition"),
        working_type=WorkingType(working) if working else None,
        price_protect=given.flag("priceProtect"),
        callback_rate=given.amount("callbackRate"),
        activation_price=given.amount("activationPrice"),
        extra={key: value for key, value in given.normalised().items() if key in EXTRAS},
        client_order_id=given.text("newClientOrderId"),
    )


def binance_type(kind: MarketKind, order_type: OrderType, time_in_force: str) -> str:
    """Return what Binance calls an order of this kind."""
    if kind == MarketKind.SPOT and order_type == OrderType.LIMIT and time_in_force == TimeInForce.GTX:
        return LIMIT_MAKER
    family = Family.SPOT if kind == MarketKind.SPOT else Family.FUTURES
    return _BINANCE_TYPES[family].get(order_type, order_type.value)
