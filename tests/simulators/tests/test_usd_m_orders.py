"""Orders of USD-M: positions, margins, profits, modes."""

from decimal import Decimal
from typing import Any

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import FAPI, Client

ORDER = f"{FAPI}order"
BTC = "BTCUSDT"


def _wallet(client: Client) -> Decimal:
    [row] = client.ok("GET", "/fapi/v3/balance")
    return Decimal(row["balance"])


def _positions(client: Client, symbol: str = BTC) -> dict[str, tuple[Decimal | int, Decimal | int]]:
    rows = client.ok("GET", "/fapi/v2/positionRisk", symbol=symbol)
    return {row["positionSide"]: (Decimal(row["positionAmt"]), Decimal(row["entryPrice"])) for row in rows}


def _send(client: Client, **changes: Any) -> Any:
    order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01", **changes}
    return client.signed("POST", ORDER, **order)


def test_a_position_grows_shrinks_turns_and_books_its_profit(client: Client) -> None:
    price = client.exchange.price
    price("usd_m", BTC, "50000")
    client.market(FAPI, BTC, "BUY", "0.01")
    price("usd_m", BTC, "60000")
    client.market(FAPI, BTC, "BUY", "0.01")
    assert _positions(client) == {"BOTH": (Decimal("0.02"), Decimal(55000))}
    price("usd_m", BTC, "65000")
    client.market(FAPI, BTC, "SELL", "0.03")
    assert _positions(client) == {"BOTH": (Decimal("-0.01"), Decimal(65000))}
    realized = [Decimal(row["realizedPnl"]) for row in client.ok("GET", f"{FAPI}userTrades", symbol=BTC)]
    assert realized == [0, 0, 200]
    fees = (Decimal(500) + Decimal(600) + Decimal(1950)) * Decimal("0.0005")
    assert _wallet(client) == Decimal(1_000_000) + 200 - fees


def test_a_placement_tells_neither_average_nor_sum_and_a_query_does(client: Client) -> None:
    client.exchange.price("usd_m", BTC, "50000")
    body = _send(client, newClientOrderId="mine", newOrderRespType="RESULT").body
    assert (body["status"], body["executedQty"]) == ("FILLED", "0.010")
    assert not {"avgPrice", "cumQuote", "cumBase"} & set(body)
    order = client.order(FAPI, BTC, "mine")
    assert (order["avgPrice"], order["cumQuote"]) == ("50000.00", "500.00000")
    ack = _send(client).body
    assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")


def test_a_limit_order_rests_and_fills_as_maker(client: Client) -> None:
    client.exchange.price("usd_m", BTC, "50000")
    client.limit(FAPI, BTC, "BUY", "0.01", "49000", newClientOrderId="mine")
    assert client.ok("GET", f"{FAPI}openOrder", symbol=BTC, origClientOrderId="mine")["status"] == "NEW"
    client.exchange.price("usd_m", BTC, "48000")
    [trade] = client.ok("GET", f"{FAPI}userTrades", symbol=BTC)
    assert (trade["price"], trade["maker"], trade["commission"]) == ("49000.00", True, "0.09800000")
    assert client.signed("GET", f"{FAPI}openOrder", symbol=BTC, origClientOrderId="mine").code == -2013


def test_what_the_margin_does_not_cover_is_refused(exchange: BinanceSimulator) -> None:
    exchange.price("usd_m", BTC, "50000")
    with Client(exchange, exchange.account(balances={"usd_m": {"USDT": 100}})) as client:
        reply = _send(client, quantity="0.05")
        assert reply.body == {"code": -2019, "msg": "Margin is insufficient."}
        client.ok("POST", f"{FAPI}leverage", symbol=BTC, leverage=50)
        assert _send(client, quantity="0.05").status == 200
        assert _send(client, quantity="0.06").code == -2019


def test_resting_orders_hold_margin_until_they_end(exchange: BinanceSimulator) -> None:
    exchange.price("usd_m", BTC, "50000")
    with Client(exchange, exchange.account(balances={"usd_m": {"USDT": 100}})) as client:
        client.limit(FAPI, BTC, "BUY", "0.03", "49000", newClientOrderId="one")
        account = client.ok("GET", "/fapi/v3/account")
        assert (account["totalOpenOrderInitialMargin"], account["availableBalance"]) == ("73.50000000", "26.50000000")
        reply = _send(client, type="LIMIT", timeInForce="GTC", price="49000", quantity="0.03")
        assert reply.code == -2019
        client.ok("DELETE", ORDER, symbol=BTC, origClientOrderId="one")
        assert client.ok("GET", "/fapi/v3/account")["availableBalance"] == "100.00000000"


def test_reduce_only_never_opens(client: Client) -> None:
    assert _send(client, side="SELL", reduceOnly="true").body == {
        "code": -2022,
        "msg": "ReduceOnly Order is rejected.",
    }
    client.market(FAPI, BTC, "BUY", "0.01")
    assert _send(client, side="BUY", reduceOnly="true").code == -2022
    order = client.market(FAPI, BTC, "SELL", "0.03", reduceOnly="true")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.010")
    assert _positions(client) == {"BOTH": (0, 0)}


def test_hedge_mode_keeps_both_sides_apart(exchange: BinanceSimulator) -> None:
    with Client(exchange, exchange.account(hedge=True)) as client:
        assert _send(client).body["code"] == -4061
        client.market(FAPI, BTC, "BUY", "0.02", positionSide="LONG")
        client.market(FAPI, BTC, "SELL", "0.01", positionSide="SHORT")
        amounts = {side: amount for side, (amount, _) in _positions(client).items()}
        assert amounts == {"LONG": Decimal("0.02"), "SHORT": Decimal("-0.01")}
        assert _send(client, positionSide="LONG", side="SELL", reduceOnly="true").code == -1106
        assert _send(client, positionSide="LONG", side="SELL", quantity="0.03").code == -2022
        client.market(FAPI, BTC, "SELL", "0.02", positionSide="LONG")
        assert _positions(client)["LONG"][0] == 0


