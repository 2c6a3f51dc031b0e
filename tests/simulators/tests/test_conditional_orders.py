"""Conditional orders of the futures markets."""

from decimal import Decimal
from typing import Any

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import DAPI, FAPI, Client

ALGO = f"{FAPI}algoOrder"
BTC = "BTCUSDT"


def _send(client: Client, path: Any = ALGO, **changes: Any) -> Any:
    order = {
        "algoType": "CONDITIONAL",
        "symbol": BTC,
        "side": "SELL",
        "type": "STOP_MARKET",
        "quantity": "0.01",
        "triggerPrice": "45000",
        "clientAlgoId": "stop",
        **changes,
    }
    return client.signed("POST", path, **order)


def _status(client: Client, client_id: str = "stop") -> str:
    return str(client.ok("GET", ALGO, clientAlgoId=client_id)["algoStatus"])


@pytest.fixture
def holder(client: Client) -> Client:
    """A client that is long 0.02 BTC at 50000."""
    client.exchange.price("usd_m", BTC, "50000")
    client.market(FAPI, BTC, "BUY", "0.02")
    return client


def test_a_stop_becomes_an_order_when_the_price_reaches_it(holder: Client) -> None:
    assert _send(holder).body["algoStatus"] == "NEW"
    holder.exchange.price("usd_m", BTC, "45000.1")
    assert _status(holder) == "NEW"
    holder.exchange.price("usd_m", BTC, "44000")
    algo = holder.ok("GET", ALGO, clientAlgoId="stop")
    assert (algo["algoStatus"], algo["actualPrice"], algo["actualQty"]) == ("FINISHED", "44000.00", "0.010")
    order = holder.ok("GET", f"{FAPI}order", symbol=BTC, orderId=algo["actualOrderId"])
    assert (order["type"], order["origType"], order["status"]) == ("MARKET", "STOP_MARKET", "FILLED")


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "quiet", "loud"),
    [
        ("STOP_MARKET", "SELL", "49000", "49500", "49000"),
        ("STOP_MARKET", "BUY", "51000", "50500", "51000"),
        ("TAKE_PROFIT_MARKET", "SELL", "51000", "50500", "51000"),
        ("TAKE_PROFIT_MARKET", "BUY", "49000", "49500", "49000"),
    ],
)
def test_each_kind_waits_on_its_side(holder: Client, kind: str, side: str, trigger: str, quiet: str, loud: str) -> None:
    assert _send(holder, type=kind, side=side, triggerPrice=trigger).status == 200
    holder.exchange.price("usd_m", BTC, quiet)
    assert _status(holder) == "NEW"
    holder.exchange.price("usd_m", BTC, loud)
    assert _status(holder) == "FINISHED"


def test_what_would_trigger_at_once_is_refused(holder: Client) -> None:
    assert _send(holder, triggerPrice="50000").body == {"code": -2021, "msg": "Order would immediately trigger."}


def test_a_limit_kind_places_a_limit_order(holder: Client) -> None:
    assert _send(holder, type="STOP", triggerPrice="49000", price="49500", timeInForce="GTC").status == 200
    holder.exchange.price("usd_m", BTC, "48900")
    algo = holder.ok("GET", ALGO, clientAlgoId="stop")
    order = holder.ok("GET", f"{FAPI}order", symbol=BTC, orderId=algo["actualOrderId"])
    assert (order["type"], order["status"], order["price"]) == ("LIMIT", "NEW", "49500.00")
    assert algo["algoStatus"] == "TRIGGERED"
    holder.exchange.price("usd_m", BTC, "49600")
    assert _status(holder) == "FINISHED"


def test_a_trailing_stop_follows_the_price(holder: Client) -> None:
    trailing = {"type": "TRAILING_STOP_MARKET", "triggerPrice": None, "callbackRate": "2", "activatePrice": "52000"}
    assert _send(holder, **trailing).status == 200
    for price, status in (
        ("49000", "NEW"),
        ("52000", "NEW"),
        ("60000", "NEW"),
        ("58801", "NEW"),
        ("58800", "FINISHED"),
    ):
        holder.exchange.price("usd_m", BTC, price)
        assert _status(holder) == status, price


def test_the_mark_price_may_be_what_counts(holder: Client) -> None:
    assert _send(holder, workingType="MARK_PRICE").status == 200
    holder.exchange.price("usd_m", BTC, "44000", mark="46000")
    assert _status(holder) == "NEW"
    holder.exchange.price("usd_m", BTC, "46000", mark="44000")
    assert _status(holder) == "FINISHED"


def test_price_protection_holds_a_stop_back_while_the_prices_differ(holder: Client) -> None:
    assert _send(holder, priceProtect="true").status == 200
    holder.exchange.price("usd_m", BTC, "44000", mark="50000")
    assert _status(holder) == "NEW"
    holder.exchange.price("usd_m", BTC, "44000")
    assert _status(holder) == "FINISHED"


