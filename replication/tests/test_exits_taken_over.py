"""What an exit did not close is owed: by itself, or by a later exit that takes it over; late trades are counted."""

from datetime import timedelta

import pytest
from django.utils import timezone
from msgspec.structs import replace

from orders.models import Order
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.resuming import TAKEN_OVER
from replication.models import CopyIntent, CopyPosition, Signal
from replication.services.copies import copy_stop
from replication.services.retrying import decision_retry
from replication.services.stopping import stopping_continue
from replication.tests.failing_kit import CLOSED, MANY, copy, leader, refused, serve, wait_out  # noqa: F401  (fixtures)
from replication.tests.fills_kit import tell_fill
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, holds, tell
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_a_reduction_that_fails_is_tried_again_in_its_own_size(venue, leader, copy):  # noqa: F811
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.3")])
    wait_out(decision(copy))

    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.3"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_later_exit_takes_over_what_an_earlier_one_owes(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)
    first = decision(copy)
    assert CopyPosition.objects.get().remainder == D("-0.1")

    tell(leader, did("CLOSE_LONG", "0.15"), positions=[holds("0.15")])
    serve()

    first.refresh_from_db()
    assert (first.state, first.code, first.message) == ("skipped", "TAKEN_OVER", TAKEN_OVER)
    assert (decision(copy).state, held(copy)) == ("filled", D("0.15"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_close_after_a_reduction_that_does_not_succeed_closes_all_at_once(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)

    tell(leader, did("CLOSE_LONG", "0.3"), positions=[])
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", 0)
    assert sorted(CopyIntent.objects.filter(exits=True).values_list("state", flat=True)) == ["filled", "skipped"]


def test_one_that_takes_over_and_does_not_succeed_either_owes_both(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=2)
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.15"), positions=[holds("0.15")])
    settle()
    assert (decision(copy).state, decision(copy).attempts) == ("waiting", 2)
    assert CopyPosition.objects.get().remainder == D("-0.25")

    wait_out(decision(copy))
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.15"))
    assert CopyPosition.objects.get().remainder == 0


def test_an_older_trade_that_comes_later_takes_nothing_over(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=2)
    first = decision(copy)
    tell(leader, did("CLOSE_LONG", "0.15", ago=45), positions=[holds("0.15")])
    settle()

    first.refresh_from_db()
    assert first.state == "waiting"


def test_an_entry_behind_it_is_no_second_position(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=2)
    tell(leader, did("OPEN_LONG", "0.4", ago=10), positions=[holds("0.4")])
    entry = decision(copy)
    assert (entry.state, entry.code) == ("waiting", "EARLIER_ORDER_OPEN")
    settle()
    assert held(copy) == D("0.4")

    tell(leader, did("CLOSE_LONG", "0.2"), positions=[holds("0.2")])
    serve()

    entry.refresh_from_db()
    assert (entry.state, entry.code) == ("skipped", "ACCUMULATED")  # set off against what was to be closed
    assert held(copy) == D("0.2")
    assert CopyPosition.objects.get().remainder == 0


def test_an_entry_that_has_grown_too_old_behind_it_waits_no_longer(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=2)
    tell(leader, did("OPEN_LONG", "0.4", ago=10), positions=[holds("0.4")])
    entry = decision(copy)
    Signal.objects.filter(pk=entry.signal_id).update(event_time=timezone.now() - timedelta(minutes=5))

    settle()

    entry.refresh_from_db()
    assert (entry.state, entry.code) == ("skipped", "SIGNAL_TOO_OLD")
    assert CopyIntent.objects.get(exits=True).state == "waiting"


def test_other_positions_of_the_copy_go_on(venue, leader, copy):  # noqa: F811
    ether = make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH")
    price_is(market=ether)
    refused(venue, leader, copy, "0.4", attempts=MANY)

    tell(leader, did("OPEN_LONG", "0.2", symbol="ETHUSDT"), positions=[])
    serve()

    assert CopyPosition.objects.get(market=ether).quantity == D("0.2")


def test_a_stop_closes_the_other_positions_and_takes_over_what_does_not_succeed(venue, leader, copy):  # noqa: F811
    ether = make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH")
    price_is(market=ether)
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)
    tell(leader, did("OPEN_LONG", "0.2", symbol="ETHUSDT"), positions=[holds("0.3"), holds("0.2", symbol="ETHUSDT")])
    serve()
    assert CopyPosition.objects.get(market=ether).quantity == D("0.2")

    copy_stop(copy=copy, close=True, actor=copy.account.user)
    for _ in range(3):
        serve()
        stopping_continue()

    copy.refresh_from_db()
    assert copy.state == "ended"
    assert not CopyPosition.objects.exclude(quantity=0).exists()


def test_a_person_who_retries_a_reduction_closes_what_it_owed_and_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=MANY)

    decision_retry(intent=decision(copy), actor=copy.account.user)
    serve()

    assert held(copy) == D("0.2")
    assert CopyPosition.objects.get().remainder == 0


