"""User data: what accounts are told about their orders."""

import time
from decimal import Decimal
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.simulators.tests.client import API, DAPI, FAPI, Client, Socket, signature

BTC = "BTCUSDT"
KINDS = ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]


def _names(events: list[Any]) -> list[str]:
    return [event["e"] for event in events]


def _subscription(client: Client, **changes: Any) -> dict[str, Any]:
    params = {"apiKey": client.key, "timestamp": int(time.time() * 1000), **changes}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {**params, "signature": signature(client.account.secret, payload)}


def _subscribe(client: Client, socket: Socket, **changes: Any) -> Any:
    return socket.say(id="1", method="userDataStream.subscribe.signature", params=_subscription(client, **changes))


def test_a_filled_order_is_told_with_balance_and_position(client: Client) -> None:
    client.exchange.price("usd_m", BTC, "50000")
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01", newClientOrderId="mine")
        new, _, account, trade = events = socket.events(4)
        assert _names(events) == KINDS
        assert (new["o"]["x"], new["o"]["X"], "N" in new["o"]) == ("NEW", "NEW", False)
        assert {name: trade["o"][name] for name in ("c", "x", "X", "L", "z", "n", "N", "ap")} == {
            "c": "mine",
            "x": "TRADE",
            "X": "FILLED",
            "L": "50000.00",
            "z": "0.010",
            "n": "0.25000000",
            "N": "USDT",
            "ap": "50000.00",
        }
        assert account["a"]["B"] == [{"a": "USDT", "wb": "999999.75000000", "cw": "999999.75000000", "bc": "0"}]
        assert [(row["pa"], row["ps"]) for row in account["a"]["P"]] == [("0.010", "BOTH")]


def test_each_of_several_trades_is_told(client: Client) -> None:
    client.exchange.fills("usd_m", BTC, parts=3)
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01")
        orders = [event["o"] for event in socket.events(10) if event["e"] == "ORDER_TRADE_UPDATE"]
        assert [(order["X"], order["z"]) for order in orders] == [
            ("NEW", "0.000"),
            ("PARTIALLY_FILLED", "0.003"),
            ("PARTIALLY_FILLED", "0.006"),
            ("FILLED", "0.010"),
        ]
        assert len({order["t"] for order in orders[1:]}) == 3


def test_an_end_without_fill_is_told(client: Client) -> None:
    with client.listen() as socket:
        client.limit(FAPI, BTC, "BUY", "0.01", "75000")
        client.ok("DELETE", f"{FAPI}allOpenOrders", symbol=BTC)
        client.limit(FAPI, BTC, "BUY", "0.01", "75000", timeInForce="IOC")
        assert [(event["o"]["x"], event["o"]["er"]) for event in socket.events(4)] == [
            ("NEW", "0"),
            ("CANCELED", "0"),
            ("NEW", "0"),
            ("EXPIRED", "2"),
        ]


def test_coin_m_has_a_stream_of_its_own(client: Client) -> None:
    with client.listen() as linear, client.listen("coin_m") as inverse:
        client.market(DAPI, "BTCUSD_PERP", "BUY", "1")
        events = inverse.events(4)
        assert _names(events) == KINDS
        assert (events[3]["i"], events[3]["o"]["ma"], events[3]["o"]["N"]) == ("SgsR", "BTC", "BTC")
        assert linear.waiting() == []


def test_conditional_orders_are_told_from_beginning_to_end(client: Client) -> None:
    order = {"algoType": "CONDITIONAL", "symbol": BTC, "side": "BUY", "type": "STOP_MARKET", "quantity": "0.01"}
    with client.listen() as socket:
        client.ok("POST", f"{FAPI}algoOrder", **order, triggerPrice="80000", clientAlgoId="stop")
        client.exchange.price("usd_m", BTC, "80000")
        events = socket.events(8)
        assert _names(events) == ["ALGO_UPDATE", "ALGO_UPDATE", *KINDS, "ALGO_UPDATE", "ALGO_UPDATE"]
        algos = [event["o"] for event in events if event["e"] == "ALGO_UPDATE"]
        assert [algo["X"] for algo in algos] == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
        assert (algos[0]["caid"], algos[3]["ai"]) == ("stop", str(events[2]["o"]["i"]))


@pytest.mark.parametrize("path", ["/fstream/private/ws/{}", "/fstream/ws/{}", "/fstream/private/ws?listenKey={}"])
def test_a_listen_key_opens_several_doors(client: Client, path: str) -> None:
    key = client.keyed("POST", f"{FAPI}listenKey").body["listenKey"]
    assert len(key) == 64
    with Socket(client.exchange, path.format(key)) as socket:
        client.ok("POST", f"{FAPI}leverage", symbol=BTC, leverage=9)
        assert socket.hear()["ac"] == {"s": BTC, "l": 9}


def test_a_combined_stream_wraps_events(client: Client) -> None:
    key = client.keyed("POST", f"{FAPI}listenKey").body["listenKey"]
    with Socket(client.exchange, f"/fstream/stream?streams={key}") as socket:
        client.ok("POST", f"{FAPI}leverage", symbol=BTC, leverage=9)
        message = socket.hear()
        assert (message["stream"], message["data"]["e"]) == (key, "ACCOUNT_CONFIG_UPDATE")


