"""Orders of the spot market: balances, fills, fees, duplicates."""

import time
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import API, Client, Socket, signature

ORDER = f"{API}order"
NUMBERED = {"id", "orderId", "tradeId", "time", "transactTime", "updateTime", "workingTime"}


def _balances(client: Client) -> dict[str, tuple[Decimal | int, Decimal | int]]:
    rows = client.ok("GET", f"{API}account", omitZeroBalances="true")["balances"]
    return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}


def _poor(exchange: BinanceSimulator, **balances: str) -> Client:
    return Client(exchange, exchange.account(balances={"spot": balances}))


def test_a_market_order_moves_balances_and_pays_its_fee_in_what_it_receives(exchange: BinanceSimulator) -> None:
    exchange.price("spot", "BTCUSDT", "50000")
    with _poor(exchange, USDT="1000") as client:
        body = client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert (body["status"], body["cummulativeQuoteQty"]) == ("FILLED", "500.00000000")
        [fill] = body["fills"]
        assert (fill["commission"], fill["commissionAsset"]) == ("0.00001000", "BTC")
        assert _balances(client) == {"USDT": (Decimal(500), 0), "BTC": (Decimal("0.00999"), 0)}
        client.ok("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.005")
        assert _balances(client)["USDT"] == (Decimal("749.75"), 0)


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("quantity", ["0.01", "0.03", "0.000001"])
def test_an_order_that_is_told_comes_to_the_same_as_one_that_is_not(
    exchange: BinanceSimulator, side: str, quantity: str
) -> None:
    order = {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": quantity}
    results = []
    for hears in (False, True):
        with _poor(exchange, USDT="1000", BTC="0.02") as client, Socket(exchange, "/ws-api/v3") as socket:
            if hears:
                socket.say(id="1", method="userDataStream.subscribe.signature", params=_subscription(client))
            reply = client.signed("POST", ORDER, **order, newClientOrderId="mine")
            rows = client.ok("GET", f"{API}account")["balances"]
            known = client.signed("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine").body
            trades = client.ok("GET", f"{API}myTrades", symbol="BTCUSDT")
            results.append((reply.status, _constant(reply.body), rows, _constant(known), [*map(_constant, trades)]))
    assert results[0] == results[1]
    codes = [placement["code"] for placement in exchange.placements()]
    assert codes == [reply.body.get("code", 0)] * 2


def _subscription(client: Client) -> dict[str, Any]:
    params = {"apiKey": client.key, "timestamp": int(time.time() * 1000)}
    return {**params, "signature": signature(client.account.secret, urlencode(params))}


def _constant(body: dict[str, Any]) -> dict[str, Any]:
    """Return what numbers and times have no part in."""
    kept = {name: value for name, value in body.items() if name not in NUMBERED}
    return {**kept, **({"fills": [_constant(fill) for fill in body["fills"]]} if "fills" in body else {})}


def test_a_quote_quantity_buys_what_it_is_worth(client: Client) -> None:
    client.exchange.price("spot", "BTCUSDT", "50000")
    body = client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="100.3")
    assert (body["origQuoteOrderQty"], body["executedQty"]) == ("100.30000000", "0.00200000")


def test_fees_may_be_paid_in_bnb(exchange: BinanceSimulator) -> None:
    exchange.price("spot", "BTCUSDT", "50000")
    exchange.price("spot", "BNBUSDT", "750")
    account = exchange.account(balances={"spot": {"USDT": 1000, "BNB": 1}}, fees_in_bnb=True)
    with Client(exchange, account) as client:
        body = client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert (body["fills"][0]["commissionAsset"], body["fills"][0]["commission"]) == ("BNB", "0.00050000")
        assert _balances(client)["BTC"] == (Decimal("0.01"), 0)


