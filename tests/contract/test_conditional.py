"""Orders that wait for a price: they are placed, listed, cancelled, and become trades under the same id."""

from typing import Any

import pytest

from markets.venues.base import ZERO, OrderRequest
from markets.venues.errors import Rejected, RejectReason
from markets.venues.vocabulary import OrderType, Side, TimeInForce, VenueStatus
from tests.contract.bench import Desk, run

pytestmark = pytest.mark.capable(OrderType.STOP_LIMIT)


def stop(desk: Desk, **changes: Any) -> OrderRequest:
    """Return an order that sells below the price."""
    values = {
        "side": Side.SELL,
        "type": OrderType.STOP_LIMIT,
        "stop_price": desk.below("0.98"),
        "price": desk.below("0.97"),
        "time_in_force": TimeInForce.GTC,
    }
    return desk.order(**{**values, **changes})


def test_a_stop_waits(desk: Desk) -> None:
    request = stop(desk)
    placed = desk.place(request)

    assert (placed.status, placed.filled_quantity) == (VenueStatus.NEW, ZERO)
    assert (placed.client_order_id, placed.type) == (request.client_order_id, OrderType.STOP_LIMIT)
    known = desk.query(request)
    assert known
    assert (known.status, known.stop_price, known.price) == (VenueStatus.NEW, request.stop_price, request.price)
    listed = run(desk.bench.adapter.open_orders(desk.access, desk.bench.symbol))
    assert [order.client_order_id for order in listed] == [request.client_order_id]


def test_a_stop_sells_when_its_price_is_reached(desk: Desk) -> None:
    request = stop(desk)
    desk.place(desk.order())
    placed = desk.place(request)
    desk.bench.set_price(desk.below("0.975"))

    known = desk.query(request)
    assert known
    assert (known.status, known.filled_quantity) == (VenueStatus.FILLED, request.quantity)
    assert (known.client_order_id, known.type) == (placed.client_order_id, OrderType.STOP_LIMIT)
    adapter, bench = desk.bench.adapter, desk.bench
    fills = run(adapter.fills(desk.access, bench.symbol, bench.kind, venue_order_id=known.venue_order_id, since=None))
    assert sum(fill.quantity for fill in fills) == request.quantity


def test_a_stop_is_cancelled_once_and_stays_so(desk: Desk) -> None:
    request = stop(desk)
    desk.place(request)
    cancelled = [desk.cancel(request) for _ in range(2)]

    assert [order.status for order in cancelled] == [VenueStatus.CANCELED] * 2
    assert {order.client_order_id for order in cancelled} == {request.client_order_id}
    assert run(desk.bench.adapter.open_orders(desk.access)) == []


def test_a_stop_that_was_triggered_and_rests_is_cancelled(desk: Desk) -> None:
    request = stop(desk)
    desk.place(desk.order())
    desk.place(request)
    # Through the trigger and the limit at once: what it becomes waits for the price to come back.
    desk.bench.set_price(desk.below("0.96"))
    known = desk.query(request)

    assert known
    assert known.status == VenueStatus.NEW
    assert desk.cancel(request).status == VenueStatus.CANCELED
    assert desk.cancel(request).status == VenueStatus.CANCELED


def test_a_stop_that_never_was_is_none(desk: Desk) -> None:
    request = stop(desk)

    assert desk.query(request) is None
    with pytest.raises(Rejected) as refused:
        desk.cancel(request)
    assert refused.value.reason == RejectReason.UNKNOWN_ORDER


def test_a_stop_on_the_wrong_side_of_the_price_is_refused(desk: Desk) -> None:
    request = stop(desk, stop_price=desk.below("1.02"))
    with pytest.raises(Rejected) as refused:
        desk.place(request)

    assert refused.value.reason == RejectReason.WOULD_TRIGGER


@pytest.mark.capable("close_position")
def test_a_stop_closes_the_whole_position_whatever_it_is_by_then(desk: Desk) -> None:
    request = stop(desk, type=OrderType.STOP_MARKET, price=None, time_in_force=None, quantity=None, close_position=True)
    desk.place(desk.order())
    desk.place(request)
    desk.place(desk.order())
    desk.bench.set_price(desk.below("0.97"))

    known = desk.query(request)
    assert known
    assert (known.status, known.filled_quantity) == (VenueStatus.FILLED, desk.bench.quantity * 2)
    assert run(desk.bench.adapter.account(desk.access)).positions == ()
