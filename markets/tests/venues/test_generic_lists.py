"""Lists in pages: everything is told once, however long they are and whatever happens meanwhile."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues.generic.exchanges import Pages
from markets.venues.generic.lists import whole


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"t{number}", "info": {"own": str(number)}} for number in range(count)]


def by_id(listed: list[dict[str, Any]], size: int) -> Any:
    """An exchange that gives out rows from the newest to the oldest, and ccxt, which turns them round."""

    async def page(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        before = int(parameters.get("before", 1 << 62))
        older = [row for row in reversed(listed) if int(row["info"]["own"]) < before]
        return older[:size][::-1]

    return page


@pytest.mark.asyncio
@given(count=st.integers(0, 50), size=st.integers(1, 10))
async def test_every_row_is_told_once_where_pages_follow_ids(count, size):
    found = await whole(by_id(rows(count), size), Pages("before", "own", size=size))

    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in rows(count))


@pytest.mark.asyncio
@given(count=st.integers(0, 50), size=st.integers(1, 10), newcomers=st.integers(0, 5))
async def test_every_row_is_told_once_where_pages_are_counted_and_rows_come_in_meanwhile(count, size, newcomers):
    listed = rows(count)

    async def page(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        start = int(parameters.get("ofs", 0))
        told = listed[::-1][start : start + size]
        if start:
            del listed[count + newcomers :]
        elif count:
            listed.extend({"id": f"new{number}", "info": {}} for number in range(min(newcomers, size - 1)))
        return told

    found = await whole(page, Pages("ofs", size=size))

    assert {f"t{number}" for number in range(count)} <= {row["id"] for row in found}
    assert len(found) == len({row["id"] for row in found})


@pytest.mark.asyncio
async def test_pages_are_followed_by_the_cursor_that_the_exchange_gives():
    pages = {"": ([{"id": "a", "info": {"next": "x"}}]), "x": [{"id": "b", "info": {"next": ""}}]}
    asked: list[str] = []

    async def page(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append(parameters.get("cursor", ""))
        return pages[asked[-1]]

    found = await whole(page, Pages("cursor", "next", size=1))

    assert ([row["id"] for row in found], asked) == (["a", "b"], ["", "x"])


@pytest.mark.asyncio
async def test_an_exchange_that_repeats_itself_is_not_asked_for_ever():
    async def page(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"id": "same", "info": {"own": "7"}}]

    assert len(await whole(page, Pages("before", "own", size=1))) == 1


@pytest.mark.asyncio
async def test_both_sides_of_a_trade_with_oneself_are_told():
    trade = {"id": "t", "info": {}}

    async def page(parameters: dict[str, Any]) -> list[dict[str, Any]]:
        return [trade | {"order": "1", "side": "buy"}, trade | {"order": "2", "side": "sell"}]

    assert len(await whole(page, None)) == 2
