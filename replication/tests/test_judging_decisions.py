"""What its orders make of a decision: how it ended, why, and what its owner reads."""

import pytest

from orders.models import Fill
from replication.engine.settling import ENDED_UNFILLED, STILL_TRIED, TELL_AFTER, decisions_settle
from replication.models import Copy
from replication.tests.judging_kit import at, decided, judge, ordered
from replication.tests.kit import D
from tests.factories import make_fill

pytestmark = pytest.mark.django_db

CLOSED = {"state": "REJECTED", "reason_code": "MARKET_CLOSED", "reason": "Market is closed."}
HALTED = {"state": "FAILED", "reason_code": "TRADING_HALTED", "reason": "Trading is halted."}


@pytest.mark.parametrize("end", ["FILLED", "CANCELED", "EXPIRED", "REJECTED", "FAILED"])
def test_an_order_is_over_however_it_ended(end):
    entry = decided()
    ordered(entry, state=end, filled="0.4")

    judge(entry)

    assert (entry.state, entry.filled_quantity) == ("partial", D("0.4"))


def test_a_decision_is_under_way_while_one_of_its_orders_is():
    entry = decided(message="Cut to 1.")
    ordered(entry, state="FILLED", filled="0.4")
    ordered(entry, state="NEW", reason="Accepted.")

    judge(entry)

    assert (entry.state, entry.filled_quantity, entry.message) == ("planned", D("0.4"), "Cut to 1.")
    assert (entry.filled_at, entry.finished_at) == (None, None)


def test_a_decision_is_under_way_until_all_that_was_filled_is_booked():
    entry = decided()
    order = ordered(entry, state="FILLED", filled=1, booked_quantity=D("0.4"))
    judge(entry)
    assert entry.state == "planned"

    order.booked_quantity = D(1)
    order.save()
    fill = make_fill(order, awaits_copy=True)
    judge(entry)
    assert entry.state == "planned"

    Fill.objects.filter(pk=fill.pk).update(awaits_copy=False)
    judge(entry)
    assert entry.state == "filled"


def test_what_filled_more_than_was_wanted_is_filled():
    entry = decided()
    ordered(entry, state="FILLED", filled="1.1")

    judge(entry)

    assert (entry.state, entry.code, entry.message, entry.attempts) == ("filled", "", "", 1)


def test_of_several_orders_that_did_not_fill_the_newest_says_why():
    entry = decided()
    ordered(entry, **HALTED)
    ordered(entry, **CLOSED)
    ordered(entry, state="FILLED", filled="0.4")

    judge(entry)

    assert (entry.state, entry.code, entry.message) == ("partial", "MARKET_CLOSED", "Market is closed.")


def test_why_a_limit_cut_an_entry_is_not_forgotten_when_it_fills_in_part():
    entry = decided(code="MAX_ORDER", message="Cut to 1 by the largest order.")
    ordered(entry, state="EXPIRED", filled="0.4")

    judge(entry)

    assert (entry.state, entry.code, entry.message) == ("partial", "MAX_ORDER", "Cut to 1 by the largest order.")


def test_the_venues_words_go_before_those_of_a_limit():
    entry = decided(message="Cut to 1 by the largest order.")
    ordered(entry, **CLOSED, filled="0.4")

    judge(entry)

    assert (entry.state, entry.message) == ("partial", "Market is closed.")


def test_an_exit_that_its_venue_ended_without_a_word_says_so_each_time():
    leaving = decided(exits=True, message="Market is closed.")
    ordered(leaving)

    judge(leaving)

    assert (leaving.state, leaving.code, leaving.message) == ("waiting", "NOT_FILLED", ENDED_UNFILLED)
    assert (leaving.attempts, leaving.finished_at) == (2, None)


def test_a_trade_that_comes_late_changes_how_a_decision_ended_and_not_when():
    entry = decided(state="failed", code="NOT_FILLED", message=ENDED_UNFILLED, finished_at=at(5))
    ordered(entry, filled="0.4")

    judge(entry)

    assert (entry.state, entry.filled_quantity, entry.finished_at) == ("partial", D("0.4"), at(5))