def test_a_listen_key_stays_until_it_expires_or_is_closed(client: Client) -> None:
    path = f"{FAPI}listenKey"
    assert client.keyed("PUT", path).code == -1125
    first = client.keyed("POST", path).body
    assert client.keyed("POST", path).body == client.keyed("PUT", path).body == first
    with Socket(client.exchange, f"/fstream/ws/{first['listenKey']}") as socket:
        assert client.exchange.expire_listen_keys(client.key) == 1
        assert socket.hear()["e"] == "listenKeyExpired"
        client.market(FAPI, BTC, "BUY", "0.01")
        assert socket.waiting() == []
    assert client.keyed("PUT", path).code == -1125
    second = client.keyed("POST", path).body
    assert second != first
    client.exchange.clock(offset=61 * 60 * 1000)
    assert client.keyed("PUT", path).code == -1125
    assert client.keyed("DELETE", path).body == {}


def test_spot_events_come_over_the_websocket_api(client: Client) -> None:
    client.exchange.price("spot", BTC, "50000")
    with Socket(client.exchange, "/ws-api/v3") as socket:
        answer = _subscribe(client, socket)
        assert (answer["status"], answer["result"]) == (200, {"subscriptionId": 0})
        client.market(API, BTC, "BUY", "0.01", newClientOrderId="mine")
        messages = socket.events(4)
        assert {message["subscriptionId"] for message in messages} == {0}
        events = [message["event"] for message in messages]
        assert _names(events) == ["executionReport", "outboundAccountPosition"] * 2
        assert (events[2]["x"], events[2]["X"], events[2]["c"], events[2]["n"]) == (
            "TRADE",
            "FILLED",
            "mine",
            "0.00001000",
        )
        assert Decimal(events[2]["Z"]) / Decimal(events[2]["z"]) == 50000
        assert {row["a"] for row in events[3]["B"]} == {"BTC", "USDT"}
        assert socket.say(id=2, method="userDataStream.unsubscribe", params={"subscriptionId": 0})["status"] == 200
        client.market(API, BTC, "BUY", "0.01")
        assert socket.waiting() == []


def test_the_cancellation_of_a_spot_order_names_both_ids(client: Client) -> None:
    with Socket(client.exchange, "/ws-api/v3") as socket:
        _subscribe(client, socket)
        client.limit(API, BTC, "BUY", "0.01", "70000", newClientOrderId="mine")
        client.ok("DELETE", f"{API}order", symbol=BTC, origClientOrderId="mine", newClientOrderId="cancel")
        report = socket.events(4)[2]["event"]
        assert (report["x"], report["c"], report["C"]) == ("CANCELED", "cancel", "mine")


def test_a_subscription_is_signed(client: Client) -> None:
    with Socket(client.exchange, "/ws-api/v3") as socket:
        params = {**_subscription(client), "signature": "00"}
        answer = socket.say(id=7, method="userDataStream.subscribe.signature", params=params)
        assert (answer["id"], answer["status"], answer["error"]["code"]) == (7, 400, -1022)
        assert _subscribe(client, socket, timestamp=1)["error"]["code"] == -1021
        assert _subscribe(client, socket, apiKey="a" * 64)["error"]["code"] == -2015
        assert socket.say(id=8, method="userDataStream.start", params={"apiKey": client.key})["status"] == 400
        assert socket.say(id=9, method="ping")["result"] == {}


def test_events_may_come_twice(client: Client) -> None:
    client.exchange.fault("stream_duplicate", event="ACCOUNT_UPDATE", key=client.key)
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01")
        assert _names(socket.events(5)).count("ACCOUNT_UPDATE") == 2


def test_events_may_come_in_the_wrong_order(client: Client) -> None:
    client.exchange.fault("stream_reorder")
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01")
        events = socket.events(4)
        assert _names(events) == KINDS[::-1]
        assert (events[0]["o"]["X"], events[3]["o"]["X"]) == ("FILLED", "NEW")


def test_events_may_be_withheld_until_they_are_released(client: Client) -> None:
    client.exchange.fault("stream_withhold", count=None)
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01")
        assert socket.waiting() == []
        assert client.exchange.release_events() == 4
        assert _names(socket.events(4)) == KINDS


def test_events_may_arrive_before_the_answer(client: Client) -> None:
    order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    client.exchange.fault("stream_early", path=f"{FAPI}order", seconds=0.3)
    with client.listen() as socket:
        client.ok("POST", f"{FAPI}order", **order)
        # The answer waited for 0.3 seconds after the events were sent: they are here, without a further wait.
        assert _names(socket.waiting()) == KINDS


def test_events_are_sent_even_where_the_answer_is_lost(client: Client) -> None:
    client.exchange.fault("unknown_503", path=f"{FAPI}order")
    with client.listen() as socket:
        order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        assert client.signed("POST", f"{FAPI}order", **order).status == 503
        assert _names(socket.events(4)) == KINDS


def test_sockets_may_be_killed(client: Client) -> None:
    with client.listen() as socket:
        assert client.exchange.counts()["sockets"] == 1
        assert client.exchange.kill_sockets() == 1
        with pytest.raises(ConnectionClosed):
            socket.hear()