def test_close_position_closes_what_there_is_then(holder: Client) -> None:
    assert _send(holder, quantity=None, closePosition="true").status == 200
    holder.market(FAPI, BTC, "BUY", "0.03")
    holder.exchange.price("usd_m", BTC, "44000")
    assert holder.ok("GET", ALGO, clientAlgoId="stop")["actualQty"] == "0.050"
    assert holder.ok("GET", "/fapi/v3/positionRisk") == []


def test_close_position_without_a_position_expires(client: Client) -> None:
    assert _send(client, quantity=None, closePosition="true").status == 200
    client.exchange.price("usd_m", BTC, "44000")
    assert _status(client) == "EXPIRED"


def test_what_cannot_be_placed_any_more_is_rejected(client: Client) -> None:
    assert _send(client, reduceOnly="true").status == 200
    client.exchange.price("usd_m", BTC, "44000")
    assert _status(client) == "REJECTED"
    assert client.ok("GET", f"{FAPI}allOrders", symbol=BTC) == []


def test_a_stop_may_be_stuck_while_it_triggers(holder: Client) -> None:
    holder.exchange.fault("algo_stuck", key=holder.key)
    assert _send(holder).status == 200
    holder.exchange.price("usd_m", BTC, "44000")
    assert _status(holder) == "TRIGGERING"
    assert holder.signed("DELETE", ALGO, clientAlgoId="stop").code == -2011
    assert len(holder.ok("GET", f"{FAPI}allOrders", symbol=BTC)) == 1


def test_hedge_mode_closes_only_the_side_that_is_named(exchange: BinanceSimulator) -> None:
    with Client(exchange, exchange.account(hedge=True)) as client:
        client.market(FAPI, BTC, "BUY", "0.01", positionSide="LONG")
        client.market(FAPI, BTC, "SELL", "0.01", positionSide="SHORT")
        closing = {"quantity": None, "closePosition": "true"}
        assert _send(client, **closing, positionSide="SHORT").body["code"] == -4061
        assert _send(client, **closing, positionSide="LONG").status == 200
        exchange.price("usd_m", BTC, "44000")
        rows = client.ok("GET", "/fapi/v2/positionRisk", symbol=BTC)
        assert {row["positionSide"]: Decimal(row["positionAmt"]) for row in rows} == {
            "LONG": 0,
            "SHORT": Decimal("-0.01"),
        }


def test_conditional_orders_are_listed_and_cancelled(client: Client) -> None:
    for number in range(3):
        assert _send(client, clientAlgoId=f"stop-{number}").status == 200
    assert _send(client, clientAlgoId="stop-0").body["code"] == -4116
    assert client.ok("DELETE", ALGO, clientAlgoId="stop-0")["msg"] == "success"
    assert client.signed("DELETE", ALGO, clientAlgoId="stop-0").code == -2011
    assert len(client.ok("GET", f"{FAPI}openAlgoOrders")) == 2
    client.ok("DELETE", f"{FAPI}algoOpenOrders", symbol=BTC)
    assert client.ok("GET", f"{FAPI}openAlgoOrders", symbol=BTC) == []
    assert [row["algoStatus"] for row in client.ok("GET", f"{FAPI}allAlgoOrders", symbol=BTC)] == ["CANCELED"] * 3
    assert client.ok("GET", f"{FAPI}openOrders") == []


def test_coin_m_has_the_same_endpoints(client: Client) -> None:
    path = f"{DAPI}algoOrder"
    assert _send(client, path, symbol="BTCUSD_PERP", quantity="5", side="BUY", triggerPrice="80000").status == 200
    client.exchange.price("coin_m", "BTCUSD_PERP", "80000")
    assert client.ok("GET", path, clientAlgoId="stop")["algoStatus"] == "FINISHED"
    assert client.ok("GET", f"{DAPI}userTrades", symbol="BTCUSD_PERP")[0]["qty"] == "5"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"algoType": "VP"}, -1130),
        ({"type": "MARKET"}, -1116),
        ({"triggerPrice": None}, -1102),
        ({"triggerPrice": "45000.05"}, -4014),
        ({"quantity": None}, -1102),
        ({"quantity": "0"}, -4003),
        ({"type": "STOP"}, -1102),
        ({"type": "STOP", "price": "45000", "closePosition": "true"}, -4136),
        ({"closePosition": "true"}, -4137),
        ({"quantity": None, "closePosition": "true", "reduceOnly": "true"}, -4138),
        ({"workingType": "LAST"}, -4031),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "11"}, -1130),
        ({"positionSide": "LONG"}, -4061),
    ],
)
def test_a_malformed_conditional_order_is_refused(client: Client, changes: dict[str, str | None], code: int) -> None:
    assert _send(client, **changes).body["code"] == code
