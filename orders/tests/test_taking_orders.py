"""Orders written as taken: whoever writes them sends them, and nobody else before the send window has ended."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from msgspec.structs import replace

from markets.venues.vocabulary import OrderType, Side
from orders.executor.claiming import Claims, orders_claim, orders_write_taken, taken_open
from orders.executor.sending import Carrier
from orders.models import Order, Origin, TradingHalt
from orders.services.writing import NewOrder, client_order_id_new
from orders.tests.conftest import age, prove
from tests.factories import make_account, make_market

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def wish(account):
    """A market order of the account."""
    return NewOrder(
        account_id=account.pk,
        market_id=make_market(venue="memory").pk,
        origin=Origin.COPY,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.5"),
        send_within=timedelta(minutes=1),
    )


def another(wish, **values):
    return replace(wish, client_order_id=client_order_id_new(), **values)


def taken(orders):
    with transaction.atomic():
        return orders_write_taken(orders)


def send(mine):
    carrier = Carrier()
    carrier.take(Claims(taken_open(mine), []))
    carrier.finish()
    return carrier.sent


def test_what_was_taken_is_sent_once_with_all_that_was_asked(wish, venue):
    mine, waiting = taken([wish, another(wish, side=Side.SELL)])

    assert send(mine) == list(Order.objects.order_by("pk").values_list("pk", flat=True))

    assert waiting == []
    assert set(venue.placements.values()) == {1}
    ended = sorted(Order.objects.values_list("side", "state", "attempts"))
    assert ended == [("BUY", "FILLED", 1), ("SELL", "FILLED", 1)]
    order = Order.objects.get(client_order_id=wish.client_order_id)
    steps = list(order.events.order_by("pk").values_list("from_state", "to_state"))
    assert steps == [("", "SENDING"), ("SENDING", "FILLED")]
    assert order.claimed_at is not None


def test_nobody_else_takes_it(wish):
    mine, _ = taken([wish])

    assert orders_claim().taken == 0
    assert orders_claim([row.id for row in mine.rows]).taken == 0


def test_a_client_order_id_that_was_used_is_written_and_sent_once(wish, venue):
    first, _ = taken([wish])
    second, waiting = taken([wish])

    assert (send(first), send(second), waiting) == ([Order.objects.get().pk], [], [])
    assert list(venue.placements.values()) == [1]


def test_what_may_not_be_sent_waits_to_be_refused_with_its_reason(wish, venue):
    TradingHalt.objects.create(scope="global", mode="reduce_only", reason="maintenance")
    mine, waiting = taken([wish, another(wish, side=Side.SELL, closes=True)])
    entry = Order.objects.get(client_order_id=wish.client_order_id)

    assert (entry.state, waiting) == ("PENDING", [entry.pk])
    assert orders_claim(waiting).refused == waiting
    entry.refresh_from_db()
    assert (entry.state, entry.reason_code) == ("FAILED", "TRADING_HALTED")
    assert len(send(mine)) == 1


def test_one_whose_time_is_over_is_not_sent(wish, venue, monkeypatch):
    mine, _ = taken([wish])
    late = replace(mine, scene=replace(mine.scene, deadline=0.0))

    send(late)

    order = Order.objects.get()
    assert (order.state, order.attempts) == ("PENDING", 1)
    assert not venue.placements


def test_one_whose_worker_died_is_sent_again_after_the_venues_no(wish, venue):
    taken([wish])
    order = Order.objects.get()

    prove(order)
    age(order, 5)
    order.refresh_from_db()
    assert order.state == "PENDING"
    carrier = Carrier()
    carrier.carry([order.pk])
    carrier.finish()

    order.refresh_from_db()
    assert (order.state, order.attempts) == ("FILLED", 2)
    assert list(venue.placements.values()) == [1]


def test_statements_do_not_grow_with_orders(wish):
    def statements(count):
        orders = [another(wish, account_id=make_account().pk) for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            taken(orders)
        return len(captured)

    statements(1)  # markets are kept once they are known
    assert statements(20) == statements(1)
