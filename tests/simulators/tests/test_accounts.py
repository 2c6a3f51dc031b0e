"""Keys with their permissions, settings, balances, and the journal."""

from collections.abc import Iterable

import pytest

from tests.simulators.binance import BinanceSimulator, ControlFailed
from tests.simulators.tests.client import API, DAPI, FAPI, Client

RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
ORDERS = {
    API: {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"},
    FAPI: {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"},
    DAPI: {"symbol": "BTCUSD_PERP", "side": "BUY", "type": "MARKET", "quantity": "1"},
}


def test_a_key_tells_what_it_may_do(exchange: BinanceSimulator) -> None:
    account = exchange.account(permissions=["reading", "withdrawals"], ip_restricted=False)
    with Client(exchange, account) as client:
        rights = client.ok("GET", RESTRICTIONS)
    assert rights["enableReading"]
    assert rights["enableWithdrawals"]
    assert not rights["enableSpotAndMarginTrading"]
    assert not rights["enableFutures"]
    assert not rights["ipRestrict"]


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [(["reading"], []), (["reading", "spot"], [API]), (["reading", "futures"], [FAPI, DAPI]), ([], [])],
)
def test_a_key_trades_only_where_it_may(
    exchange: BinanceSimulator, permissions: Iterable[str], allowed: list[str]
) -> None:
    with Client(exchange, exchange.account(permissions=permissions)) as client:
        replies = {path: client.signed("POST", f"{path}order", **order) for path, order in ORDERS.items()}
    assert [path for path, reply in replies.items() if reply.status == 200] == allowed
    assert all((reply.status, reply.code) == (401, -2015) for reply in replies.values() if reply.status != 200)


def test_a_key_that_was_switched_off_is_refused(client: Client) -> None:
    client.exchange.change_account(client.key, enabled=False)
    assert client.signed("GET", f"{API}account").code == -2015
    client.exchange.change_account(client.key, enabled=True, permissions=["reading"])
    assert client.signed("GET", f"{API}account").status == 200
    assert client.signed("POST", f"{API}order", **ORDERS[API]).code == -2015


def test_accounts_know_nothing_of_each_other(exchange: BinanceSimulator) -> None:
    with Client(exchange, exchange.account()) as one, Client(exchange, exchange.account()) as other:
        one.limit(FAPI, "BTCUSDT", "BUY", "0.01", "75000", newClientOrderId="same")
        other.limit(FAPI, "BTCUSDT", "BUY", "0.01", "75000", newClientOrderId="same")
        one.ok("DELETE", f"{FAPI}allOpenOrders", symbol="BTCUSDT")
        assert other.order(FAPI, "BTCUSDT", "same")["status"] == "NEW"
        assert len(exchange.placements(other.key)) == 1
        assert exchange.counts()["client_ids"] == {"same": 2}


def test_leverage_and_margin_type_are_kept_by_symbol(client: Client) -> None:
    assert client.ok("POST", f"{FAPI}leverage", symbol="BTCUSDT", leverage=7)["leverage"] == 7
    assert client.signed("POST", f"{FAPI}leverage", symbol="BTCUSDT", leverage=126).code == -4028
    assert client.signed("POST", f"{FAPI}marginType", symbol="BTCUSDT", marginType="CROSSED").code == -4046
    client.ok("POST", f"{FAPI}marginType", symbol="BTCUSDT", marginType="ISOLATED")
    [config] = client.ok("GET", f"{FAPI}symbolConfig", symbol="BTCUSDT")
    assert (config["leverage"], config["marginType"]) == (7, "ISOLATED")
    [risk] = client.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    assert (risk["leverage"], risk["marginType"]) == ("7", "isolated")
    [untouched] = client.ok("GET", f"{FAPI}symbolConfig", symbol="ETHUSDT")
    assert untouched["leverage"] == 20


def test_the_margin_type_stays_while_anything_is_open(client: Client) -> None:
    isolate = {"symbol": "BTCUSDT", "marginType": "ISOLATED"}
    client.limit(FAPI, "BTCUSDT", "BUY", "0.01", "75000")
    assert client.signed("POST", f"{FAPI}marginType", **isolate).code == -4047
    client.ok("DELETE", f"{FAPI}allOpenOrders", symbol="BTCUSDT")
    client.market(FAPI, "BTCUSDT", "BUY", "0.01")
    assert client.signed("POST", f"{FAPI}marginType", **isolate).code == -4048


def test_only_the_third_version_leaves_empty_positions_out(client: Client) -> None:
    assert client.ok("GET", "/fapi/v3/positionRisk") == []
    assert len(client.ok("GET", "/fapi/v2/positionRisk")) == 4
    client.limit(FAPI, "ETHUSDT", "BUY", "1", "2800")
    assert [row["symbol"] for row in client.ok("GET", "/fapi/v3/positionRisk")] == ["ETHUSDT"]


def test_fees_are_told(client: Client) -> None:
    assert client.ok("GET", f"{FAPI}commissionRate", symbol="BTCUSDT")["takerCommissionRate"] == "0.000500"
    fees = client.ok("GET", f"{API}account/commission", symbol="BTCUSDT")
    assert fees["standardCommission"]["taker"] == "0.00100000"


def test_the_journal_has_every_attempt(client: Client) -> None:
    client.market(FAPI, "BTCUSDT", "BUY", "0.01", newClientOrderId="good")
    client.signed("POST", f"{FAPI}order", **{**ORDERS[FAPI], "quantity": "0"}, newClientOrderId="bad")
    rows = [(row["client_id"], row["code"], row["market"]) for row in client.exchange.placements(client.key, "usd_m")]
    assert rows == [("good", 0, "usd_m"), ("bad", -4003, "usd_m")]
    assert client.exchange.counts()["client_ids"] == {"good": 1}
    assert client.exchange.counts()["requests"]["POST /fapi/v1/order"] == 2
    client.exchange.clear_journal()
    assert client.exchange.placements() == []


def test_the_venue_fills_and_cancels_on_demand(client: Client) -> None:
    exchange = client.exchange
    number = client.limit(FAPI, "BTCUSDT", "BUY", "0.01", "75000", newClientOrderId="mine")["orderId"]
    exchange.fill(client.key, "usd_m", number, quantity="0.004")
    assert client.order(FAPI, "BTCUSDT", "mine")["status"] == "PARTIALLY_FILLED"
    exchange.cancel(client.key, "usd_m", number)
    [order] = exchange.orders(client.key, "usd_m")
    assert (order["status"], order["executedQty"]) == ("CANCELED", "0.004")
    with pytest.raises(ControlFailed, match="-2011"):
        exchange.fill(client.key, "usd_m", number)


def test_an_account_may_be_changed_and_looked_at(client: Client) -> None:
    client.exchange.change_account(client.key, balances={"usd_m": {"USDT": 5}})
    assert client.exchange.state(client.key)["balances"]["usd_m"] == {"USDT": "5"}
    client.market(DAPI, "BTCUSD_PERP", "SELL", "2")
    [held] = client.exchange.state(client.key)["positions"]["coin_m"]
    assert (held["symbol"], held["amount"]) == ("BTCUSD_PERP", "-2")


def test_a_reset_forgets_everything(client: Client) -> None:
    client.exchange.price("usd_m", "BTCUSDT", "1000")
    client.exchange.reset()
    assert client.signed("GET", f"{API}account").code == -2015
    assert client.exchange.price("usd_m", "BTCUSDT") == 76915
    assert client.exchange.accounts() == []


def test_a_command_that_makes_no_sense_fails_with_words(exchange: BinanceSimulator) -> None:
    with pytest.raises(ControlFailed, match="no such fault"):
        exchange.fault("earthquake")
    with pytest.raises(ControlFailed, match="no such permissions"):
        exchange.account(permissions=["everything"])
    with pytest.raises(ControlFailed, match="Invalid symbol"):
        exchange.price("usd_m", "NONSENSE", 1)