def test_a_limit_order_rests_with_its_money_locked_and_fills_at_its_price(exchange: BinanceSimulator) -> None:
    exchange.price("spot", "BTCUSDT", "50000")
    with _poor(exchange, USDT="1000") as client:
        body = client.limit(API, "BTCUSDT", "BUY", "0.01", "49000", newClientOrderId="mine")
        assert (body["status"], body["fills"]) == ("NEW", [])
        assert _balances(client)["USDT"] == (Decimal(510), Decimal(490))
        exchange.price("spot", "BTCUSDT", "49000.01")
        assert client.order(API, "BTCUSDT", "mine")["status"] == "NEW"
        exchange.price("spot", "BTCUSDT", "48000")
        order = client.order(API, "BTCUSDT", "mine")
        assert (order["status"], order["cummulativeQuoteQty"]) == ("FILLED", "490.00000000")
        [trade] = client.ok("GET", f"{API}myTrades", symbol="BTCUSDT", orderId=order["orderId"])
        assert (trade["price"], trade["isMaker"]) == ("49000.00000000", True)
        assert _balances(client)["USDT"] == (Decimal(510), 0)


def test_a_crossing_limit_order_fills_at_the_better_price_and_gets_the_rest_back(exchange: BinanceSimulator) -> None:
    exchange.price("spot", "BTCUSDT", "50000")
    with _poor(exchange, USDT="600") as client:
        body = client.limit(API, "BTCUSDT", "BUY", "0.01", "60000")
        assert (body["status"], body["fills"][0]["price"]) == ("FILLED", "50000.00000000")
        assert _balances(client)["USDT"] == (Decimal(100), 0)


