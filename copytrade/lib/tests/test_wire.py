"""Numbers and times on the wire lose nothing."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from copytrade.lib.wire import (
    IsoTimes,
    from_milliseconds,
    iso_time,
    iso_time_or_none,
    json_number,
    plain_digits,
    to_milliseconds,
)

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e30"), max_value=Decimal("1e30"))
offsets = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.one_of(st.just(UTC), offsets)
)


@given(numbers)
@example(Decimal("-0"))
@example(Decimal("1E+5"))
@example(Decimal("0.00000000000000000001"))
@example(Decimal(100))
def test_digits_are_plain_and_keep_the_value(number: Decimal) -> None:
    digits = plain_digits(number)
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", digits)
    assert Decimal(digits) == number


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("86232.48", "86232.48"),
        ("25.360", "25.36"),
        ("4E-7", "0.0000004"),
        ("1.5E+3", "1500"),
        ("100", "100"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("-0.50", "-0.5"),
        ("-0E-999999999", "0"),
    ],
)
def test_digits_are_those_that_people_write(number: str, digits: str) -> None:
    assert plain_digits(Decimal(number)) == digits


@given(numbers)
def test_a_json_number_is_read_back_as_the_same_decimal(number: Decimal) -> None:
    encoded = msgspec.json.encode({"value": json_number(number)})
    assert b"e" not in encoded.lower().removeprefix(b'{"value"')
    assert msgspec.json.decode(encoded, type=dict[str, Decimal]) == {"value": number}


def test_no_number_is_null() -> None:
    assert json_number(None) is None


@given(moments)
def test_a_time_is_utc_with_milliseconds_and_reads_back_to_the_millisecond(moment: datetime) -> None:
    text = iso_time(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert moment - timedelta(milliseconds=1) < datetime.fromisoformat(text) <= moment


def test_no_time_is_null() -> None:
    assert iso_time_or_none(None) is None
    assert iso_time_or_none(datetime(2026, 2, 5, tzinfo=UTC)) == "2026-02-05T00:00:00.000Z"


@given(st.lists(st.none() | moments))
def test_times_of_many_messages_are_written_as_each_is(several: list[datetime | None]) -> None:
    times = IsoTimes()
    assert [times[moment] for moment in several * 2] == [iso_time_or_none(moment) for moment in several * 2]


@given(st.integers(min_value=-(10**13), max_value=10**13))
def test_milliseconds_are_exact_both_ways(milliseconds: int) -> None:
    moment = from_milliseconds(milliseconds)
    assert moment.tzinfo is UTC
    assert to_milliseconds(moment) == milliseconds


def test_milliseconds_that_no_calendar_has_are_an_error() -> None:
    with pytest.raises(OverflowError):
        from_milliseconds(10**18)
