"""The endpoints of the spot market that need an account."""

import secrets
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from tests.simulators.exchange import spot_shapes as shapes
from tests.simulators.exchange.calls import Call, Endpoint, chosen_orders, chosen_trades, find_order
from tests.simulators.exchange.filters import check
from tests.simulators.exchange.kinds import ZERO, Market, floored
from tests.simulators.exchange.limits import WORDS
from tests.simulators.exchange.matching import reached
from tests.simulators.exchange.orders import Order
from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal, invalid, missing, not_required, rejected

NEEDS = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
    "STOP_LOSS_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "TAKE_PROFIT": ("quantity", "stopPrice"),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "quantity", "price", "stopPrice"),
    "LIMIT_MAKER": ("quantity", "price"),
}
TERMS = (
    *("type", "side", "timeInForce", "quantity", "price", "stopPrice", "quoteOrderQty"),
    "selfTradePreventionMode",
)
UNUSED = {"MARKET": ("price", "timeInForce", "stopPrice"), "LIMIT": ("stopPrice",), "LIMIT_MAKER": ("timeInForce",)}
ANSWERS: dict[str, Callable[[Order], Any]] = {"ACK": shapes.ack, "RESULT": shapes.result, "FULL": shapes.full}
DAY_MS = 86_400_000


class Terms(NamedTuple):
    """What an order says of itself, in the order of the fields of `Order`."""

    side: str
    type: str
    quantity: Decimal
    price: Decimal
    time_in_force: str
    stop_price: Decimal
    quote_quantity: Decimal
    stp_mode: str
    waits: bool


def _read(call: Call) -> Order:
    params, book = call.params, call.book
    terms = _terms(tuple(map(params.values.get, TERMS)))
    kind = terms.type
    if kind not in book.symbol.order_types:
        raise rejected(f"{kind.replace('_', ' ').capitalize()} orders are not supported for this symbol.")
    client_id = params.client_id("newClientOrderId") or secrets.token_hex(11)
    order = Order(call.owner, book.symbol, client_id, *terms)
    if kind == "MARKET" and order.quote_quantity:
        order.quantity = floored(order.quote_quantity / book.price, book.symbol.lots.step)
    if order.waits and reached(kind, order.side, order.stop_price, book.price):
        raise rejected("Order would trigger immediately.")
    return order


@lru_cache(maxsize=1000)
def _terms(texts: tuple[str | None, ...]) -> Terms:
    """Return the terms of an order: those who follow somebody all send the same ones."""
    params = Params({name: text for name, text in zip(TERMS, texts, strict=True) if text})
    kind, side, stop_price = _kind(params), _side(params), params.amount("stopPrice") or ZERO
    return Terms(
        side=side,
        type=kind,
        quantity=params.amount("quantity") or ZERO,
        price=params.amount("price") or ZERO,
        time_in_force=_time_in_force(params),
        stop_price=stop_price,
        quote_quantity=params.amount("quoteOrderQty") or ZERO,
        stp_mode=params.get("selfTradePreventionMode") or "EXPIRE_MAKER",
        waits=bool(stop_price),
    )


def _kind(params: Params) -> str:
    kind = params.text("type")
    if kind not in NEEDS:
        raise Refusal(-1116)
    for name in NEEDS[kind]:
        params.text(name)
    for name in UNUSED.get(kind, ()):
        if params.get(name):
            raise not_required(name)
    quantity, worth = params.get("quantity"), params.get("quoteOrderQty")
    if not (quantity or worth):
        raise missing("quantity")
    if quantity and worth:
        raise Refusal(-1128)
    return kind


def _side(params: Params) -> str:
    side = params.text("side")
    if side not in {"BUY", "SELL"}:
        raise Refusal(-1117)
    return side


def _time_in_force(params: Params) -> str:
    value = params.get("timeInForce") or "GTC"
    if value not in {"GTC", "IOC", "FOK"}:
        raise Refusal(-1115)
    return value


def place(call: Call) -> Any:
    """POST /api/v3/order."""
    values = call.params.values
    kind = values.get("newOrderRespType") or ("FULL" if values.get("type") in {"LIMIT", "MARKET"} else "ACK")
    if kind not in ANSWERS:
        raise invalid("newOrderRespType")
    order = _read(call)
    call.venue.submit(order)
    return ANSWERS[kind](order)