def test_what_has_ended_and_fills_no_further_is_left_as_it_is():
    leaving = decided(exits=True, state="skipped", code="TAKEN_OVER", filled_quantity=D(0))
    ordered(leaving, **CLOSED)

    assert decisions_settle([leaving.pk], {}) == []

    leaving.refresh_from_db()
    assert (leaving.state, leaving.code) == ("skipped", "TAKEN_OVER")


def test_an_exit_that_was_given_up_does_not_go_on_for_a_trade_that_comes_late():
    leaving = decided(exits=True, state="skipped", code="TAKEN_OVER")
    ordered(leaving, filled="0.4")

    judge(leaving)

    assert leaving.state == "partial"


def test_an_exit_that_waits_goes_on_waiting_when_a_trade_of_it_comes_late():
    leaving = decided(exits=True, state="waiting", code="MARKET_CLOSED", attempts=3)
    ordered(leaving, **CLOSED, filled="0.4")

    judge(leaving)

    assert (leaving.state, leaving.filled_quantity, leaving.attempts) == ("waiting", D("0.4"), 3)


def refuse(leaving, times, **reason):
    for number in range(times):
        ordered(leaving, **CLOSED, created_at=at(number - TELL_AFTER))
    ordered(leaving, **{**CLOSED, **reason}, created_at=at(1))


def test_what_a_halt_holds_up_is_not_said_to_fail_though_it_was_often_refused_before():
    leaving = decided(exits=True, planned_at=at(0))
    refuse(leaving, TELL_AFTER, **HALTED)

    settled = judge(leaving)

    assert (leaving.code, leaving.message, settled.to_tell) == ("TRADING_HALTED", "Trading is halted.", False)


def test_its_owner_is_alerted_by_the_refusal_that_is_one_too_many():
    leaving = decided(exits=True)
    refuse(leaving, TELL_AFTER - 2)
    assert judge(leaving).to_tell is False
    leaving.planned_at, leaving.state = at(2), "planned"
    leaving.save()
    ordered(leaving, **CLOSED, created_at=at(3))
    assert judge(leaving).to_tell is True
    leaving.planned_at, leaving.state = at(4), "planned"
    leaving.save()
    ordered(leaving, **CLOSED, created_at=at(5))
    assert judge(leaving).to_tell is False


def test_halts_before_it_are_no_refusals_that_its_owner_heard_of():
    leaving = decided(exits=True)
    for number in range(TELL_AFTER):
        ordered(leaving, **HALTED, created_at=at(-number - 1))
    for number in range(TELL_AFTER):  # of one attempt that was split
        ordered(leaving, **CLOSED, created_at=at(number))

    assert judge(leaving).to_tell is True


def test_a_trade_that_comes_late_alerts_its_owner_no_second_time():
    leaving = decided(exits=True, state="waiting")
    refuse(leaving, TELL_AFTER - 1, filled="0.4")

    assert judge(leaving).to_tell is False


def test_what_will_not_be_tried_again_is_not_said_to_be():
    leaving = decided(exits=True)
    Copy.objects.update(state="ended")
    refuse(leaving, TELL_AFTER - 1)

    settled = judge(leaving)

    assert (leaving.state, leaving.message, settled.to_tell) == ("failed", "Market is closed.", False)


def test_however_long_its_venue_speaks_its_owner_reads_what_can_be_done():
    leaving = decided(exits=True)
    refuse(leaving, TELL_AFTER, reason="No. " * 125)

    judge(leaving)

    assert leaving.message == f"{('No. ' * 75).rstrip(' .')}. {STILL_TRIED}"


def test_an_order_that_was_withdrawn_before_it_was_sent_is_skipped():
    entry = decided()
    ordered(entry, state="FAILED", reason_code="CANCELED_UNSENT", reason="It was withdrawn.")

    judge(entry)

    assert (entry.state, entry.code, entry.message) == ("skipped", "CANCELED_UNSENT", "It was withdrawn.")
