"""Orders that count as over here and rest at an exchange that behaves like Binance, from the proxy to the last fill."""

from datetime import timedelta

import pytest
from django.utils import timezone
from msgspec.structs import replace

from copytrade.lib.loop import run
from markets.venues.registry import adapter
from orders.access import accesses_of
from orders.executor.checking import orders_check
from orders.executor.claiming import reference_of
from orders.executor.findings import Source
from orders.models import Order
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record
from orders.tests.conftest import age
from orders.tests.proxy_kit import KEY, SPOT_LIMIT, USDM_LIMIT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("binance")]
STOP = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "STOP",
    "timeInForce": "GTC",
    "quantity": "0.002",
    "price": "60000.00",
    "stopPrice": "90000.00",
}


def placed(caller, route, body):
    """Return the order that the proxy placed, as it is here."""
    answer = caller.post(f"{route}/order", body)
    assert answer.status == 201, answer.body
    return Order.objects.select_related("account", "market").get(pk=answer.data["id"])


def over(order, status="CANCELED"):
    """Let a report have told, a minute ago, that the order is over; Binance goes on having it open."""
    access = accesses_of([order.account])[order.account_id]
    told = run(adapter(order.account.venue).query(access, reference_of(order)))
    assert told is not None
    reports_record(account=order.account, orders=[replace(told, status=status)], fills=[], source=Source.STREAM)
    order.refresh_from_db()
    assert order.state == status
    Order.objects.filter(pk=order.pk).update(finished_at=timezone.now() - timedelta(seconds=60))


def compare(order):
    order.account.refresh_from_db()
    report = account_reconcile(account=order.account, trigger="schedule")
    order.refresh_from_db()
    return report


@pytest.mark.parametrize(("route", "body"), [("spot", SPOT_LIMIT), ("futures", USDM_LIMIT)])
def test_a_resting_order_is_reopened_and_filled(ada, binance, route, body):
    order = placed(ada, route, body)
    over(order)

    report = compare(order)

    assert (order.state, report.orders_repaired, report.error) == ("NEW", 1, "")
    (told,) = report.differences
    assert (told["here"], told["venue"], told["outcome"]) == ("CANCELED", "NEW", "REOPENED")
    kind = {"spot": "spot", "futures": "usd_m"}[route]
    binance.fill(KEY, kind, int(order.venue_order_id))
    age(order, 100)
    orders_check()
    order.refresh_from_db()
    assert (order.state, order.booked_quantity) == ("FILLED", order.quantity)
    assert order.fills.count() == 1


def test_a_partly_filled_order_is_reopened_with_its_trades_and_cancelled_by_its_owner(ada, binance):
    order = placed(ada, "futures", USDM_LIMIT)
    binance.fill(KEY, "usd_m", int(order.venue_order_id), quantity="0.001")
    over(order, "EXPIRED")

    compare(order)

    assert (order.state, str(order.booked_quantity.normalize())) == ("PARTIALLY_FILLED", "0.001")
    name = {"symbol": "BTCUSDT", "origClientOrderId": order.client_order_id}
    listed = ada.get("futures/orders", symbol="BTCUSDT").data
    assert [(row["id"], row["state"]) for row in listed] == [(order.pk, "PARTIALLY_FILLED")]
    answer = ada.delete("futures/order", **name)
    assert (answer.status, answer.data["state"], answer.data["executed_qty"]) == (200, "CANCELED", "0.001")
    assert [row["status"] for row in binance.orders(KEY, "usd_m")] == ["CANCELED"]


def test_a_stop_that_waits_keeps_its_number(ada, binance):
    order = placed(ada, "futures", STOP)
    number = order.venue_order_id
    assert number.startswith("algo:")
    over(order)

    compare(order)

    assert (order.state, order.venue_order_id) == ("NEW", number)
    name = {"symbol": "BTCUSDT", "origClientOrderId": order.client_order_id}
    assert ada.delete("futures/order", **name).data["state"] == "CANCELED"


def test_a_stop_that_was_triggered_meanwhile_is_reopened_as_what_it_became(ada, binance):
    order = placed(ada, "futures", STOP)
    over(order)
    binance.price("usd_m", "BTCUSDT", "90000")
    (became,) = binance.orders(KEY, "usd_m")
    assert became["status"] == "NEW"

    compare(order)

    assert (order.state, order.venue_order_id) == ("NEW", str(became["orderId"]))
    assert Order.objects.filter(account=order.account).count() == 1


def test_an_order_that_is_over_there_too_stays_over(ada, binance):
    order = placed(ada, "futures", USDM_LIMIT)
    over(order)
    binance.cancel(KEY, "usd_m", int(order.venue_order_id))

    report = compare(order)

    assert (order.state, report.differences) == ("CANCELED", [])


def test_an_order_that_cannot_be_asked_about_is_reopened_by_the_next_comparison(ada, binance):
    order = placed(ada, "futures", USDM_LIMIT)
    over(order)
    quiet = binance.fault("error", method="GET", path="/fapi/v1/order", count=None, status=500)

    report = compare(order)

    assert (order.state, report.differences[0]["outcome"], report.error) == ("CANCELED", "UNCONFIRMED", "")
    binance.clear_faults(quiet)
    compare(order)
    assert order.state == "NEW"


def test_an_open_order_that_binance_no_longer_lists_is_asked_about(ada, binance):
    order = placed(ada, "futures", USDM_LIMIT)
    binance.cancel(KEY, "usd_m", int(order.venue_order_id))

    report = compare(order)

    assert (order.state, report.orders_repaired, report.differences) == ("CANCELED", 1, [])
