"""Orders of which nobody knows whether they arrived: asked about, and sent again only after a proof."""

from decimal import Decimal

import pytest

from markets.venues.errors import RateLimited, VenueError
from orders.executor.checking import orders_check
from orders.executor.claiming import orders_claim
from orders.executor.sending import orders_execute_due
from orders.models import Holding, Order
from orders.services.placing import orders_place
from orders.tests.conftest import age, prove

LONG_ENOUGH = 12  # seconds: the window to send, the lifetime of a request and a margin


def state(order):
    return Order.objects.get(pk=order.pk).state


def test_an_order_whose_answer_got_lost_is_found_by_asking(write, venue):
    venue.next.append("unheard")
    order = write()
    orders_execute_due()
    assert state(order) == "UNKNOWN"

    age(order, 1)
    orders_check()

    assert (state(order), venue.placements) == ("FILLED", {order.client_order_id: 1})
    assert Holding.objects.get().quantity == Decimal("0.5")


def test_placing_asks_at_once_so_that_the_caller_usually_gets_the_answer(write, venue):
    venue.next.append("unheard")
    order = write()

    orders_place([order.pk])

    assert (state(order), venue.questions) == ("FILLED", 1)


def test_an_order_that_never_arrived_is_sent_again_only_when_it_cannot_arrive_any_more(write, venue):
    venue.next.append("lost")
    order = write()
    orders_execute_due()
    for _ in range(3):
        age(order, 1)
        orders_check()
        assert state(order) == "UNKNOWN"
        assert orders_execute_due() == 0

    prove(order)
    assert state(order) == "PENDING"
    orders_execute_due()

    assert (state(order), venue.placements) == ("FILLED", {order.client_order_id: 1})


def test_an_order_that_may_be_tried_once_fails_when_it_never_arrived(write, venue):
    venue.next.append("lost")
    order = write(attempts_allowed=1)
    orders_execute_due()

    prove(order)

    order.refresh_from_db()
    assert (order.state, order.reason_code, order.reason) == (
        "FAILED",
        "NEVER_ARRIVED",
        "The venue never received this order.",
    )


def test_a_worker_that_died_before_sending_is_noticed_and_the_order_is_sent_once(write, venue):
    order = write()
    orders_claim([order.pk])

    prove(order)
    orders_execute_due()

    assert (state(order), venue.placements) == ("FILLED", {order.client_order_id: 1})


def test_a_question_that_fails_after_a_worker_died_is_asked_again(write, venue):
    order = write()
    (claimed,) = orders_claim([order.pk]).allowed
    venue.accept(claimed.request)
    venue.next.append(VenueError("Service unavailable."))

    age(order, 6)
    orders_check()
    assert state(order) == "SENDING"
    age(order, 60)
    orders_check()

    assert state(order) == "FILLED"


def test_a_worker_that_died_after_sending_is_noticed_and_nothing_is_sent_again(write, venue):
    order = write()
    (claimed,) = orders_claim([order.pk]).allowed
    venue.accept(claimed.request)

    prove(order)
    orders_execute_due()

    assert (state(order), venue.placements) == ("FILLED", {order.client_order_id: 1})


def test_a_venue_that_cannot_be_asked_is_asked_again_with_growing_pauses(write, venue):
    venue.next.append("unheard")
    order = write()
    orders_execute_due()
    pauses = []
    for _ in range(4):
        venue.next.append(VenueError("Service unavailable."))
        age(order, 60)
        orders_check()
        row = Order.objects.get(pk=order.pk)
        assert row.state == "UNKNOWN"
        assert row.check_at is not None
        pauses.append(row.check_at - row.updated_at)

    age(order, 60)
    orders_check()

    assert pauses == sorted(pauses)
    assert state(order) == "FILLED"


def test_a_ban_while_asking_proves_nothing(write, venue):
    venue.next.append("lost")
    order = write()
    orders_execute_due()
    age(order, LONG_ENOUGH)
    venue.next.append(RateLimited("Banned.", until=order.created_at))

    orders_check()

    assert state(order) == "UNKNOWN"


def test_an_order_that_the_venue_shows_after_it_counted_as_lost_is_taken_as_it_is(write, venue):
    venue.next.append("lost")
    order = write(attempts_allowed=1)
    (claimed,) = orders_claim([order.pk]).allowed
    prove(order)
    assert state(order) == "FAILED"
    venue.accept(claimed.request)

    orders_check([order.pk])

    assert state(order) == "FILLED"
    assert [event.to_state for event in order.events.all()][-2:] == ["FAILED", "FILLED"]


def test_an_answer_that_could_not_be_stored_is_asked_for_again(write, venue, monkeypatch):
    order = write()
    with monkeypatch.context() as broken:
        broken.setattr("orders.executor.sending.findings_record", _database_is_away)
        with pytest.raises(OSError, match="away"):
            orders_execute_due()
    assert state(order) == "SENDING"

    prove(order)

    assert (state(order), venue.placements) == ("FILLED", {order.client_order_id: 1})


def _database_is_away(findings, *, follow):
    raise OSError("the database is away")
