"""Missing candles are found exactly: every moment is stored, known to be absent, or missing."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from markets.intervals import INTERVALS, Range, clip, earliest, holes, merge, shift, steps_between, subtract

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)

intervals = st.sampled_from(INTERVALS)
steps = st.integers(-40, 40)
hours = st.integers(0, 30).map(lambda hour: EPOCH + timedelta(hours=hour))
ranges = st.tuples(hours, hours).filter(lambda pair: pair[0] < pair[1])


def hours_in(found: list[Range]) -> set[datetime]:
    count = sum(steps_between("1h", *each) for each in found)
    moments = {start + timedelta(hours=step) for start, end in found for step in range(steps_between("1h", start, end))}
    assert len(moments) == count  # no hour is named twice
    return moments


@given(intervals, steps, steps)
def test_steps_lead_there_and_back_again(interval: str, first: int, second: int) -> None:
    start = shift(interval, EPOCH, first)

    assert shift(interval, shift(interval, start, second), -second) == start
    assert steps_between(interval, start, shift(interval, start, second)) == max(0, second)


@given(intervals, st.integers(0, 40), st.timedeltas(timedelta(), timedelta(days=400)))
def test_the_earliest_open_time_is_on_the_grid_and_not_before(interval: str, later: int, back: timedelta) -> None:
    open_time = shift(interval, EPOCH, later)
    since = open_time - back

    first = earliest(interval, open_time, since)

    assert since <= first <= open_time
    assert shift(interval, first, -1) < since
    assert shift(interval, first, steps_between(interval, first, open_time)) == open_time


def test_a_started_month_counts() -> None:
    assert steps_between("1M", EPOCH, datetime(2024, 3, 1, tzinfo=UTC)) == 2
    assert steps_between("1M", EPOCH, datetime(2024, 3, 1, 0, 1, tzinfo=UTC)) == 3
    assert steps_between("1h", EPOCH, EPOCH + timedelta(minutes=61)) == 2


@given(st.sets(hours), ranges)
def test_holes_are_the_hours_in_which_nothing_opens(opens: set[datetime], within: Range) -> None:
    found = holes("1h", sorted(opens), within)

    assert hours_in(found) == hours_in([within]) - opens


@given(st.lists(ranges), st.lists(ranges))
def test_subtracting_and_merging_lose_and_invent_no_hour(first: list[Range], second: list[Range]) -> None:
    one, other = hours_in(merge(first)), hours_in(merge(second))

    assert one == set().union(*(hours_in([each]) for each in first))
    assert hours_in(subtract(first, second)) == one - other
    assert subtract(first, second) == merge(subtract(first, second))


@given(st.lists(ranges), ranges)
def test_clipping_keeps_what_lies_within(found: list[Range], within: Range) -> None:
    assert hours_in(merge(clip(found, within))) == hours_in(merge(found)) & hours_in([within])
