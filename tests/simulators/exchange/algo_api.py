"""The endpoints of conditional orders: /fapi/v1/algoOrder and its like, the same on dapi."""

from decimal import Decimal
from typing import Any

from tests.simulators.exchange import futures_shapes as shapes
from tests.simulators.exchange.calls import Call
from tests.simulators.exchange.filters import check, check_trigger
from tests.simulators.exchange.futures_orders import (
    CONDITIONAL,
    read_client_id,
    read_position_side,
    read_side,
    read_time_in_force,
)
from tests.simulators.exchange.kinds import ZERO
from tests.simulators.exchange.orders import Algo, Order
from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal, invalid, missing

LIMITED = frozenset({"STOP", "TAKE_PROFIT"})
CLOSING = frozenset({"STOP_MARKET", "TAKE_PROFIT_MARKET"})
LEAST_CALLBACK, MOST_CALLBACK = Decimal("0.1"), Decimal(10)


def _read(call: Call) -> Algo:
    params, book = call.params, call.book
    if params.text("algoType") != "CONDITIONAL":
        raise invalid("algoType")
    side, kind = read_side(params), params.text("type")
    if kind not in CONDITIONAL:
        raise Refusal(-1116)
    closes = params.flag("closePosition")
    if closes:
        _check_closing(call, kind, side)
    client = read_client_id(params, "clientAlgoId")
    order = Order(
        account=call.owner,
        symbol=book.symbol,
        side=side,
        type=kind,
        quantity=ZERO if closes else params.mandatory_amount("quantity"),
        client_id=client,
        price=params.mandatory_amount("price") if kind in LIMITED else ZERO,
        time_in_force=read_time_in_force(params, mandatory=False),
        position_side=read_position_side(params, call.owner),
        reduce_only=params.flag("reduceOnly"),
        close_position=closes,
        working_type=_working_type(params),
        stp_mode=params.get("selfTradePreventionMode") or "EXPIRE_MAKER",
    )
    check(order, book)
    return _conditions(order, client, params)


def _working_type(params: Params) -> str:
    value = params.get("workingType") or "CONTRACT_PRICE"
    if value not in {"CONTRACT_PRICE", "MARK_PRICE"}:
        raise Refusal(-4031, "Invalid parameter working type.")
    return value


def _check_closing(call: Call, kind: str, side: str) -> None:
    params = call.params
    if kind not in CLOSING:
        raise Refusal(-4136, f"Target strategy invalid for orderType {kind},closePosition true")
    if params.get("quantity"):
        raise Refusal(-4137)
    if params.get("reduceOnly"):
        raise Refusal(-4138)
    if (side, params.get("positionSide")) in {("BUY", "LONG"), ("SELL", "SHORT")}:
        raise Refusal(-4061)


def _conditions(order: Order, client: str, params: Params) -> Algo:
    algo = Algo(order, client, ZERO, price_protect=params.flag("priceProtect"))
    if algo.trails:
        algo.callback = params.mandatory_amount("callbackRate")
        algo.activate = params.amount("activatePrice") or ZERO
        if not LEAST_CALLBACK <= algo.callback <= MOST_CALLBACK:
            raise invalid("callbackRate")
    else:
        algo.trigger = params.mandatory_amount("triggerPrice")
        check_trigger(order, algo.trigger)
    return algo


def place(call: Call) -> Any:
    """POST algoOrder."""
    algo = _read(call)
    try:
        call.venue.algos.add(algo)
    except Refusal as refusal:
        call.venue.journal.note(algo.order, call.now, code=refusal.code, algo=True)
        raise
    call.venue.journal.note(algo.order, call.now, number=algo.id, algo=True)
    return shapes.algo(algo)


def _find(call: Call, *, code: int) -> Algo:
    params, ledger = call.params, call.ledger
    number, client = params.number("algoId"), params.get("clientAlgoId")
    if number is None and not client:
        raise missing("algoId")
    algo = ledger.algos.get(number) if number is not None else ledger.algos_by_client.get(client)
    if algo is None:
        raise Refusal(code)
    return algo


def query(call: Call) -> Any:
    """GET algoOrder."""
    return shapes.algo_query(_find(call, code=-2013))


def cancel(call: Call) -> Any:
    """DELETE algoOrder; one that has triggered is not cancelled here."""
    algo = _find(call, code=-2011)
    if algo.id not in call.ledger.open_algos:
        raise Refusal(-2011)
    call.venue.algos.cancel(algo)
    return {"algoId": algo.id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}


def cancel_all(call: Call) -> Any:
    """DELETE algoOpenOrders of one symbol."""
    name = call.book.symbol.name
    for algo in [algo for algo in call.ledger.open_algos.values() if algo.order.symbol.name == name]:
        call.venue.algos.cancel(algo)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def open_algos(call: Call) -> Any:
    """GET openAlgoOrders, of one symbol or of all."""
    name = call.book.symbol.name if call.params.get("symbol") else ""
    return [shapes.algo_open(algo) for algo in call.ledger.open_algos.values() if name in {"", algo.order.symbol.name}]


def all_algos(call: Call) -> Any:
    """GET allAlgoOrders of one symbol, oldest first."""
    name, first = call.book.symbol.name, call.params.number("algoId", 0) or 0
    rows = [algo for algo in call.ledger.algos.values() if algo.order.symbol.name == name and algo.id >= first]
    return [shapes.algo_open(algo) for algo in rows[-call.params.limit(500, 1000) :]]