def test_one_way_mode_knows_no_sides(client: Client) -> None:
    assert _send(client, positionSide="LONG").body == {
        "code": -4061,
        "msg": "Order's position side does not match user's setting.",
    }


def test_both_futures_markets_share_the_mode(client: Client) -> None:
    path = f"{FAPI}positionSide/dual"
    assert client.signed("POST", path, dualSidePosition="false").code == -4059
    client.ok("POST", path, dualSidePosition="true")
    assert client.ok("GET", "/dapi/v1/positionSide/dual") == {"dualSidePosition": True}
    client.limit(FAPI, BTC, "BUY", "0.01", "75000", positionSide="LONG")
    assert client.signed("POST", path, dualSidePosition="false").code == -4067
    client.ok("DELETE", f"{FAPI}allOpenOrders", symbol=BTC)
    client.market(FAPI, BTC, "BUY", "0.01", positionSide="LONG")
    assert client.signed("POST", path, dualSidePosition="false").code == -4068


def test_a_client_id_is_unique_among_open_orders_only(client: Client) -> None:
    resting = {"type": "LIMIT", "timeInForce": "GTC", "price": "75000", "newClientOrderId": "same"}
    assert _send(client, **resting).status == 200
    assert _send(client, **resting).body == {"code": -4116, "msg": "ClientOrderId is duplicated."}
    client.ok("DELETE", ORDER, symbol=BTC, origClientOrderId="same")
    assert _send(client, **resting).status == 200


@pytest.mark.parametrize(
    ("time_in_force", "price", "code"), [("GTX", "80000", -5022), ("FOK", "75000", -5021), ("FOK", "80000", -5021)]
)
def test_an_order_that_cannot_do_as_it_must_is_refused(
    client: Client, time_in_force: str, price: str, code: int
) -> None:
    client.exchange.fills("usd_m", BTC, fraction="0.5")
    assert _send(client, type="LIMIT", timeInForce=time_in_force, price=price).code == code


def test_what_is_not_filled_at_once_expires_or_rests(client: Client) -> None:
    client.exchange.fills("usd_m", BTC, fraction="0.5")
    limit = {"type": "LIMIT", "price": "78000", "newOrderRespType": "RESULT"}
    assert _send(client, **limit, timeInForce="IOC").body["status"] == "EXPIRED"
    assert _send(client, **limit, timeInForce="GTC").body["status"] == "PARTIALLY_FILLED"
    assert client.market(FAPI, BTC, "BUY", "0.01")["status"] == "EXPIRED"


@pytest.mark.parametrize("kind", ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"])
@pytest.mark.parametrize("path", ["/fapi/v1/order", "/dapi/v1/order"])
def test_conditional_orders_belong_to_another_endpoint(client: Client, path: str, kind: str) -> None:
    symbol = BTC if path.startswith("/fapi") else "BTCUSD_PERP"
    reply = client.signed("POST", path, symbol=symbol, side="SELL", type=kind, quantity="1", stopPrice="70000")
    assert (reply.status, reply.code) == (400, -4120)


def test_a_batch_answers_each_order_by_itself(client: Client) -> None:
    good = '{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":"0.01"}'
    bad = good.replace("0.01", "0")
    rows = client.ok("POST", f"{FAPI}batchOrders", batchOrders=f"[{good},{bad}]")
    assert (rows[0]["status"], rows[1]["code"]) == ("NEW", -4003)
    assert client.signed("POST", f"{FAPI}batchOrders", batchOrders=f"[{','.join([good] * 6)}]").code == -4082


def test_all_orders_of_a_symbol_are_cancelled_without_complaint(client: Client) -> None:
    for _ in range(2):
        client.limit(FAPI, BTC, "BUY", "0.01", "75000")
    for _ in range(2):
        assert client.ok("DELETE", f"{FAPI}allOpenOrders", symbol=BTC)["code"] == 200
    assert client.ok("GET", f"{FAPI}openOrders") == []
    assert [row["status"] for row in client.ok("GET", f"{FAPI}allOrders", symbol=BTC)] == ["CANCELED"] * 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NONSENSE"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "WISH"}, -1116),
        ({"quantity": None}, -1102),
        ({"price": "1"}, -1106),
        ({"timeInForce": "GTC"}, -1106),
        ({"type": "LIMIT", "price": "75000"}, -1102),
        ({"type": "LIMIT", "price": "75000", "timeInForce": "NOW"}, -1115),
        ({"type": "LIMIT", "price": "75000", "timeInForce": "GTD"}, -1102),
        ({"type": "LIMIT", "price": "75000", "timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "with space"}, -1100),
        ({"positionSide": "UP"}, -4060),
        ({"closePosition": "true"}, -4136),
        ({"reduceOnly": "perhaps"}, -1102),
    ],
)
def test_a_malformed_order_is_refused(client: Client, changes: dict[str, str | None], code: int) -> None:
    assert _send(client, **changes).body["code"] == code


def test_order_numbers_are_the_same_in_each_market(client: Client) -> None:
    first = client.market(FAPI, BTC, "BUY", "0.01")["orderId"]
    assert client.market("/api/v3/", BTC, "BUY", "0.01")["orderId"] == first
    assert client.market("/dapi/v1/", "BTCUSD_PERP", "BUY", "1")["orderId"] == first