def test_who_is_too_poor_is_refused(exchange: BinanceSimulator) -> None:
    with _poor(exchange, USDT="100") as client:
        reply = client.signed("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert reply.body == {"code": -2010, "msg": "Account has insufficient balance for requested action."}
        reply = client.signed("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
        assert reply.code == -2010
        assert _balances(client) == {"USDT": (Decimal(100), 0)}


def test_a_client_id_is_unique_among_open_orders_only(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", "newClientOrderId": "same"}
    resting = {**order, "type": "LIMIT", "timeInForce": "GTC", "price": "70000"}
    client.ok("POST", ORDER, **resting)
    assert client.signed("POST", ORDER, **resting).body == {"code": -2010, "msg": "Duplicate order sent."}
    client.ok("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="same")
    client.ok("POST", ORDER, **order, type="MARKET")
    client.ok("POST", ORDER, **order, type="MARKET")
    assert client.exchange.counts()["client_ids"] == {"same": 3}


def test_a_cancellation_has_an_id_of_its_own(client: Client) -> None:
    client.limit(API, "BTCUSDT", "BUY", "0.01", "70000", newClientOrderId="mine")
    body = client.ok("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="cancel-it")
    assert (body["origClientOrderId"], body["clientOrderId"], body["status"]) == ("mine", "cancel-it", "CANCELED")
    assert client.order(API, "BTCUSDT", "mine")["status"] == "CANCELED"
    assert _balances(client)["USDT"] == (Decimal(1_000_000), 0)
    again = client.signed("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine")
    assert again.body == {"code": -2011, "msg": "Unknown order sent."}


def test_all_orders_of_a_symbol_are_cancelled_at_once(client: Client) -> None:
    for price in ("70000", "70001"):
        client.limit(API, "BTCUSDT", "BUY", "0.01", price)
    client.limit(API, "ETHUSDT", "BUY", "0.1", "2500")
    assert len(client.ok("DELETE", f"{API}openOrders", symbol="BTCUSDT")) == 2
    assert [row["symbol"] for row in client.ok("GET", f"{API}openOrders")] == ["ETHUSDT"]
    assert client.signed("DELETE", f"{API}openOrders", symbol="BTCUSDT").code == -2011


def test_the_time_in_force_decides_what_becomes_of_the_rest(client: Client) -> None:
    client.exchange.fills("spot", "BTCUSDT", fraction="0.5")
    states = {}
    for time_in_force in ("GTC", "IOC", "FOK"):
        body = client.limit(API, "BTCUSDT", "BUY", "0.01", "80000", timeInForce=time_in_force)
        states[time_in_force] = (body["status"], body["executedQty"])
    assert states == {
        "GTC": ("PARTIALLY_FILLED", "0.00500000"),
        "IOC": ("EXPIRED", "0.00500000"),
        "FOK": ("EXPIRED", "0.00000000"),
    }


def test_a_market_order_may_fill_in_several_trades_or_only_partly(client: Client) -> None:
    client.exchange.price("spot", "BTCUSDT", "50000")
    client.exchange.fills("spot", "BTCUSDT", parts=3, slip=100)
    body = client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    assert [(fill["price"], fill["qty"]) for fill in body["fills"]] == [
        ("50000.00000000", "0.00333000"),
        ("50001.00000000", "0.00333000"),
        ("50002.00000000", "0.00334000"),
    ]
    client.exchange.fills("spot", "BTCUSDT", fraction="0.25")
    body = client.ok("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
    assert (body["status"], body["executedQty"]) == ("EXPIRED", "0.00250000")
    assert all(locked == 0 for _, locked in _balances(client).values())


def test_a_post_only_order_does_not_take(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01"}
    reply = client.signed("POST", ORDER, **order, price="80000")
    assert reply.body == {"code": -2010, "msg": "Order would immediately match and take."}
    assert "fills" not in client.ok("POST", ORDER, **order, price="70000")


def test_a_stop_waits_for_its_price(client: Client) -> None:
    client.exchange.price("spot", "BTCUSDT", "50000")
    order = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    late = client.signed("POST", ORDER, **order, price="49000", stopPrice="50001")
    assert late.body == {"code": -2010, "msg": "Order would trigger immediately."}
    client.ok("POST", ORDER, **order, price="48000", stopPrice="49000", newClientOrderId="stop")
    assert client.order(API, "BTCUSDT", "stop")["isWorking"] is False
    client.exchange.price("spot", "BTCUSDT", "48900")
    done = client.order(API, "BTCUSDT", "stop")
    assert (done["status"], done["cummulativeQuoteQty"]) == ("FILLED", "489.00000000")


@pytest.mark.parametrize(("kind", "size"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_the_answer_is_as_long_as_was_asked_for(client: Client, kind: str, size: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": kind}
    assert len(client.ok("POST", ORDER, **order)) == size


def test_a_test_order_only_checks(client: Client) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    assert client.ok("POST", f"{ORDER}/test", **order, quantity="0.01") == {}
    assert client.signed("POST", f"{ORDER}/test", **order, quantity="0.000001").code == -1013
    assert client.exchange.placements() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NONSENSE"}, -1121),
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "WISH"}, -1116),
        ({"type": "STOP_LOSS", "stopPrice": "1000"}, -2010),
        ({"quantity": None}, -1102),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "0"}, -2010),
        ({"quantity": "1e3"}, -1100),
        ({"quoteOrderQty": "10"}, -1128),
        ({"price": "1"}, -1106),
        ({"type": "LIMIT", "price": "1"}, -1102),
        ({"type": "LIMIT", "price": "70000", "timeInForce": "GTX"}, -1115),
        ({"newClientOrderId": "with space"}, -1100),
        ({"newOrderRespType": "NONE"}, -1130),
    ],
)
def test_a_malformed_order_is_refused(client: Client, changes: dict[str, str | None], code: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", **changes}
    reply = client.signed("POST", ORDER, **order)
    assert (reply.status, reply.code) == (400, code)


def test_orders_and_trades_are_listed_from_an_id_or_a_time(client: Client) -> None:
    orders = [client.market(API, "BTCUSDT", "BUY", "0.01") for _ in range(3)]
    path = f"{API}allOrders"
    ids = [order["orderId"] for order in orders]
    assert [row["orderId"] for row in client.ok("GET", path, symbol="BTCUSDT", orderId=ids[1])] == ids[1:]
    assert [row["orderId"] for row in client.ok("GET", path, symbol="BTCUSDT", limit=1)] == ids[2:]
    assert client.ok("GET", path, symbol="BTCUSDT", startTime=orders[2]["time"] + 1) == []
    assert client.signed("GET", path, symbol="BTCUSDT", startTime=1, endTime=90_000_000).code == -1127
    trades = client.ok("GET", f"{API}myTrades", symbol="BTCUSDT")
    assert client.ok("GET", f"{API}myTrades", symbol="BTCUSDT", fromId=trades[1]["id"]) == trades[1:]
    assert client.signed("GET", ORDER, symbol="BTCUSDT", orderId=1).body == {
        "code": -2013,
        "msg": "Order does not exist.",
    }
    assert client.signed("GET", ORDER, symbol="ETHUSDT", orderId=ids[0]).code == -2013


def test_the_retired_listen_keys_are_gone(client: Client) -> None:
    assert client.keyed("POST", f"{API}userDataStream").status == 410
