"""Trades that come late, out of order, or after downtime; positions that are hidden, stale or read too early."""

from datetime import timedelta

import pytest

from replication.models import Copy, CopyIntent, CopyPosition, Signal
from replication.tests.kit import D, decision, follow, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, push, tell, watched
from traders.models import LeadTrader, SourceFreshness

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def with_position(size="0.2", *, ago: float = 40, **settings):
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600, **settings)
    tell(leader, did("OPEN_LONG", size, ago=ago), positions=[holds(size)], read=ago - 5)
    assert held(copy) == D(size)
    return leader, copy


def test_an_opening_trade_older_than_the_copy_allows_is_skipped_with_its_age():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=60)

    tell(leader, did("OPEN_LONG", "0.2", ago=300), positions=[holds("0.2")])

    assert held(copy) == 0
    skipped = decision(copy)
    assert skipped.code == "SIGNAL_TOO_OLD"
    assert D(skipped.numbers["age_seconds"]) > 299


def test_an_exit_is_copied_however_old_it_is():
    """PITFALLS 13."""
    leader, copy = with_position(ago=500)
    Copy.objects.update(max_signal_age_seconds=1)

    tell(leader, did("CLOSE_LONG", "0.1", ago=400), positions=[holds("0.1")])

    assert held(copy) == D("0.1")


def test_an_old_exit_does_not_close_a_position_that_was_opened_after_it():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.2", ago=10), positions=[holds("0.2")], read=5)

    tell(leader, did("CLOSE_LONG", "0.3", ago=60), positions=[holds("0.2")])

    assert held(copy) == D("0.2")
    assert decision(copy).code == "OUT_OF_ORDER"


def test_an_opening_trade_that_the_leader_closed_meanwhile_is_not_copied():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("CLOSE_LONG", "0.2", ago=10), positions=[], read=5)

    tell(leader, did("OPEN_LONG", "0.2", ago=20), positions=[])

    assert held(copy) == 0
    assert (decision(copy).code, decision(copy).exits) == ("OUT_OF_ORDER", False)


def test_a_trade_that_opened_what_the_copy_holds_the_rest_of_is_copied_late():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    tell(leader, did("OPEN_LONG", "0.1", ago=50), positions=[holds("0.3")], read=30)
    assert held(copy) == D("0.1")

    tell(leader, did("OPEN_LONG", "0.2", ago=80), positions=[holds("0.3")], read=20)
    assert held(copy) == D("0.3")

    tell(leader, did("CLOSE_LONG", "0.15", ago=70), positions=[holds("0.15")])
    assert held(copy) == D("0.15")


def test_a_late_trade_that_the_leader_does_not_hold_is_not_copied():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    tell(leader, did("OPEN_LONG", "0.1", ago=50), positions=[holds("0.1")], read=30)

    tell(leader, did("OPEN_LONG", "0.2", ago=80), positions=[holds("0.1")])

    assert (held(copy), decision(copy).code) == (D("0.1"), "OUT_OF_ORDER")


def test_a_late_opening_trade_counts_for_as_much_as_later_exits_have_left_of_it():
    leader, copy = with_position("0.2", ago=100)
    tell(leader, did("CLOSE_LONG", "0.1", ago=50), positions=[holds("0.3")], read=30)
    assert held(copy) == D("0.1")

    tell(leader, did("OPEN_LONG", "0.2", ago=80), positions=[holds("0.3")])

    assert held(copy) == D("0.25")
    assert Signal.objects.latest("pk").quantity == D("0.15")


def test_a_late_reduction_closes_what_it_would_have_closed_in_time():
    leader, copy = with_position("0.2", ago=100)
    tell(leader, did("OPEN_LONG", "0.1", ago=50), positions=[holds("0.2")], read=30)
    assert held(copy) == D("0.3")

    tell(leader, did("CLOSE_LONG", "0.1", ago=80), positions=[holds("0.2")])

    assert held(copy) == D("0.2")


