"""The hours of the day, and the days, on which a copy follows entries."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replication.facts import TradingHours
from replication.risk import is_within
from replication.tests.planner_kit import (
    decide,
    terms_of,
)
from replication.vocabulary import IntentState, Reason

WEEKDAYS = frozenset(range(5))
NSE = TradingHours(zone="Asia/Kolkata", days=WEEKDAYS, since=9 * 60 + 15, until=15 * 60 + 30)
NIGHT = TradingHours(zone="UTC", days=frozenset({3}), since=22 * 60, until=2 * 60)


def test_within_the_trading_hours_it_is_followed():
    assert decide(terms=terms_of(trading_hours=replace(NSE, until=18 * 60))).code is None


@pytest.mark.parametrize(
    ("moment", "within"),
    [
        (datetime(2026, 2, 5, 3, 44, tzinfo=UTC), False),
        (datetime(2026, 2, 5, 3, 45, tzinfo=UTC), True),
        (datetime(2026, 2, 5, 9, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 2, 5, 10, 0, tzinfo=UTC), False),
        (datetime(2026, 2, 7, 5, 0, tzinfo=UTC), False),
    ],
)
def test_hours_are_those_of_their_zone_and_days(moment, within):
    assert is_within(NSE, moment) == within


@pytest.mark.parametrize(
    ("moment", "within"),
    [
        (datetime(2026, 2, 5, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 2, 6, 1, 59, tzinfo=UTC), True),
        (datetime(2026, 2, 6, 2, 0, tzinfo=UTC), False),
        (datetime(2026, 2, 6, 22, 0, tzinfo=UTC), False),
        (datetime(2026, 2, 5, 1, 0, tzinfo=UTC), False),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(moment, within):
    assert is_within(NIGHT, moment) == within


def test_the_night_after_sunday_is_sundays():
    assert is_within(replace(NIGHT, days=frozenset({6})), datetime(2026, 2, 9, 1, 0, tzinfo=UTC))
    assert not is_within(replace(NIGHT, days=frozenset({0})), datetime(2026, 2, 9, 1, 0, tzinfo=UTC))


@given(st.integers(0, 1439), st.datetimes(timezones=st.just(UTC)))
def test_hours_that_end_when_they_begin_are_the_whole_day(minute, moment):
    assert is_within(TradingHours(zone="UTC", days=frozenset(range(7)), since=minute, until=minute), moment)


def test_hours_follow_the_clocks_of_their_zone_in_summer_and_winter():
    hours = TradingHours(zone="Europe/Berlin", days=frozenset(range(7)), since=9 * 60, until=10 * 60)

    assert is_within(hours, datetime(2026, 1, 15, 8, 30, tzinfo=UTC))
    assert is_within(hours, datetime(2026, 7, 15, 7, 30, tzinfo=UTC))
    assert not is_within(hours, datetime(2026, 7, 15, 8, 30, tzinfo=UTC))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "America"])
def test_hours_in_a_zone_that_does_not_exist_stop_this_copy_and_raise_nothing(zone):
    decision = decide(terms=terms_of(trading_hours=replace(NSE, zone=zone)))

    assert (decision.code, decision.state) == (Reason.TERMS_INCOMPLETE, IntentState.SKIPPED)
