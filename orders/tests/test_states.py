"""The life of an order."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues.vocabulary import VenueStatus
from orders.states import (
    AT_VENUE,
    FINAL,
    IN_DOUBT,
    MOVES,
    OPEN,
    PROGRESS,
    REOPENINGS,
    IllegalMove,
    OrderState,
    Progress,
    advance,
    move,
    reopen,
)

S = OrderState
amounts = st.decimals(min_value=0, max_value=100, places=3)
statuses = st.sampled_from(VenueStatus)
reports = st.lists(st.tuples(statuses, amounts), max_size=12)


def test_the_usual_life_is_allowed():
    for before, after in [(S.PENDING, S.SENDING), (S.SENDING, S.NEW), (S.NEW, S.PARTIALLY_FILLED)]:
        assert move(before, after) == after
    assert move(S.PARTIALLY_FILLED, S.FILLED) == S.FILLED


@pytest.mark.parametrize(
    ("before", "after"),
    [(S.PENDING, S.UNKNOWN), (S.FILLED, S.CANCELED), (S.NEW, S.PENDING), (S.NEW, S.FAILED), (S.UNKNOWN, S.SENDING)],
)
def test_an_illegal_move_raises(before, after):
    with pytest.raises(IllegalMove, match=f"{before} cannot become {after}"):
        move(before, after)


def test_every_state_has_its_moves_and_nothing_leaves_filled():
    assert set(MOVES) == set(S)
    assert not MOVES[S.FILLED]


def test_an_order_is_over_unless_it_waits_is_sent_in_doubt_or_open():
    assert set(S) - {S.PENDING} - IN_DOUBT - OPEN == FINAL
    assert set(S) - {S.PENDING, S.FAILED} - IN_DOUBT == AT_VENUE


@pytest.mark.parametrize("before", [S.PENDING, S.SENDING, S.UNKNOWN])
def test_what_has_not_been_heard_of_may_fail_or_be_anything_that_a_venue_says(before):
    assert AT_VENUE | {S.FAILED} <= MOVES[before]


@pytest.mark.parametrize("end", sorted(AT_VENUE - OPEN))
def test_an_open_order_ends_in_each_way_that_a_venue_ends_orders(end):
    for state in OPEN:
        assert move(state, end) == end


def test_how_far_an_order_is_grows_towards_its_end():
    assert PROGRESS[S.NEW] < PROGRESS[S.PARTIALLY_FILLED] < PROGRESS[S.FILLED]
    assert {PROGRESS[state] for state in FINAL & AT_VENUE} == {PROGRESS[S.FILLED]}
    assert set(PROGRESS) == AT_VENUE


def test_a_venue_may_call_a_refused_order_cancelled_or_expired():
    for status in (VenueStatus.CANCELED, VenueStatus.EXPIRED):
        assert advance(Progress(S.REJECTED, Decimal(0)), status, Decimal(0)).state == OrderState(status)


@pytest.mark.parametrize("before", [S.CANCELED, S.EXPIRED])
def test_an_order_that_was_filled_while_it_was_being_cancelled_is_filled(before):
    assert advance(Progress(before, Decimal(1)), VenueStatus.FILLED, Decimal(2)) == Progress(S.FILLED, Decimal(2))


def test_a_late_report_changes_nothing():
    filled = Progress(S.FILLED, Decimal(2))

    assert advance(filled, VenueStatus.NEW, Decimal(0)) == filled
    assert advance(filled, VenueStatus.PARTIALLY_FILLED, Decimal(1)) == filled


def test_an_order_that_counted_as_failed_and_then_filled_is_filled():
    assert advance(Progress(S.FAILED, Decimal(0)), VenueStatus.FILLED, Decimal(2)) == Progress(S.FILLED, Decimal(2))
    assert advance(Progress(S.REJECTED, Decimal(0)), VenueStatus.FILLED, Decimal(2)).state == S.FILLED


def test_a_refusal_of_an_order_that_counts_as_never_sent_changes_nothing():
    failed = Progress(S.FAILED, Decimal(0))

    assert advance(failed, VenueStatus.REJECTED, Decimal(0)) == failed


def test_an_order_that_waits_to_be_sent_again_and_shows_up_at_the_venue_is_not_sent_again():
    assert advance(Progress(S.PENDING, Decimal(0)), VenueStatus.NEW, Decimal(0)).state == S.NEW


def test_a_refused_order_does_not_come_back_by_an_old_report_of_its_arrival():
    refused = Progress(S.REJECTED, Decimal(0))

    assert advance(refused, VenueStatus.NEW, Decimal(0)) == refused


def test_a_refused_order_of_which_something_was_filled_lives():
    assert advance(Progress(S.REJECTED, Decimal(0)), VenueStatus.PARTIALLY_FILLED, Decimal(1)) == Progress(
        S.PARTIALLY_FILLED, Decimal(1)
    )
    assert advance(Progress(S.REJECTED, Decimal(0)), VenueStatus.PARTIALLY_FILLED, Decimal(0)).state == S.REJECTED


def test_trades_that_come_after_the_cancel_still_count():
    cancelled = advance(Progress(S.PARTIALLY_FILLED, Decimal(1)), VenueStatus.CANCELED, Decimal(1))

    assert advance(cancelled, VenueStatus.PARTIALLY_FILLED, Decimal(2)) == Progress(S.CANCELED, Decimal(2))


def test_an_open_order_with_a_trade_is_partially_filled_whatever_the_report_calls_it():
    assert advance(Progress(S.NEW, Decimal(1)), VenueStatus.NEW, Decimal(0)).state == S.PARTIALLY_FILLED


@given(reports)
def test_what_is_filled_never_shrinks_and_the_venues_last_word_stays_its_last_word(told):
    progress = Progress(S.SENDING, Decimal(0))
    for status, filled in told:
        after = advance(progress, status, filled)
        assert after.filled == max(progress.filled, filled)
        assert after.state in AT_VENUE
        if progress.state == S.FILLED:
            assert after.state == S.FILLED
        if progress.state in {S.CANCELED, S.EXPIRED}:
            assert after.state in {progress.state, S.FILLED}
        progress = after


@given(reports)
def test_hearing_everything_twice_comes_to_the_same(told):
    once = twice = Progress(S.SENDING, Decimal(0))
    for status, filled in told:
        once = advance(once, status, filled)
        twice = advance(advance(twice, status, filled), status, filled)
    assert once == twice


@given(st.permutations([("NEW", 0), ("PARTIALLY_FILLED", 1), ("PARTIALLY_FILLED", 2), ("FILLED", 3)]))
def test_the_order_in_which_reports_arrive_does_not_matter(told):
    progress = Progress(S.SENDING, Decimal(0))
    for status, filled in told:
        progress = advance(progress, VenueStatus(status), Decimal(filled))
    assert progress == Progress(S.FILLED, Decimal(3))
    assert progress.state in FINAL


def reopened(current, status, told=0, booked=0, quantity=2):
    return reopen(current, VenueStatus(status), told=Decimal(told), booked=Decimal(booked), quantity=quantity)


def test_no_ordinary_move_reopens_what_reopening_is_for():
    assert set(REOPENINGS) == FINAL - {S.FAILED}
    assert all(not MOVES[state] & OPEN for state in (S.FILLED, S.CANCELED, S.EXPIRED))


@pytest.mark.parametrize("state", sorted(REOPENINGS))
def test_an_order_that_was_wrongly_over_is_open_again(state):
    assert reopened(state, "NEW") == Progress(S.NEW, Decimal(0))
    assert reopened(state, "PARTIALLY_FILLED", told=1) == Progress(S.PARTIALLY_FILLED, Decimal(1))
    assert reopened(state, "NEW", told=1, booked=1) == Progress(S.PARTIALLY_FILLED, Decimal(1))


@pytest.mark.parametrize("status", [status for status in VenueStatus if OrderState(status) not in OPEN])
def test_nothing_is_reopened_into_an_order_that_is_over(status):
    with pytest.raises(IllegalMove):
        reopened(S.CANCELED, status)


@pytest.mark.parametrize("state", sorted(set(S) - set(REOPENINGS)))
def test_nothing_else_is_reopened(state):
    with pytest.raises(IllegalMove):
        reopened(state, "NEW")


def test_trades_deny_that_an_order_is_open():
    assert reopened(S.CANCELED, "NEW", booked=2) is None
    assert reopened(S.CANCELED, "PARTIALLY_FILLED", told=2) is None
    assert reopened(S.FILLED, "PARTIALLY_FILLED", told=1, booked=2, quantity=3) is None
    assert reopened(S.CANCELED, "NEW", booked=1) == Progress(S.PARTIALLY_FILLED, Decimal(1))


def test_an_order_that_closes_a_position_has_no_size_that_trades_could_reach():
    for quantity in (None, Decimal(0)):
        assert reopened(S.EXPIRED, "NEW", quantity=quantity) == Progress(S.NEW, Decimal(0))


@given(st.sampled_from(sorted(REOPENINGS)), st.sampled_from(sorted(OPEN)), amounts, amounts, st.none() | amounts)
def test_a_reopened_order_is_open_has_all_its_trades_and_something_left(state, status, told, booked, quantity):
    after = reopen(state, VenueStatus(status), told=told, booked=booked, quantity=quantity)
    if after is None:
        assert max(told, booked) >= (quantity or 0) or state == S.FILLED
        return
    assert after.state in OPEN
    assert after.filled == max(told, booked)
    assert not quantity or after.filled < quantity
    assert (after.state == S.PARTIALLY_FILLED) == (after.filled > 0 or status == S.PARTIALLY_FILLED)


@given(st.sampled_from(S), amounts, reports)
def test_reports_however_late_or_mixed_up_reopen_nothing(start, filled, told):
    progress = Progress(start, filled)
    for status, more in told:
        after = advance(progress, status, more)
        if progress.state in FINAL - {S.FAILED} and after.state in OPEN:
            assert (progress.state, after.state) == (S.REJECTED, S.PARTIALLY_FILLED)
            assert more > 0
        progress = after


@given(st.sampled_from(sorted(REOPENINGS)), amounts, reports)
def test_a_reopened_order_ends_as_any_other(state, filled, told):
    progress = reopen(state, VenueStatus.NEW, told=filled, booked=Decimal(0), quantity=None)
    fresh = Progress(S.PARTIALLY_FILLED if filled else S.NEW, filled)
    assert progress is not None
    for status, more in told:
        progress, fresh = advance(progress, status, more), advance(fresh, status, more)
    assert progress == fresh
