"""The order layer before a broker that acknowledges first, forgets nothing that arrived, and takes an id twice."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.utils import timezone

from markets.tests.venues.iifl_kit import ORDER_ROW
from markets.venues import registry
from markets.venues.iifl.names import unique_identifier
from markets.venues.iifl.orders import read_order
from markets.venues.vocabulary import OrderType, Side
from orders.executor.findings import Source
from orders.executor.sending import orders_execute
from orders.models import Fill, Holding, Order
from orders.services.closing import OrdersInTheWay, position_close
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record
from orders.tests.iifl_kit import settle, trader, write
from tests.contract.benches.iifl import pointed_at
from tests.simulators.iifl import IiflSimulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exchange(settings: Any) -> Iterator[IiflSimulator]:
    settings.LIVE_TRADING = True
    with IiflSimulator() as simulator, pointed_at(simulator):
        registry.adapters_close()
        yield simulator
        registry.adapters_close()


def test_an_acknowledged_order_is_asked_about_until_its_trades_are_booked(exchange: IiflSimulator) -> None:
    order = write(trader(exchange))
    orders_execute([order.pk])
    assert Order.objects.get().state == "NEW"
    settle()

    order.refresh_from_db()
    assert (order.state, order.booked_quantity, order.check_at) == ("FILLED", Decimal(10), None)
    assert (Fill.objects.get().fee_asset, Holding.objects.get().quantity) == ("INR", Decimal(10))


def test_an_order_that_the_socket_tells_as_filled_before_its_trade_waits_for_that(exchange: IiflSimulator) -> None:
    account = trader(exchange)
    order = write(account)
    orders_execute([order.pk])
    order.refresh_from_db()
    row = {**ORDER_ROW, "AppOrderID": order.venue_order_id, "OrderQuantity": 10, "OrderStatus": "Filled"}
    told = read_order(row, client_order_id=order.client_order_id, symbol="RELIANCE", now=timezone.now())

    reports_record(account=account, orders=[told], fills=[], source=Source.STREAM)

    order.refresh_from_db()
    assert (order.state, order.filled_quantity, order.booked_quantity) == ("FILLED", 10, 0)
    settle()
    order.refresh_from_db()
    assert (order.booked_quantity, order.check_at) == (10, None)


def test_an_order_that_risk_management_refuses_later_ends_with_its_words(exchange: IiflSimulator) -> None:
    order = write(trader(exchange, balance="10"))
    orders_execute([order.pk])
    settle()

    order.refresh_from_db()
    assert (order.state, order.booked_quantity) == ("REJECTED", 0)
    assert order.reason.startswith("RMS:Margin Exceeds")


@pytest.mark.parametrize("kind", ["drop_after", "bad_gateway", "garbage"])
def test_an_order_whose_answer_is_lost_is_one_order(exchange: IiflSimulator, kind: str) -> None:
    account = trader(exchange)
    exchange.fault(kind, method="POST", path="/interactive/orders")
    order = write(account)
    orders_execute([order.pk])
    assert Order.objects.get().state == "UNKNOWN"
    account_reconcile(account=account, trigger="schedule")
    settle()

    order.refresh_from_db()
    assert (order.state, order.booked_quantity, Order.objects.count()) == ("FILLED", Decimal(10), 1)
    assert exchange.counts()["identifiers"] == {unique_identifier(order.client_order_id): 1}


def test_an_order_whose_answer_is_lost_is_one_order_although_redis_was_wiped(
    exchange: IiflSimulator, settings: Any
) -> None:
    account = trader(exchange)
    exchange.fault("drop_after", method="POST", path="/interactive/orders")
    order = write(account, type=OrderType.LIMIT, price=Decimal(2_400))
    orders_execute([order.pk])
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    registry.adapters_close()  # whoever compares is not the process that has placed it

    account_reconcile(account=account, trigger="schedule")

    order.refresh_from_db()
    assert (order.state, Order.objects.count()) == ("NEW", 1)
    exchange.fill(int(order.venue_order_id), 10)
    settle()
    order.refresh_from_db()
    assert (order.state, order.booked_quantity, order.check_at) == ("FILLED", Decimal(10), None)


def test_an_order_that_never_arrived_is_sent_again_after_the_proof(exchange: IiflSimulator) -> None:
    exchange.fault("drop_before", method="POST", path="/interactive/orders")
    order = write(trader(exchange))
    orders_execute([order.pk])
    settle()

    order.refresh_from_db()
    assert (order.state, exchange.counts()["identifiers"]) == ("PENDING", {})
    assert order.reason_code == "NEVER_ARRIVED"


def test_a_position_is_closed_by_an_ordinary_order(exchange: IiflSimulator) -> None:
    account = trader(exchange)
    orders_execute([write(account, side=Side.SELL).pk])
    settle()

    position_close(user=account.user, holding=Holding.objects.get())
    settle()

    assert Holding.objects.get().quantity == 0
    assert Order.objects.latest("pk").reduce_only is False


def test_a_position_beside_an_open_order_is_closed_once_that_is_cancelled(exchange: IiflSimulator) -> None:
    account = trader(exchange)
    bought, resting = write(account), write(account, side=Side.SELL, type=OrderType.LIMIT, price=Decimal(2_600))
    orders_execute([bought.pk, resting.pk])
    settle()
    assert Holding.objects.get().quantity == 10

    with pytest.raises(OrdersInTheWay):
        position_close(user=account.user, holding=Holding.objects.get())
    position_close(user=account.user, holding=Holding.objects.get(), cancel_orders=True)
    settle()

    resting.refresh_from_db()
    assert (resting.state, Holding.objects.get().quantity) == ("CANCELED", 0)