def test_a_close_that_nobody_saw_is_copied_when_a_complete_report_shows_it():
    """PITFALLS 1 and 7."""
    leader, copy = with_position()

    push(leader, positions=[])
    settle()

    assert held(copy) == 0
    assert decision(copy).signal.source == "flat"


def test_what_a_report_shows_gone_is_closed_once():
    leader, copy = with_position()
    push(leader, positions=[], read=2)
    settle()

    push(leader, positions=[])
    settle()

    assert held(copy) == 0
    assert CopyIntent.objects.filter(exits=True).count() == 1


def test_a_report_without_positions_closes_nothing():
    """PITFALLS 8."""
    leader, copy = with_position()

    push(leader)
    settle()

    assert held(copy) == D("0.2")


def test_a_stale_source_closes_nothing(settings):
    """PITFALLS 8."""
    leader, copy = with_position()
    settings.LEADER_STALE_AFTER_SECONDS = 60
    push(leader, positions=[])
    SourceFreshness.objects.update(received_at=SourceFreshness.objects.get().received_at - timedelta(seconds=61))

    settle()

    assert held(copy) == D("0.2")


def test_a_leader_who_hides_positions_is_not_flat():
    leader, copy = with_position()
    push(leader, positions=[])
    LeadTrader.objects.update(positions_visible=False)

    settle()

    assert held(copy) == D("0.2")


def test_a_report_that_read_positions_before_the_trade_closes_nothing():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, positions=[], read=20)

    tell(leader, did("OPEN_LONG", "0.2", ago=1), positions=[])
    settle()

    assert held(copy) == D("0.2")


def test_a_reduction_counts_from_before_where_the_report_had_read_positions_before_it():
    leader, copy = with_position("0.2")

    tell(leader, did("CLOSE_LONG", "0.1", ago=1), positions=[holds("0.2")])

    assert held(copy) == D("0.1")


def test_trades_that_come_without_positions_are_counted_on_from_the_last_report():
    leader, copy = with_position("0.2", ago=60)
    tell(leader, did("OPEN_LONG", "0.2", ago=30), read=25)
    assert held(copy) == D("0.4")

    tell(leader, did("CLOSE_LONG", "0.1", ago=10), read=5)
    assert held(copy) == D("0.3")
    tell(leader, did("CLOSE_LONG", "0.3"))

    assert held(copy) == 0


def test_hidden_positions_are_counted_from_all_trades_that_are_known():
    leader = watched(positions_visible=False)
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.4", ago=40), read=35)

    tell(leader, did("CLOSE_LONG", "0.1", ago=30), read=25)
    assert held(copy) == D("0.3")
    tell(leader, did("CLOSE_LONG", "0.3", ago=20), read=15)

    assert held(copy) == 0


def test_positions_that_were_hidden_since_are_counted_on_from_the_last_report():
    leader = watched()
    push(leader, positions=[holds("0.4")], read=30)
    copy = follow(leader, copy_open_positions=True)
    LeadTrader.objects.update(positions_visible=False)

    tell(leader, did("CLOSE_LONG", "0.1"), read=0)

    assert held(copy) == D("0.3")


def test_closing_what_was_opened_before_anybody_watched_does_not_disturb_what_follows():
    leader = watched(positions_visible=False)
    copy = follow_since(leader)
    tell(leader, did("CLOSE_LONG", "5", ago=60), read=55)
    tell(leader, did("OPEN_LONG", "0.4", ago=40), read=35)

    tell(leader, did("CLOSE_LONG", "0.1", ago=20), read=15)

    assert held(copy) == D("0.3")


def test_a_position_that_was_reopened_after_a_missed_close_is_still_closed_with_the_leader():
    leader, copy = with_position("0.2", ago=100)
    tell(leader, did("OPEN_LONG", "0.1", ago=50), positions=[holds("0.1")], read=45)

    tell(leader, did("CLOSE_LONG", "0.1"), positions=[])

    assert held(copy) == 0
    assert CopyPosition.objects.get().remainder == 0
