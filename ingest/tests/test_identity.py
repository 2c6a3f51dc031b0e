"""Telling fills apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ingest.identity import KnownEvent, canonical_key, new_events, same_spelling, seed_event_key
from traders.fills import NewFill

T0 = datetime(2026, 2, 4, 22, 52, 35, tzinfo=UTC)


def fill(key: str = "k", canonical: str = "c", *, at: datetime = T0, exact: bool = True) -> NewFill:
    return NewFill(key, canonical, "OPEN_LONG", "BTCUSDT", Decimal(1), Decimal(1), "", None, at, "", exact)


def known(event: NewFill) -> KnownEvent:
    return KnownEvent(event.event_key, event.canonical_key, event.event_time, event.time_is_exact)


def test_the_seeds_key_is_built_from_its_parts():
    key = seed_event_key(
        lead_id="4681698170884314113",
        kind="OPEN_LONG",
        symbol="HYPEUSDT",
        time_text="02-04, 22:52:35",
        amount=Decimal("25.360"),
        price=Decimal("35.005"),
    )

    assert key == "binance|4681698170884314113|OPEN_LONG|HYPEUSDT|02-04, 22:52:35|25.36|35.005"


def test_numbers_count_by_value_in_both_keys():
    assert canonical_key("a", Decimal("25.360")) == canonical_key("a", Decimal("25.36"))
    assert same_spelling("a|25.360 |3.50e1") == same_spelling("a|25.36|35")
    assert same_spelling("a|nan|1e999999999|") == "a|nan|1e999999999|"


def test_one_key_a_year_later_is_another_fill_with_a_key_of_its_own():
    text = fill("k", "this year", exact=False)
    later = fill("k", "next year", at=T0 + timedelta(days=365), exact=False)

    [kept] = new_events([later], [known(text)])

    assert kept.event_key.startswith("k#")


def test_one_key_with_another_exact_time_is_another_fill():
    first, second = fill("k", "first"), fill("k", "second", at=T0 + timedelta(milliseconds=400))

    kept = new_events([second, first], [])

    assert [event.canonical_key for event in kept] == ["first", "second"]
    assert len({event.event_key for event in kept}) == 2


def test_one_key_without_exact_times_is_one_fill():
    assert len(new_events([fill("k", "a", exact=False), fill("k", "b", exact=False)], [])) == 1


def test_one_fill_under_two_spellings_of_its_key_is_one_fill():
    assert new_events([fill("25.360", "same")], [known(fill("25.36", "same"))]) == []


fills = st.builds(
    fill,
    key=st.sampled_from(["k1", "k2"]),
    canonical=st.sampled_from(["a", "b", "c", "d"]),
    at=st.sampled_from([T0, T0 + timedelta(milliseconds=3)]),
    exact=st.just(True),
)


@given(reports=st.lists(st.lists(fills, max_size=6), max_size=5))
def test_however_reports_overlap_each_fill_is_stored_once(reports):
    stored: list[NewFill] = []
    for report in reports:
        stored += new_events(report, [known(event) for event in stored])

    reported = {event.canonical_key for report in reports for event in report}
    assert sorted(event.canonical_key for event in stored) == sorted(reported)
    assert len({event.event_key for event in stored}) == len(stored)


@given(reports=st.lists(st.lists(st.sampled_from(range(8)), max_size=6), min_size=1, max_size=4))
def test_sending_everything_again_brings_nothing_new(reports):
    def make(number: int) -> NewFill:
        exact = number % 2 == 0
        return replace(
            fill(f"k{number // 3}", f"c{number}", exact=exact), event_time=T0 + timedelta(seconds=number // 3)
        )

    stored: list[NewFill] = []
    for numbers in reports:
        stored += new_events(map(make, numbers), [known(event) for event in stored])
        assert new_events(map(make, numbers), [known(event) for event in stored]) == []