def test(call: Call) -> Any:
    """POST /api/v3/order/test: it only checks."""
    order = _read(call)
    check(order, call.book)
    return {}


def query(call: Call) -> Any:
    """GET /api/v3/order."""
    return shapes.query(find_order(call, code=-2013))


def cancel(call: Call) -> Any:
    """DELETE /api/v3/order."""
    order = find_order(call, code=-2011)
    if not order.open:
        raise Refusal(-2011)
    call.venue.engine.cancel(order, call.params.client_id("newClientOrderId") or secrets.token_hex(11))
    return shapes.cancelled(order)


def cancel_all(call: Call) -> Any:
    """DELETE /api/v3/openOrders."""
    name = call.book.symbol.name
    orders = [order for order in call.ledger.open.values() if order.symbol.name == name]
    if not orders:
        raise Refusal(-2011)
    for order in orders:
        call.venue.engine.cancel(order, secrets.token_hex(11))
    return [shapes.cancelled(order) for order in orders]


def open_orders(call: Call) -> Any:
    """GET /api/v3/openOrders, of one symbol or of all."""
    name = call.book.symbol.name if call.params.get("symbol") else ""
    return [shapes.query(order) for order in call.ledger.open.values() if name in {"", order.symbol.name}]


def all_orders(call: Call) -> Any:
    """GET /api/v3/allOrders; at most 24 hours between startTime and endTime."""
    _check_day(call.params)
    return [shapes.query(order) for order in chosen_orders(call, {call.book.symbol.name})]


def my_trades(call: Call) -> Any:
    """GET /api/v3/myTrades."""
    _check_day(call.params)
    return [shapes.my_trade(trade) for trade in chosen_trades(call, {call.book.symbol.name})]


def _check_day(params: Params) -> None:
    start, end = params.number("startTime"), params.number("endTime")
    if start is not None and end is not None and end - start > DAY_MS:
        raise Refusal(-1127, "More than 24 hours between startTime and endTime.")


def account(call: Call) -> Any:
    """GET /api/v3/account."""
    return shapes.account(call.owner, call.now, omit_zero=call.params.flag("omitZeroBalances"))


def restrictions(call: Call) -> Any:
    """GET /sapi/v1/account/apiRestrictions."""
    return shapes.restrictions(call.owner)


def commission(call: Call) -> Any:
    """GET /api/v3/account/commission."""
    return shapes.commission(call.owner, call.book.symbol.name)


def order_counts(call: Call) -> Any:
    """GET /api/v3/rateLimit/order."""
    rows = []
    for span, limit in call.venue.limits.orders["spot"].items():
        number, interval = WORDS[span].split()
        window = call.owner.windows["spot"].get(span)
        rows.append(
            {
                "rateLimitType": "ORDERS",
                "interval": interval,
                "intervalNum": int(number),
                "limit": limit,
                "count": window.count if window else 0,
            }
        )
    return rows


def _open_weight(params: Params) -> int:
    return 6 if params.get("symbol") else 80


def _trades_weight(params: Params) -> int:
    return 5 if params.get("orderId") else 20


SPOT = Market.SPOT
ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/api/v3/order"): Endpoint(place, SPOT, permission="spot", counts=True),
    ("POST", "/api/v3/order/test"): Endpoint(test, SPOT, permission="spot"),
    ("GET", "/api/v3/order"): Endpoint(query, SPOT, weight=4),
    ("DELETE", "/api/v3/order"): Endpoint(cancel, SPOT, permission="spot"),
    ("DELETE", "/api/v3/openOrders"): Endpoint(cancel_all, SPOT, permission="spot"),
    ("GET", "/api/v3/openOrders"): Endpoint(open_orders, SPOT, weight=_open_weight),
    ("GET", "/api/v3/allOrders"): Endpoint(all_orders, SPOT, weight=20),
    ("GET", "/api/v3/myTrades"): Endpoint(my_trades, SPOT, weight=_trades_weight),
    ("GET", "/api/v3/account"): Endpoint(account, SPOT, weight=20),
    ("GET", "/api/v3/account/commission"): Endpoint(commission, SPOT, weight=20),
    ("GET", "/api/v3/rateLimit/order"): Endpoint(order_counts, SPOT, weight=40),
    ("GET", "/sapi/v1/account/apiRestrictions"): Endpoint(restrictions, SPOT),
}
