"""When the venue misbehaves: what may have happened is unknown until the venue says so, and nothing is sent twice."""

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from markets.venues.errors import OutcomeUnknown, RateLimited, Retryable, VenueDown, VenueError
from markets.venues.vocabulary import VenueStatus
from tests.contract.bench import Bench, Desk, Fault, run

PAUSE = 720.0


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=pytest.mark.can_fail(fault))
        for fault in (Fault.ANSWER_LOST, Fault.ANSWER_LATE, Fault.GARBAGE)
    ],
)
def test_an_order_whose_answer_is_lost_is_found_by_asking(desk: Desk, fault: Fault) -> None:
    order = desk.resting()
    desk.bench.misbehave(fault)

    with pytest.raises(OutcomeUnknown):
        desk.place(order)
    known = desk.query(order)
    assert known
    assert known.client_order_id == order.client_order_id


@pytest.mark.can_fail(Fault.REQUEST_LOST)
def test_an_order_that_never_arrived_is_unknown_until_the_venue_says_no(desk: Desk) -> None:
    order = desk.resting()
    desk.bench.misbehave(Fault.REQUEST_LOST)

    with pytest.raises(OutcomeUnknown):
        desk.place(order)
    assert desk.query(order) is None


@pytest.mark.can_fail(Fault.OVERLOADED)
def test_an_order_that_an_overloaded_venue_refused_may_be_sent_again(desk: Desk) -> None:
    order = desk.resting()
    desk.bench.misbehave(Fault.OVERLOADED)

    with pytest.raises(Retryable):
        desk.place(order)
    assert desk.query(order) is None
    assert desk.place(order).client_order_id == order.client_order_id


@pytest.mark.can_fail(Fault.ANSWER_LOST)
def test_an_order_is_sent_once_whatever_happens(desk: Desk) -> None:
    desk.place(desk.resting())
    order = desk.resting()
    before = desk.bench.requests()
    desk.bench.misbehave(Fault.ANSWER_LOST)
    with pytest.raises(OutcomeUnknown):
        desk.place(order)

    assert desk.bench.requests() == before + 1


@pytest.mark.can_fail(Fault.RATE_LIMIT)
def test_nobody_calls_before_the_pause_is_over_that_the_venue_asked_for(desk: Desk) -> None:
    desk.place(desk.resting())
    desk.bench.misbehave(Fault.RATE_LIMIT, seconds=PAUSE)
    with pytest.raises(RateLimited) as first:
        desk.place(desk.resting())
    assert abs(first.value.until - datetime.now(UTC) - timedelta(seconds=PAUSE)) < timedelta(seconds=10)

    seen = desk.bench.requests()
    other = Desk(desk.bench, desk.bench.account())
    calls: list[Callable[[], object]] = [
        lambda: desk.place(desk.order()),
        lambda: other.place(other.order()),
        desk.price,
    ]
    for call in calls:
        with pytest.raises(RateLimited) as later:
            call()
        assert abs(later.value.until - first.value.until) < timedelta(seconds=1)
    assert desk.bench.requests() == seen


@pytest.mark.can_fail(Fault.ACCOUNT_LIMIT)
def test_an_account_that_sends_too_often_holds_up_nobody_else(desk: Desk) -> None:
    order, other = desk.resting(), Desk(desk.bench, desk.bench.account())
    desk.bench.misbehave(Fault.ACCOUNT_LIMIT)
    with pytest.raises(Retryable) as told:
        desk.place(order)

    assert told.value.after > timedelta(0)
    assert other.place(other.resting()).status == VenueStatus.NEW
    assert desk.query(order) is None


@pytest.mark.can_fail(Fault.BAN)
def test_nobody_calls_during_a_ban(desk: Desk) -> None:
    order = desk.resting()
    desk.place(order)
    desk.bench.misbehave(Fault.BAN, seconds=PAUSE)
    with pytest.raises(RateLimited) as first:
        desk.query(order)
    assert first.value.until > datetime.now(UTC) + timedelta(seconds=PAUSE - 10)

    seen = desk.bench.requests()
    calls: list[Callable[[], object]] = [
        lambda: desk.place(desk.order()),
        lambda: desk.cancel(order),
        lambda: desk.query(order),
    ]
    for call in calls:
        with pytest.raises(RateLimited):
            call()
    assert desk.bench.requests() == seen


@pytest.mark.can_fail(Fault.UNREACHABLE)
def test_what_happened_while_the_venue_was_out_of_reach_is_found_by_asking(desk: Desk) -> None:
    bench, order = desk.bench, desk.resting()
    since = desk.place(order).time
    bench.misbehave(Fault.UNREACHABLE)
    with pytest.raises(VenueDown):
        desk.query(order)
    bench.recover()
    bench.set_price(desk.below("0.96"))

    known = desk.query(order)
    assert known
    assert known.status == VenueStatus.FILLED
    fills = run(bench.adapter.fills(desk.access, bench.symbol, bench.kind, since=since))
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert {fill.venue_order_id for fill in fills} == {known.venue_order_id}


@pytest.mark.can_fail(Fault.UNREACHABLE)
def test_no_answer_is_not_an_empty_one(desk: Desk) -> None:
    bench = desk.bench
    desk.place(desk.resting())
    asked: list[Callable[[], object]] = [
        lambda: run(bench.adapter.open_orders(desk.access)),
        lambda: run(bench.adapter.account(desk.access)),
        lambda: run(bench.adapter.fills(desk.access, bench.symbol, bench.kind, since=None)),
    ]
    bench.misbehave(Fault.UNREACHABLE)
    for ask in asked:
        with pytest.raises(VenueDown):
            ask()
    bench.recover()

    assert len(run(bench.adapter.open_orders(desk.access))) == 1


@pytest.mark.can_fail(Fault.ANSWER_LOST)
def test_no_error_and_no_log_shows_a_key(bench: Bench, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    if not bench.secrets:
        pytest.skip("accounts at this venue have no keys")
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(desk.access), str(desk.access)]
    desk.place(desk.order())
    for fault in (Fault.ANSWER_LOST, Fault.GARBAGE):
        bench.misbehave(fault)
        with pytest.raises(VenueError) as failed:
            desk.place(desk.resting())
        told += [repr(failed.value), "".join(traceback.format_exception(failed.value))]
    told += [record.getMessage() + str(record.args) for record in caplog.records]

    assert not [secret for secret in bench.secrets if any(secret in text for text in told)]
