"""The orders of a fan-out, written together."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from markets.venues.vocabulary import OrderType, PositionSide, Side
from orders.executor.findings import Source
from orders.executor.sending import orders_execute
from orders.models import Order, OrderEvent, Origin
from orders.services.placing import NewOrder, client_order_id_new, orders_write_many
from orders.tests.conftest import make_live_account
from tests.factories import make_account, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted():
    """An order as the caller wants it: of an account and a market that exist."""
    account, market = make_account(), make_market()
    return NewOrder(
        account_id=account.pk,
        market_id=market.pk,
        origin=Origin.COPY,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.25"),
        send_within=timedelta(seconds=30),
        cause_id=77,
    )


def written(orders: list[NewOrder]) -> list[int]:
    return [number for number in orders_write_many(orders) if number is not None]


def another(order, **values):
    return replace(order, **{"client_order_id": client_order_id_new(), **values})


def test_orders_wait_to_be_sent_as_they_were_asked_for(wanted):
    limit = another(
        wanted,
        type=OrderType.LIMIT,
        price=Decimal("86000.10"),
        time_in_force="IOC",
        position_side=PositionSide.SHORT,
        reduce_only=True,
        extra={"selfTradePreventionMode": "NONE"},
        attempts_allowed=1,
    )

    first, second = written([wanted, limit])

    market_order, limit_order = Order.objects.get(pk=first), Order.objects.get(pk=second)
    for order, asked in ((market_order, wanted), (limit_order, limit)):
        for name in set(NewOrder.__struct_fields__) - {"send_within"}:
            assert getattr(order, name) == getattr(asked, name), name
        assert order.state == "PENDING"
        assert order.send_before - order.send_after == timedelta(seconds=30)
        assert order.created_at == order.send_after
        assert [(event.to_state, event.source) for event in order.events.all()] == [("PENDING", Source.EXECUTOR)]


def test_the_numbers_come_back_in_the_order_given(wanted):
    orders = [another(wanted) for _ in range(20)]

    numbers = written(orders)

    assert [Order.objects.get(pk=number).client_order_id for number in numbers] == [
        order.client_order_id for order in orders
    ]


def test_no_orders_are_no_statement():
    with CaptureQueriesContext(connection) as captured:
        assert orders_write_many([]) == []
    assert len(captured) == 0


def test_the_statements_do_not_grow_with_the_orders(wanted):
    def statements(count):
        with CaptureQueriesContext(connection) as captured:
            orders_write_many([another(wanted) for _ in range(count)])
        return len(captured)

    assert statements(1) == statements(50) == 3  # one of them inserts, between a savepoint and its release


def test_what_is_written_already_is_left_out(wanted):
    (number,) = orders_write_many([wanted])
    new = another(wanted)

    numbers = orders_write_many([wanted, new, new])

    assert number is not None
    assert numbers[0] is None
    assert numbers[1] == Order.objects.get(client_order_id=new.client_order_id).pk
    assert numbers[2] is None
    assert (Order.objects.count(), OrderEvent.objects.count()) == (2, 2)


def test_a_client_order_id_is_free_in_another_account(wanted):
    named = replace(wanted, client_order_id="copy-1-1")
    numbers = orders_write_many([named, replace(named, account_id=make_account().pk), named])

    assert [number is not None for number in numbers] == [True, True, False]


def test_an_order_of_no_account_writes_nothing_at_all(wanted):
    @transaction.atomic
    def write():
        orders_write_many([wanted, another(wanted, account_id=0)])
        connection.check_constraints()

    with pytest.raises(IntegrityError):
        write()

    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_write_the_same_write_it_once(wanted):
    orders, barrier, found = [another(wanted) for _ in range(50)], threading.Barrier(2), []

    def write():
        try:
            barrier.wait()
            found.append(orders_write_many(orders))
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(len([number for number in numbers if number]) for numbers in found) == [0, 50]
    assert (Order.objects.count(), OrderEvent.objects.count()) == (50, 50)


def test_what_was_written_together_is_sent_like_any_other(venue, wanted):
    account = make_live_account()
    orders = [another(wanted, account_id=account.pk, market_id=make_market(venue="fake").pk) for _ in range(3)]
    numbers = written(orders)

    assert orders_execute(numbers) == numbers

    assert venue.placements == {order.client_order_id: 1 for order in orders}
