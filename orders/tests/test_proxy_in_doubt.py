"""Binance does not say what became of an order: it is asked, never given the order again."""

import pytest

from orders.executor.checking import orders_check
from orders.models import Order
from orders.tests.conftest import age
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT
from tests.simulators.binance import BinanceSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]
LOST_ANSWERS = ["drop_after", "unknown_503", "timeout_408", "garbage"]
LOST_ORDERS = ["unknown_503", "timeout_408", "garbage"]


def silence(binance: BinanceSimulator, path: str) -> int:
    """Let Binance answer no question about orders."""
    return binance.fault("error", method="GET", path=path, count=None, status=500)


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_lost_answer_is_found_out_at_once_where_binance_can_be_asked(ada, binance, fault):
    binance.fault(fault, method="POST", path="/api/v3/order")

    answer = ada.post("spot/order", SPOT_LIMIT)

    assert (answer.status, answer.data["state"]) == (201, "NEW")
    assert answer.data["binance_response"]["status"] == "NEW"
    assert len(binance.placements()) == 1


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_an_order_in_doubt_is_202_and_resolved_by_reading_it(ada, binance, fault):
    binance.fault(fault, method="POST", path="/fapi/v1/order")
    quiet = silence(binance, "/fapi/v1/order")

    answer = ada.post("futures/order", {**USDM_LIMIT, "newClientOrderId": "lost"})

    assert (answer.status, answer.data["state"], answer.data["status"]) == (202, "UNKNOWN", "UNKNOWN")
    assert "never place it again" in answer.body["meta"]["message"]
    binance.clear_faults(quiet)
    found = ada.get("futures/order", symbol="BTCUSDT", origClientOrderId="lost")
    assert (found.status, found.data["state"]) == (200, "NEW")
    assert found.data["order_id"] == str(binance.orders(KEY, "usd_m")[0]["orderId"])
    assert len(binance.placements()) == 1


def test_the_repeated_request_asks_and_does_not_place_again(ada, binance):
    binance.fault("drop_after", method="POST", path="/api/v3/order")
    quiet = silence(binance, "/api/v3/order")
    first = ada.post("spot/order", SPOT_LIMIT, key="k")
    still = ada.post("spot/order", SPOT_LIMIT, key="k")
    binance.clear_faults(quiet)

    again = ada.post("spot/order", SPOT_LIMIT, key="k")

    assert [answer.status for answer in (first, still, again)] == [202, 202, 200]
    assert again.data["id"] == first.data["id"]
    assert len(binance.placements()) == 1


@pytest.mark.parametrize("fault", LOST_ORDERS)
def test_an_order_that_never_arrived_is_refused_only_once_that_is_proven(ada, binance, fault):
    binance.fault(fault, method="POST", path="/api/v3/order", process=False)

    answer = ada.post("spot/order", SPOT_LIMIT, key="k")
    assert (answer.status, answer.data["state"]) == (202, "UNKNOWN")

    order = Order.objects.get()
    age(order, 30)  # longer than a request may be under way
    orders_check([order.pk])
    again = ada.post("spot/order", SPOT_LIMIT, key="k")
    assert (again.status, again.error["code"]) == (503, "VENUE_UNAVAILABLE")
    assert again.error["details"]["reason"] == "NEVER_ARRIVED"
    assert binance.placements() == []


def test_a_conditional_order_in_doubt_is_one_order(ada, binance):
    body = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "stopPrice": "50000.0", "quantity": "0.002"}
    binance.fault("drop_after", method="POST", path="/fapi/v1/algoOrder")

    answer = ada.post("futures/order", body, key="k")
    ada.post("futures/order", body, key="k")

    assert (answer.status, answer.data["state"]) == (201, "NEW")
    assert len(binance.placements()) == 1


def test_an_order_in_doubt_stays_in_the_list_however_many_follow(ada, binance):
    binance.fault("drop_after", method="POST", path="/api/v3/order")
    quiet = silence(binance, "/api/v3/order")
    doubtful = ada.post("spot/order", SPOT_LIMIT).data["id"]
    binance.clear_faults(quiet)

    market = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
    filled = [ada.post("spot/order", market).data["id"] for _ in range(4)]

    assert [order["id"] for order in ada.get("spot/orders").data] == [*filled[:0:-1], doubtful]


def test_an_order_in_doubt_can_be_cancelled(ada, binance):
    binance.fault("drop_after", method="POST", path="/api/v3/order")
    quiet = silence(binance, "/api/v3/order")
    ada.post("spot/order", {**SPOT_LIMIT, "newClientOrderId": "lost"})

    waiting = ada.delete("spot/order", symbol="BTCUSDT", origClientOrderId="lost")
    binance.clear_faults(quiet)
    done = ada.delete("spot/order", symbol="BTCUSDT", origClientOrderId="lost")

    assert (waiting.status, done.status, done.data["status"]) == (202, 200, "CANCELED")
    assert [order["status"] for order in binance.orders(KEY, "spot")] == ["CANCELED"]
