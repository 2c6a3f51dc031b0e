"""Answers and events have the fields of the recorded ones."""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.exchange.kinds import fixed
from tests.simulators.exchange.symbols import load
from tests.simulators.tests.client import API, DAPI, FAPI, Client, Socket, signature

BTC, PERP = "BTCUSDT", "BTCUSD_PERP"
TRAILING = {"activatePrice", "priceRate"}  # of the order type that was recorded
HISTORY = "/futures/data/openInterestHist"
ALGO = {"algoType": "CONDITIONAL", "symbol": "BNBUSDT", "side": "SELL", "type": "TAKE_PROFIT", "quantity": "0.1"}


def _first(body: Any) -> Any:
    return body[0] if isinstance(body, list) else body


def _same(recorded: Any, answered: Any, *, without: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Assert that every recorded field is answered, with the same kind of value, down to the rows of lists."""
    recorded, answered = _first(recorded), _first(answered)
    assert set(recorded) - set(answered) - without == set()
    for name, value in recorded.items():
        if name in without:
            continue
        if isinstance(_first(value or None), Mapping):
            _same(value, answered[name])
        elif value is not None and answered[name] is not None:
            assert type(answered[name]) is type(value), name


@pytest.fixture
def trader(exchange: BinanceSimulator) -> Any:
    """A client with an order, a position, a resting order and a conditional one in each market."""
    with Client(exchange, exchange.account()) as client:
        for path, symbol, size in ((API, BTC, "0.01"), (FAPI, BTC, "0.01"), (DAPI, PERP, "1")):
            client.market(path, symbol, "BUY", size, newClientOrderId="filled")
            client.limit(path, symbol, "BUY", size, "75000", newClientOrderId="resting")
        client.ok("POST", f"{FAPI}algoOrder", **ALGO, triggerPrice="750", price="750", clientAlgoId="algo")
        yield client


@pytest.mark.parametrize(
    ("recorded", "path", "params", "without"),
    [
        ("spot_order_query", f"{API}order", {"symbol": BTC, "origClientOrderId": "filled"}, set()),
        ("spot_my_trades", f"{API}myTrades", {"symbol": BTC}, set()),
        ("spot_account", f"{API}account", {}, set()),
        ("usdm_order_query", f"{FAPI}order", {"symbol": BTC, "origClientOrderId": "filled"}, TRAILING),
        ("usdm_user_trades", f"{FAPI}userTrades", {"symbol": BTC}, set()),
        ("usdm_account_v2", "/fapi/v2/account", {}, set()),
        ("usdm_account_v3", "/fapi/v3/account", {}, set()),
        ("usdm_balance_v3", "/fapi/v3/balance", {}, set()),
        ("usdm_positionrisk_v2", "/fapi/v2/positionRisk", {}, set()),
        ("usdm_positionrisk_v3", "/fapi/v3/positionRisk", {}, set()),
        ("usdm_symbol_config", f"{FAPI}symbolConfig", {}, set()),
        ("usdm_algo_order_query", f"{FAPI}algoOrder", {"clientAlgoId": "algo"}, set()),
        ("usdm_algo_open_orders", f"{FAPI}openAlgoOrders", {}, set()),
        ("coinm_order_query", f"{DAPI}order", {"symbol": PERP, "origClientOrderId": "filled"}, TRAILING),
        ("coinm_user_trades", f"{DAPI}userTrades", {"symbol": PERP}, set()),
        ("coinm_account", f"{DAPI}account", {}, set()),
        ("coinm_balance", f"{DAPI}balance", {}, set()),
        ("coinm_positionrisk", f"{DAPI}positionRisk", {}, set()),
    ],
)
def test_signed_answers_are_as_recorded(
    trader: Client, recorded: str, path: str, params: dict[str, str], without: set[str]
) -> None:
    _same(load(recorded), trader.ok("GET", path, **params), without=without)


@pytest.mark.parametrize(
    ("recorded", "path", "params"),
    [
        ("spot_exchangeinfo_4symbols", f"{API}exchangeInfo", {}),
        ("usdm_exchangeinfo_btcusdt", f"{FAPI}exchangeInfo", {}),
        ("coinm_exchangeinfo_btcusd", f"{DAPI}exchangeInfo", {}),
        ("usdm_premiumindex", f"{FAPI}premiumIndex", {"symbol": BTC}),
        ("coinm_premiumindex", f"{DAPI}premiumIndex", {"symbol": PERP}),
        ("usdm_openinterest", f"{FAPI}openInterest", {"symbol": BTC}),
        ("coinm_openinterest", f"{DAPI}openInterest", {"symbol": PERP}),
        ("usdm_openinteresthist", HISTORY, {"symbol": BTC, "period": "5m"}),
        ("coinm_openinteresthist", HISTORY, {"pair": "BTCUSD", "period": "5m"}),
        ("usdm_depth5", f"{FAPI}depth", {"symbol": BTC, "limit": 5}),
        ("usdm_ticker_price", f"{FAPI}ticker/price", {"symbol": BTC}),
        ("spot_ticker_price", f"{API}ticker/price", {"symbol": BTC}),
        ("coinm_ticker24hr", f"{DAPI}ticker/24hr", {"symbol": PERP}),
    ],
)
def test_public_answers_are_as_recorded(client: Client, recorded: str, path: str, params: dict[str, Any]) -> None:
    _same(load(recorded), client.public(path, **params))


@pytest.mark.parametrize(
    ("recorded", "path", "symbol"),
    [("spot_klines", API, BTC), ("usdm_klines", FAPI, BTC), ("coinm_klines", DAPI, PERP)],
)
def test_candles_are_as_recorded(client: Client, recorded: str, path: str, symbol: str) -> None:
    [old], [new] = load(recorded)[:1], client.public(f"{path}klines", symbol=symbol, interval="1m", limit=1)
    assert [type(value) for value in new] == [type(value) for value in old]
    assert new[6] - new[0] == old[6] - old[0] == 59_999
    assert [len(new[place].partition(".")[2]) for place in (1, 5)] == [
        len(old[place].partition(".")[2]) for place in (1, 5)
    ]


def test_placements_are_answered_as_recorded(client: Client) -> None:
    order = {"symbol": BTC, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    for kind in ("ack", "result", "full"):
        body = client.ok("POST", f"{API}order", **order, newOrderRespType=kind.upper())
        recorded = load(f"spot_order_{kind}")
        assert set(body) == set(recorded)
        _same(recorded, body)
    body = client.ok("POST", f"{FAPI}order", **order)
    assert set(body) == set(load("usdm_order_new"))
    body = client.ok("POST", f"{DAPI}order", **{**order, "symbol": PERP, "quantity": "1"})
    assert set(body) == set(load("coinm_order_new")) - TRAILING
    body = client.ok("POST", f"{FAPI}algoOrder", **ALGO, triggerPrice="750", price="750")
    assert set(body) == set(load("usdm_algo_order_new"))


def test_cancellations_are_answered_as_recorded(trader: Client) -> None:
    resting = {"origClientOrderId": "resting"}
    body = trader.ok("DELETE", f"{API}order", symbol=BTC, **resting)
    assert set(body) == set(load("spot_cancel_order"))
    assert set(trader.ok("DELETE", f"{FAPI}order", symbol=BTC, **resting)) == set(load("usdm_order_cancel")) - TRAILING
    assert (
        set(trader.ok("DELETE", f"{DAPI}order", symbol=PERP, **resting)) == set(load("coinm_order_cancel")) - TRAILING
    )
    assert set(trader.ok("DELETE", f"{FAPI}algoOrder", clientAlgoId="algo")) == set(load("usdm_algo_order_cancel"))
    leverage = trader.ok("POST", f"{FAPI}leverage", symbol=BTC, leverage=21)
    assert set(leverage) == set(load("usdm_leverage"))


def test_futures_events_are_as_recorded(client: Client) -> None:
    with client.listen() as socket:
        client.market(FAPI, BTC, "BUY", "0.01")
        _, lite, account, trade = socket.events(4)
        client.ok("POST", f"{FAPI}algoOrder", **ALGO, triggerPrice="750", price="750")
        algo = socket.hear()
    _same(load("usdm_ws_order_update_trade"), {**trade, "o": {**trade["o"], "AP": "0", "cr": "0"}})
    _same(load("usdm_ws_account_update"), account)
    _same(load("usdm_ws_algo_update_new"), algo)
    _same(load("usdm_ws_trade_lite"), lite)


def test_spot_events_are_as_recorded(client: Client) -> None:
    params: dict[str, Any] = {"apiKey": client.key, "timestamp": int(time.time() * 1000)}
    payload = "&".join(f"{name}={value}" for name, value in params.items())
    params["signature"] = signature(client.account.secret, payload)
    with Socket(client.exchange, "/ws-api/v3") as socket:
        socket.say(id=1, method="userDataStream.subscribe.signature", params=params)
        client.market(API, BTC, "BUY", "0.01")
        new, position, trade, _ = socket.events(4)
    _same(load("spot_ws_execution_report_wrapped"), new)
    _same(load("spot_ws_execution_report_trade"), trade["event"])
    _same(load("spot_ws_account_position"), position["event"])


@pytest.mark.parametrize(
    ("name", "method", "path", "params"),
    [
        ("unknown_order_cancel", "DELETE", f"{API}order", {"symbol": BTC, "orderId": 1}),
        ("no_such_order", "GET", f"{API}order", {"symbol": BTC, "orderId": 1}),
        ("invalid_symbol", "GET", f"{FAPI}order", {"symbol": "NONSENSE", "orderId": 1}),
        ("timestamp", "GET", f"{API}account", {"timestamp": 1}),
        ("invalid_interval", "GET", f"{FAPI}klines", {"symbol": BTC, "interval": "9m"}),
        ("invalid_limit", "GET", f"{FAPI}klines", {"symbol": BTC, "interval": "1m", "limit": 2000}),
    ],
)
def test_errors_are_worded_as_recorded(
    client: Client, name: str, method: str, path: str, params: dict[str, Any]
) -> None:
    recorded = load("errors")[name]
    reply = client.signed(method, path, **params)
    assert (reply.status, reply.body) == (recorded["http"], recorded["body"])


def test_no_profit_has_no_sign() -> None:
    assert [fixed(Decimal(text), 3) for text in ("-0", "0", "-0.0001", "-1")] == ["0.000", "0.000", "0.000", "-1.000"]
