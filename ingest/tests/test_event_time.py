"""The moment behind `MM-DD, HH:MM:SS`."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.event_time import FURTHEST_ZONE, event_time_text, resolve_event_time

MINUTES = timedelta(minutes=5)


def resolve(text: str, fetched_at: str, *, zone: str = "UTC", tolerance: timedelta = FURTHEST_ZONE) -> str:
    moment = resolve_event_time(
        text, fetched_at=datetime.fromisoformat(fetched_at), zone=ZoneInfo(zone), tolerance=tolerance
    )
    return moment.isoformat()


@pytest.mark.parametrize(
    ("text", "fetched_at", "expected"),
    [
        ("02-04, 22:52:35", "2026-02-05T00:05:00Z", "2026-02-04T22:52:35+00:00"),
        ("12-31, 23:59:59", "2027-01-01T00:00:10Z", "2026-12-31T23:59:59+00:00"),
        ("01-01, 00:00:05", "2027-01-01T00:00:10Z", "2027-01-01T00:00:05+00:00"),
        ("06-01, 00:00:00", "2026-02-05T00:05:00Z", "2025-06-01T00:00:00+00:00"),
        ("02-29, 12:00:00", "2028-03-01T00:00:00Z", "2028-02-29T12:00:00+00:00"),
        ("02-29, 12:00:00", "2027-03-01T00:00:00Z", "2024-02-29T12:00:00+00:00"),
        ("02-29, 12:00:00", "2103-03-01T00:00:00Z", "2096-02-29T12:00:00+00:00"),
        ("2025-02-04, 22:52:35", "2026-02-05T00:05:00Z", "2025-02-04T22:52:35+00:00"),
    ],
)
def test_the_year_is_the_latest_that_is_not_after_the_fetch(text, fetched_at, expected):
    assert resolve(text, fetched_at) == expected


@pytest.mark.parametrize(
    ("text", "fetched_at"), [("02-05, 08:00:00", "2026-02-05T00:05:00Z"), ("01-01, 07:30:00", "2025-12-31T23:30:00Z")]
)
def test_a_scraper_eight_hours_ahead_is_not_taken_for_last_years(text, fetched_at):
    assert datetime.fromisoformat(resolve(text, fetched_at)) > datetime.fromisoformat(fetched_at)


def test_a_named_zone_is_believed_to_the_minute():
    assert resolve("02-05, 08:04:00", "2026-02-05T00:05:00Z", zone="Asia/Shanghai", tolerance=MINUTES) == (
        "2026-02-05T00:04:00+00:00"
    )
    assert resolve("02-05, 08:04:00", "2026-02-05T00:05:00Z", tolerance=MINUTES).startswith("2025-02-05T08:04")


def test_an_hour_that_a_clock_change_skips_or_repeats_is_still_a_moment():
    assert resolve("03-29, 02:30:00", "2026-03-30T00:00:00Z", zone="Europe/Berlin") == "2026-03-29T01:30:00+00:00"
    assert resolve("10-25, 02:30:00", "2026-10-26T00:00:00Z", zone="Europe/Berlin") == "2026-10-25T00:30:00+00:00"


@pytest.mark.parametrize(
    "text", ["", "02-30, 00:00:00", "13-01, 00:00:00", "01-01, 24:00:00", "yesterday", "٠٢-٠٤, ٢٢:٥٢:٣٥"]
)
def test_what_is_no_time_is_refused_with_the_expected_form(text):
    with pytest.raises(ValueError, match="MM-DD, HH:MM:SS"):
        resolve(text, "2026-02-05T00:05:00Z")


@given(
    fetched_at=st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    age=st.timedeltas(timedelta(0), timedelta(days=350)),
)
def test_any_text_of_the_last_350_days_gives_its_moment_back(fetched_at, age):
    moment = (fetched_at - age).replace(microsecond=0)

    found = resolve_event_time(
        event_time_text(moment), fetched_at=fetched_at, zone=ZoneInfo("UTC"), tolerance=FURTHEST_ZONE
    )

    assert found == moment
