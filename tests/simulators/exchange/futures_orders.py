"""Orders of the futures markets: the endpoints for placing, finding and cancelling them."""

import re
import secrets
from typing import Any

import msgspec

from tests.simulators.exchange import futures_shapes as shapes
from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.calls import Call, chosen_orders, chosen_trades, find_order
from tests.simulators.exchange.filters import check
from tests.simulators.exchange.kinds import ZERO, Market
from tests.simulators.exchange.orders import Order
from tests.simulators.exchange.params import CLIENT_ID, Params
from tests.simulators.exchange.refusals import Refusal, invalid, missing, not_required

CONDITIONAL = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
TIMES = frozenset({"GTC", "IOC", "FOK", "GTX", "GTD"})
WEEK_MS = 7 * 86_400_000
GOOD_TILL_LEAST_MS = 600_000
BATCH = 5
ID_LIMIT = 36
DIGITS = re.compile(r"\d+\Z", re.ASCII)


def read_side(params: Params) -> str:
    """Return the side of an order (-1117)."""
    side = params.text("side")
    if side not in {"BUY", "SELL"}:
        raise Refusal(-1117)
    return side


def read_position_side(params: Params, account: Account) -> str:
    """Return the position that an order is for (-4061 where that does not match the account's mode)."""
    side = params.get("positionSide") or "BOTH"
    if side not in {"BOTH", "LONG", "SHORT"}:
        raise Refusal(-4060)
    if (side == "BOTH") == account.hedge:
        raise Refusal(-4061)
    if account.hedge and params.get("reduceOnly"):
        raise not_required("reduceonly")
    return side


def read_client_id(params: Params, name: str) -> str:
    """Return the client's id of an order, a new one where none was sent (-4015, -1100)."""
    text = params.get(name)
    if len(text) > ID_LIMIT:
        raise Refusal(-4015, "Client order id length should be less than 36 chars")
    if text and not CLIENT_ID.match(text):
        params.client_id(name)
    return text or secrets.token_hex(11)


def read_time_in_force(params: Params, *, mandatory: bool) -> str:
    """Return how long an order stays (-1115)."""
    value = params.text("timeInForce") if mandatory else (params.get("timeInForce") or "GTC")
    if value not in TIMES:
        raise Refusal(-1115)
    return value


def _read(call: Call) -> Order:
    params, book = call.params, call.book
    side, kind = read_side(params), params.text("type")
    if kind in CONDITIONAL:
        raise Refusal(-4120)
    if kind not in {"LIMIT", "MARKET"}:
        raise Refusal(-1116)
    limit = kind == "LIMIT"
    if not limit:
        _check_market(params)
    if params.flag("closePosition"):
        raise Refusal(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    order = Order(
        account=call.owner,
        symbol=book.symbol,
        side=side,
        type=kind,
        quantity=params.mandatory_amount("quantity"),
        client_id=read_client_id(params, "newClientOrderId"),
        price=params.mandatory_amount("price") if limit else ZERO,
        time_in_force=read_time_in_force(params, mandatory=limit),
        position_side=read_position_side(params, call.owner),
        reduce_only=params.flag("reduceOnly"),
        stp_mode=params.get("selfTradePreventionMode") or "EXPIRE_MAKER",
    )
    if order.time_in_force == "GTD":
        order.good_till = _good_till(call)
    return order


def _check_market(params: Params) -> None:
    for name in ("price", "timeInForce"):
        if params.get(name):
            raise not_required(name.lower())


def _good_till(call: Call) -> int:
    till = call.params.number("goodTillDate")
    if till is None:
        raise missing("goodTillDate")
    if till <= call.now + GOOD_TILL_LEAST_MS:
        raise Refusal(-5040, "The goodTillDate timestamp must be greater than the current time plus 600 seconds.")
    return till


def place(call: Call) -> Any:
    """POST order. ACK, the default, tells the state before the order filled; RESULT the final one."""
    kind = call.params.get("newOrderRespType") or "ACK"
    if kind not in {"ACK", "RESULT"}:
        raise invalid("newOrderRespType")
    order = _read(call)
    call.venue.submit(order)
    return shapes.placed(order) if kind == "RESULT" else shapes.acknowledged(order)


def place_batch(call: Call) -> Any:
    """POST batchOrders: up to five orders, each answered by itself."""
    try:
        rows = msgspec.json.decode(call.params.text("batchOrders"), type=list[dict[str, str]])
    except msgspec.DecodeError:
        raise invalid("batchOrders") from None
    if not 1 <= len(rows) <= BATCH:
        raise Refusal(-4082, f"Invalid number of batch place orders. Max: {BATCH}")
    return [_placed_or_refused(call, row) for row in rows]


def _placed_or_refused(call: Call, row: dict[str, str]) -> Any:
    single = Call(call.venue, call.market, Params(row), call.now, call.account, call.method)
    try:
        return place(single)
    except Refusal as refusal:
        return refusal.body()


def test(call: Call) -> Any:
    """POST order/test: it only checks."""
    order = _read(call)
    check(order, call.book)
    return {}


def query(call: Call) -> Any:
    """GET order."""
    return shapes.query(find_order(call, code=-2013))


def open_order(call: Call) -> Any:
    """GET openOrder: one order, only while it is open."""
    order = find_order(call, code=-2013)
    if not order.open:
        raise Refusal(-2013)
    return shapes.query(order)


def cancel(call: Call) -> Any:
    """DELETE order."""
    order = find_order(call, code=-2011)
    if not order.open:
        raise Refusal(-2011)
    call.venue.engine.cancel(order)
    return shapes.placed(order)


def cancel_all(call: Call) -> Any:
    """DELETE allOpenOrders of one symbol; it is no error where there are none."""
    name = call.book.symbol.name
    for order in [order for order in call.ledger.open.values() if order.symbol.name == name]:
        call.venue.engine.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_orders(call: Call) -> Any:
    """GET openOrders, of one symbol, of a pair, or of all."""
    names = _symbols(call, mandatory=False)
    return [shapes.query(order) for order in call.ledger.open.values() if order.symbol.name in names]


def all_orders(call: Call) -> Any:
    """GET allOrders; at most seven days between startTime and endTime."""
    _check_week(call.params)
    return [shapes.history(order) for order in chosen_orders(call, _symbols(call, mandatory=True))]


def user_trades(call: Call) -> Any:
    """GET userTrades."""
    _check_week(call.params)
    return [shapes.user_trade(trade) for trade in chosen_trades(call, _symbols(call, mandatory=True))]


def _symbols(call: Call, *, mandatory: bool) -> set[str]:
    """Return the symbols that a request names by `symbol`, or on COIN-M by `pair`."""
    params, books = call.params, call.venue.books[call.market]
    pair = params.get("pair")
    if params.get("symbol") or (mandatory and not (pair and call.market is Market.COIN_M)):
        return {call.book.symbol.name}
    return {name for name, book in books.items() if not pair or book.symbol.pair == pair}


def _check_week(params: Params) -> None:
    start, end = params.number("startTime"), params.number("endTime")
    if start is not None and end is not None and end - start > WEEK_MS:
        raise Refusal(-4165, "Invalid time interval; the maximum is 7 days.")
