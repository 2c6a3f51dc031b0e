"""Cancelling."""

from decimal import Decimal

from markets.venues.errors import Rejected, VenueDown
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute_due
from orders.services.placing import order_cancel, order_refresh
from orders.tests.conftest import age, prove


def test_an_order_that_was_not_sent_never_will_be(write, venue):
    cancelled = order_cancel(order=write())

    assert orders_execute_due() == 0
    assert (cancelled.state, cancelled.reason_code, venue.placements) == ("CANCELED", "CANCELED_UNSENT", {})


def test_an_open_order_is_cancelled_at_the_venue(write):
    order = write(type="LIMIT", price=Decimal(40_000), time_in_force="GTC")
    orders_execute_due()

    assert order_cancel(order=order).state == "CANCELED"


def test_cancelling_twice_changes_nothing(write):
    order = write(type="LIMIT", price=Decimal(40_000))
    orders_execute_due()
    first = order_cancel(order=order)

    assert order_cancel(order=order).finished_at == first.finished_at


def test_the_steps_of_an_order_tell_that_somebody_wanted_it_cancelled_once(write, venue, monkeypatch):
    order = write(type="LIMIT", price=Decimal(40_000))
    orders_execute_due()
    with monkeypatch.context() as down:
        down.setattr(venue, "cancel", _is_down)
        order_cancel(order=order)
    order_cancel(order=order)

    steps = list(order.events.values_list("source", "from_state", "to_state", "code"))[2:]
    assert [step for step in steps if step[0] == "user"] == [("user", "NEW", "NEW", "CANCEL_REQUESTED")]
    assert steps[-1][2] == "CANCELED"


def test_a_filled_order_stays_filled(write):
    order = write()
    orders_execute_due()

    assert order_cancel(order=order).state == "FILLED"


def test_a_partly_filled_order_keeps_its_trades(write, venue):
    order = write(type="LIMIT", price=Decimal(50_000), quantity=Decimal(2))
    orders_execute_due()
    venue.fill(order.client_order_id, 1)

    cancelled = order_cancel(order=order)

    assert (cancelled.state, cancelled.filled_quantity, cancelled.booked_quantity) == ("CANCELED", 1, 1)


def test_an_order_in_doubt_is_cancelled_once_it_is_known(write, venue):
    venue.next.append("unheard")
    order = write(type="LIMIT", price=Decimal(40_000))
    orders_execute_due()

    assert order_cancel(order=order).state == "CANCELED"


def test_a_cancel_that_the_venue_could_not_take_is_repeated(write, venue, monkeypatch):
    order = write(type="LIMIT", price=Decimal(40_000))
    orders_execute_due()
    with monkeypatch.context() as down:
        down.setattr(venue, "cancel", _is_down)
        assert order_cancel(order=order).state == "NEW"

    age(order, 60)
    orders_check()

    order.refresh_from_db()
    assert order.state == "CANCELED"


def test_a_cancelled_order_that_never_arrived_is_not_sent_again(write, venue):
    venue.next.append("lost")
    order = write()
    orders_execute_due()
    order_cancel(order=order)

    prove(order)

    assert orders_execute_due() == 0
    order.refresh_from_db()
    assert (order.state, order.reason_code, venue.placements) == ("CANCELED", "CANCELED_UNSENT", {})


def test_an_order_that_filled_before_the_cancel_arrived_is_filled(write, venue, monkeypatch):
    order = write(type="LIMIT", price=Decimal(50_000))
    orders_execute_due()
    venue.fill(order.client_order_id, "0.5")
    monkeypatch.setattr(venue, "cancel", _is_unknown)

    assert order_cancel(order=order).state == "FILLED"


def test_an_order_can_be_looked_up_now(write, venue):
    order = write(type="LIMIT", price=Decimal(50_000))
    orders_execute_due()
    venue.fill(order.client_order_id, "0.5")

    assert order_refresh(order=order).state == "FILLED"


async def _is_down(account, reference):
    raise VenueDown("Connection refused.")


async def _is_unknown(account, reference):
    raise Rejected("Unknown order sent.", reason="UNKNOWN_ORDER")
