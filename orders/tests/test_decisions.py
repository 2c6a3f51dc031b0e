"""What is learnt of an order, and what follows from it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from markets.venues.base import OrderReport
from markets.venues.errors import (
    AuthFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.vocabulary import MarketKind, VenueStatus
from orders.executor.decisions import Standing, Terms, decide
from orders.executor.findings import Finding, Source
from orders.states import OrderState

S = OrderState
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TERMS = Terms(send_window=5 * SECOND, request_lifetime=5 * SECOND)


def standing(state=S.SENDING, **values):
    return Standing(
        **{
            "state": state,
            "filled": Decimal(0),
            "attempts": 1,
            "attempts_allowed": 3,
            "absent_since": NOW - 5 * SECOND,
            "claimed_at": NOW - SECOND,
            "send_before": NOW + 60 * SECOND,
            **values,
        }
    )


def after(finding, **values):
    return decide(standing(**values), finding, now=NOW, terms=TERMS)


def refused(error, **values):
    return after(
        Finding(
            1, Source.REPLY, NOW, error=error, sent_at=NOW, attempt=values.pop("attempt", values.get("attempts", 1))
        ),
        **values,
    )


def absent(asked_at=NOW, **values):
    return after(Finding(1, Source.POLL, asked_at, absent=True), **values)


def report(status, filled=0):
    return OrderReport("c", "7", "BTCUSDT", MarketKind.USD_M, VenueStatus(status), Decimal(2), Decimal(filled), NOW)


def test_an_answer_of_the_venue_moves_the_order():
    decision = after(Finding(1, Source.REPLY, NOW, report=report("FILLED", 2), sent_at=NOW))

    assert (decision.state, decision.filled) == (S.FILLED, 2)


def test_an_answer_of_the_venue_keeps_its_reason():
    told = replace(report("EXPIRED"), reason="The order would have taken.")

    assert after(Finding(1, Source.REPLY, NOW, report=told, sent_at=NOW)).message == "The order would have taken."


def test_a_refusal_is_final_and_keeps_the_venues_words():
    decision = refused(Rejected("Margin is insufficient.", reason="INSUFFICIENT_MARGIN", code="-2019"))

    assert (decision.state, decision.code, decision.message) == (
        S.REJECTED,
        "INSUFFICIENT_MARGIN",
        "Margin is insufficient.",
    )


def test_an_unknown_outcome_is_neither_sent_again_nor_failed():
    decision = refused(OutcomeUnknown("Timeout waiting for response.", code="-1007"))

    assert (decision.state, decision.code, decision.send_after) == (S.UNKNOWN, "-1007", None)


def test_an_outcome_that_stays_unknown_is_no_news():
    again = refused(OutcomeUnknown("Timeout.", code="-1007"), state=S.UNKNOWN)

    assert (again.state, again.code) == (S.UNKNOWN, "")
    assert refused(OutcomeUnknown("Timeout.")).code == "UNKNOWN"


def test_each_attempt_waits_twice_as_long_as_the_one_before_and_never_less_than_the_venue_says():
    for attempts, least in ((1, 200), (2, 400), (3, 800)):
        waited = refused(VenueDown("No."), attempts=attempts).send_after - NOW
        assert timedelta(milliseconds=least) <= waited < timedelta(milliseconds=least * 1.5)
    for soon in (Retryable("Busy.", after=0 * SECOND), RateLimited("Slow down.", until=NOW)):
        assert refused(soon).send_after == refused(VenueDown("No.")).send_after


def test_orders_that_were_refused_together_are_sent_again_apart():
    down = VenueDown("No.")
    again = {after(Finding(pk, Source.REPLY, NOW, error=down, sent_at=NOW, attempt=1)).send_after for pk in range(100)}

    assert len(again) > 80
    assert refused(down, attempts=1).send_after == refused(down, attempts=1).send_after


def test_what_is_definitely_not_done_waits_and_is_sent_again():
    decision = refused(Retryable("Service Unavailable.", after=2 * SECOND))

    assert decision.state == S.PENDING
    assert 2 * SECOND <= decision.send_after - NOW < 2.1 * SECOND


def test_a_venue_that_limits_us_is_left_alone_until_it_says():
    until = NOW + 40 * SECOND
    assert until <= refused(RateLimited("Too many requests.", until=until)).send_after < until + SECOND
    assert refused(RateLimited("Banned.", until=NOW + 720 * SECOND)).state == S.FAILED


def test_nothing_is_sent_after_its_time_or_again_where_one_attempt_is_allowed():
    assert refused(VenueDown("Connection refused."), send_before=NOW).state == S.FAILED
    assert refused(VenueDown("Connection refused."), attempts_allowed=1).state == S.FAILED
    assert refused(VenueDown("Connection refused."), attempts_allowed=1).code == "VENUE_DOWN"
    assert refused(VenueDown("Connection refused."), attempts_allowed=2).state == S.PENDING


def test_what_can_be_sent_again_at_the_end_of_its_time_only_is_not():
    """When that would have been is told all the same, for whoever sends another one in its place."""
    again = refused(VenueDown("No.")).send_after
    late = refused(VenueDown("No."), send_before=again)

    assert (late.state, late.send_after) == (S.FAILED, again)
    assert refused(VenueDown("No."), send_before=again + timedelta(milliseconds=1)).state == S.PENDING


def test_a_refused_key_fails_the_order_and_stops_the_account():
    decision = refused(AuthFailed("Invalid API-key.", code="-2015"))

    assert (decision.state, decision.account_refused) == (S.FAILED, True)


def test_absence_is_no_proof_while_the_order_may_be_under_way():
    assert absent(state=S.SENDING).state == S.UNKNOWN
    assert absent(state=S.UNKNOWN).state == S.UNKNOWN
    assert absent(state=S.UNKNOWN, claimed_at=NOW - 10 * SECOND).state == S.UNKNOWN


def test_absence_is_proof_after_the_window_and_the_lifetime_of_a_request():
    decision = absent(state=S.UNKNOWN, claimed_at=NOW - 11 * SECOND)

    assert (decision.state, decision.code) == (S.PENDING, "NEVER_ARRIVED")
    assert absent(state=S.UNKNOWN, claimed_at=NOW - 11 * SECOND, attempts_allowed=1).state == S.FAILED


def test_what_never_arrived_and_has_no_attempt_left_has_failed():
    last = absent(state=S.UNKNOWN, claimed_at=NOW - 11 * SECOND, attempts=3)

    assert (last.state, last.code) == (S.FAILED, "NEVER_ARRIVED")
    assert absent(state=S.UNKNOWN, claimed_at=NOW - 11 * SECOND, attempts=2).state == S.PENDING


def test_what_was_never_claimed_is_not_proven_absent():
    assert absent(state=S.UNKNOWN, claimed_at=None).state == S.UNKNOWN


def test_an_order_that_is_still_unknown_is_no_news():
    assert absent(state=S.SENDING).code == "UNKNOWN"
    assert absent(state=S.UNKNOWN).code == ""


@pytest.mark.parametrize("state", [S.FILLED, S.CANCELED, S.REJECTED, S.FAILED])
def test_an_order_that_is_over_stays_as_it_was_when_the_venue_forgets_it(state):
    assert absent(state=state, absent_since=NOW - 600 * SECOND).state == state


def test_a_question_asked_too_early_proves_nothing_however_late_its_answer_is():
    assert absent(asked_at=NOW - 9 * SECOND, state=S.UNKNOWN, claimed_at=NOW - 11 * SECOND).state == S.UNKNOWN


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN, S.NEW, S.FILLED])
def test_a_question_that_failed_says_nothing(state):
    for error in (VenueError("The venue did not answer."), Rejected("Too many parameters.")):
        finding = Finding(1, Source.POLL, NOW, error=error, attempt=1)
        assert after(finding, state=state).state == state


def test_a_single_no_proves_nothing():
    assert absent(state=S.UNKNOWN, claimed_at=NOW - 60 * SECOND, absent_since=None).state == S.UNKNOWN
    assert absent(state=S.NEW, absent_since=None).state == S.NEW
    for seconds, state in ((0.9, S.UNKNOWN), (1, S.PENDING)):
        since = NOW - seconds * SECOND
        assert absent(state=S.UNKNOWN, claimed_at=NOW - 60 * SECOND, absent_since=since).state == state


def test_a_venue_that_is_away_for_a_while_does_not_use_up_the_attempts():
    later = NOW + 600 * SECOND

    assert refused(VenueDown("Connection refused."), attempts=40, send_before=later).state == S.PENDING


def test_trades_alone_do_not_say_that_the_order_is_gone():
    finding = Finding(1, Source.STREAM, NOW)

    assert after(finding, state=S.NEW, absent_since=NOW - 90 * SECOND).state == S.NEW
    assert after(finding, state=S.UNKNOWN, claimed_at=NOW - 90 * SECOND).state == S.UNKNOWN


def test_an_open_order_of_which_the_venue_knows_nothing_for_a_minute_is_over():
    young = absent(state=S.NEW, absent_since=NOW - 30 * SECOND)
    old = absent(state=S.NEW, absent_since=NOW - 60 * SECOND)

    assert young.state == S.NEW
    assert (old.state, old.code) == (S.EXPIRED, "GONE_AT_VENUE")


@pytest.mark.parametrize(
    "error", [Retryable("Outside of the window.", after=SECOND), Rejected("No."), VenueDown("No.")]
)
def test_what_an_earlier_attempt_was_told_does_not_touch_the_one_under_way(error):
    assert refused(error, attempts=2, attempt=1).state == S.SENDING


def test_a_late_reply_to_the_placing_does_not_undo_what_is_known():
    assert refused(OutcomeUnknown("Timeout."), state=S.FILLED, filled=Decimal(2)).state == S.FILLED
    assert refused(Rejected("Duplicate."), state=S.NEW).state == S.NEW
