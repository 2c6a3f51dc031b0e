"""`limit`, `offset` and `cursor` of lists."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copytrade.lib.api.paging import EARLIEST, LARGEST_OFFSET, LATEST, Cursor, Page, read_cursor, read_limit, read_page
from copytrade.lib.errors import InvalidInput

moments = st.datetimes(
    min_value=EARLIEST.replace(tzinfo=None), max_value=LATEST.replace(tzinfo=None), timezones=st.just(UTC)
)


def encoded(text: str) -> str:
    """Return the text as cursors are written."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_without_parameters_a_page_has_fifty_rows_from_the_start() -> None:
    assert read_page({}) == Page(limit=50, offset=0)


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ({"limit": "1"}, Page(1, 0)),
        ({"limit": "500", "offset": "7"}, Page(500, 7)),
        ({"limit": "007"}, Page(7, 0)),
        ({"offset": str(LARGEST_OFFSET)}, Page(50, LARGEST_OFFSET)),
    ],
)
def test_limit_and_offset_are_read(query: dict[str, str], page: Page) -> None:
    assert read_page(query) == page


WRONG = ["", " ", "-1", "+5", "1.5", "1e2", "ten", "٣", "²", "1_000", "0x10", "5 ", "9" * 5000]


@pytest.mark.parametrize("text", ["0", "501", *WRONG])
def test_a_limit_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^limit: write a whole number from 1 to 500$"):
        read_limit({"limit": text})


@pytest.mark.parametrize("text", [str(LARGEST_OFFSET + 1), *WRONG])
def test_an_offset_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^offset: write a whole number from 0 to 2147483647$"):
        read_page({"offset": text})


def test_without_a_cursor_there_is_none() -> None:
    assert read_cursor({}) is None


@given(moments, st.integers(min_value=0, max_value=2**63 - 1))
def test_a_cursor_reads_back_as_it_was_given(moment: datetime, number: int) -> None:
    cursor = Cursor(moment, number)
    assert read_cursor({"cursor": cursor.encode()}) == cursor


@given(st.text())
def test_any_other_text_is_refused_or_a_place_that_a_list_may_have(text: str) -> None:
    try:
        cursor = read_cursor({"cursor": text})
    except InvalidInput:
        return
    assert cursor is not None
    assert EARLIEST <= cursor.time <= LATEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        "nonsense",
        "\xff",
        encoded(""),
        encoded("|"),
        encoded("2026-02-05T00:00:00+00:00"),
        encoded("2026-02-05T00:00:00+00:00|"),
        encoded("2026-02-05T00:00:00+00:00|x"),
        encoded("2026-02-05T00:00:00+00:00|-1"),
        encoded(f"2026-02-05T00:00:00+00:00|{2**63}"),
        encoded("2026-02-05T00:00:00|1"),
        encoded("1999-12-31T00:00:00+00:00|1"),
        encoded("2300-01-02T00:00:00+00:00|1"),
        encoded("0001-01-01T00:00:00+14:00|1"),
        encoded("9999-12-31T23:59:59-14:00|1"),
        base64.urlsafe_b64encode(b"\xff\xfe|1").decode(),
    ],
)
def test_a_cursor_of_no_earlier_answer_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^cursor: is not a cursor of an earlier answer$"):
        read_cursor({"cursor": text})


def test_a_cursor_with_another_offset_is_the_same_place() -> None:
    moment = datetime(2026, 2, 5, tzinfo=UTC)
    moved = Cursor(moment.astimezone(timezone(timedelta(hours=3))), 7)
    assert read_cursor({"cursor": moved.encode()}) == Cursor(moment, 7)
