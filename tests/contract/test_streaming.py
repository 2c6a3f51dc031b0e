"""The private stream tells what happens, says when it has (re)connected, and what it missed can be asked for."""

import pytest

from markets.venues.base import AccountReport, FillReport, OrderReport
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import OrderType, Side, TimeInForce, VenueStatus
from tests.contract.bench import Desk, Fault, run
from tests.contract.ear import Ear

pytestmark = pytest.mark.capable("private_stream")


def listen(desk: Desk) -> Ear:
    return Ear(desk.bench.adapter.private_stream(desk.access))


def test_an_order_and_its_fills_are_told(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        request = desk.order()
        placed = desk.place(request)

        order = ear.order(request.client_order_id, VenueStatus.FILLED)
        fill = ear.fill(request.client_order_id)
    assert (order.venue_order_id, order.filled_quantity) == (placed.venue_order_id, request.quantity)
    assert (fill.venue_order_id, fill.side, fill.quantity) == (placed.venue_order_id, Side.BUY, request.quantity)


def test_a_fill_is_the_same_by_stream_and_by_asking(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        request = desk.order()
        placed = desk.place(request)
        told = ear.fill(request.client_order_id)
    bench = desk.bench
    (asked,) = run(
        bench.adapter.fills(desk.access, bench.symbol, bench.kind, venue_order_id=placed.venue_order_id, since=None)
    )
    for name in ("venue_trade_id", "price", "quantity", "quote_quantity", "fee", "fee_asset", "time", "side"):
        assert getattr(told, name) == getattr(asked, name), name


def test_a_cancelled_order_is_told_under_our_id(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        request = desk.resting()
        desk.place(request)
        ear.order(request.client_order_id, VenueStatus.NEW)
        desk.cancel(request)

        ear.order(request.client_order_id, VenueStatus.CANCELED)


def test_each_part_of_an_order_is_told_as_a_fill_of_its_own(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        request = desk.resting()
        placed = desk.place(request)
        assert request.quantity
        for _ in range(2):
            desk.bench.fill_part(desk.access, placed, request.quantity / 2)

        ear.order(request.client_order_id, VenueStatus.FILLED)
        ear.first(lambda event: isinstance(event, FillReport) and len(_fills(ear)) == 2)
    assert len({fill.venue_trade_id for fill in _fills(ear)}) == 2
    assert sum(fill.quantity for fill in _fills(ear)) == request.quantity


def test_a_conditional_order_and_what_it_becomes_are_one_order(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        desk.place(desk.order())
        request = desk.order(
            side=Side.SELL,
            type=OrderType.STOP_LIMIT,
            stop_price=desk.below("0.98"),
            price=desk.below("0.97"),
            time_in_force=TimeInForce.GTC,
        )
        desk.place(request)
        ear.order(request.client_order_id, VenueStatus.NEW)
        desk.bench.set_price(desk.below("0.975"))

        done = ear.order(request.client_order_id, VenueStatus.FILLED)
        fill = ear.fill(request.client_order_id)
    assert (done.type, fill.quantity) == (OrderType.STOP_LIMIT, request.quantity)
    known = desk.query(request)
    assert known
    assert known.venue_order_id == done.venue_order_id == fill.venue_order_id


def test_reports_of_what_changed_in_an_account_do_not_pass_for_all_of_it(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        desk.place(desk.order())

        changed = ear.first(lambda event: isinstance(event, AccountReport))
    assert not changed.complete


def test_events_of_another_account_are_not_told(desk: Desk) -> None:
    other = Desk(desk.bench, desk.bench.account())
    with listen(desk) as ear:
        ear.connected()
        theirs = other.place(other.order())
        mine = desk.order()
        desk.place(mine)
        ear.fill(mine.client_order_id)
    assert all(
        event.venue_order_id != theirs.venue_order_id
        for event in ear.events
        if isinstance(event, OrderReport | FillReport)
    )


@pytest.mark.can_fail(Fault.STREAM_LOST, Fault.FILL_UNTOLD)
def test_what_happened_while_the_stream_was_lost_is_found_by_asking(desk: Desk) -> None:
    with listen(desk) as ear:
        start = ear.connected().time
        desk.bench.misbehave(Fault.FILL_UNTOLD)
        request = desk.order()
        placed = desk.place(request)
        desk.bench.misbehave(Fault.STREAM_LOST)
        assert isinstance(ear.end(), VenueDown)
    with listen(desk) as again:
        again.connected()
        bench = desk.bench
        missed = run(bench.adapter.fills(desk.access, bench.symbol, bench.kind, since=start))
        known = desk.query(request)

    assert [fill.venue_order_id for fill in missed] == [placed.venue_order_id]
    assert known
    assert known.status == VenueStatus.FILLED


@pytest.mark.can_fail(Fault.STREAM_LOST)
def test_a_new_stream_tells_what_happens_next(desk: Desk) -> None:
    with listen(desk) as ear:
        ear.connected()
        desk.bench.misbehave(Fault.STREAM_LOST)
        ear.end()
    with listen(desk) as again:
        again.connected()
        request = desk.order()
        desk.place(request)

        again.fill(request.client_order_id)


def _fills(ear: Ear) -> list[FillReport]:
    return [event for event in ear.events if isinstance(event, FillReport)]