def partly(venue, filled: str) -> None:  # noqa: F811
    """Let the next market order fill in part and end."""
    accept = venue.accept

    def accept_part(request):
        venue.accept = accept
        report = accept(replace(request, type=type(request.type).LIMIT))
        venue.fill(report.client_order_id, filled)
        venue.change(report.client_order_id, status=type(report.status).EXPIRED)
        return venue.orders[report.client_order_id]

    venue.accept = accept_part


def test_a_close_that_fills_in_part_is_finished(venue, leader, copy):  # noqa: F811
    partly(venue, "0.3")
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    serve()
    waiting = decision(copy)
    assert (waiting.state, waiting.filled_quantity, held(copy)) == ("waiting", D("0.3"), D("0.1"))

    wait_out(waiting)
    serve()

    done = decision(copy)
    assert (done.state, done.quantity, done.filled_quantity, held(copy)) == ("filled", D("0.4"), D("0.4"), 0)


def test_a_reduction_that_fills_in_part_closes_the_rest_of_its_own_size(venue, leader, copy):  # noqa: F811
    partly(venue, "0.05")
    tell(leader, did("CLOSE_LONG", "0.2"), positions=[holds("0.2")])
    serve()
    wait_out(decision(copy))

    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.2"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_trade_of_an_earlier_attempt_that_becomes_known_late_is_owed_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=MANY)
    order = Order.objects.filter(cause_id=decision(copy).pk).latest("pk")
    tell_fill(order, quantity="0.15")

    settle()
    assert (decision(copy).state, held(copy)) == ("waiting", D("0.25"))
    assert CopyPosition.objects.get().remainder == D("-0.05")

    wait_out(decision(copy))
    serve()
    assert (decision(copy).state, held(copy)) == ("filled", D("0.2"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_trade_of_one_that_was_taken_over_is_owed_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=2)
    first = decision(copy)
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.1")])
    settle()
    assert CopyPosition.objects.get().remainder == D("-0.3")
    tell_fill(Order.objects.filter(cause_id=first.pk).latest("pk"), quantity="0.15")

    settle()

    first.refresh_from_db()
    assert (first.state, first.filled_quantity, held(copy)) == ("partial", D("0.15"), D("0.25"))
    assert CopyPosition.objects.get().remainder == D("-0.15")


def test_one_that_was_taken_over_is_not_tried_again_for_a_late_trade(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=2)
    first = decision(copy)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.1")])
    serve()
    assert held(copy) == D("0.1")
    tell_fill(Order.objects.filter(cause_id=first.pk).latest("pk"), quantity="0.05")

    settle()

    first.refresh_from_db()
    assert (first.state, first.filled_quantity, held(copy)) == ("partial", D("0.05"), D("0.05"))
    assert not CopyIntent.objects.filter(state__in=["waiting", "planned"]).exists()
