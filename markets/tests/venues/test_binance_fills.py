"""Fills are asked for window by window and page by page; none is lost and none comes twice."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from copytrade.lib.wire import to_milliseconds
from markets.tests.venues.exchange import House
from markets.venues.base import FillReport
from markets.venues.binance.endpoints import Call
from markets.venues.binance.trading import PAGE
from markets.venues.budget import _patience
from markets.venues.vocabulary import Side
from tests.contract.bench import run

NOW = datetime.now(UTC)


class Book:
    """Trades by number and time, given out as Binance does; `asked` are the questions."""

    def __init__(self, times: list[datetime]) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.patience: list[timedelta] = []
        self._rows = [
            {
                "symbol": "BTCUSDT", "id": number, "orderId": 1, "side": "BUY", "price": "1", "qty": "1",
                "quoteQty": "1", "commission": "0", "commissionAsset": "USDT", "maker": False,
                "isBuyer": True, "isMaker": False, "time": to_milliseconds(moment),
            }
            for number, moment in enumerate(times)
        ]  # fmt: skip

    async def signed(
        self, account: object, call: Call, params: Mapping[str, Any], *, weight: int | None = None
    ) -> list[dict[str, Any]]:
        assert call is Call.TRADES
        self.asked.append(params)
        self.patience.append(_patience.get())
        rows = [row for row in self._rows if row["id"] >= params.get("fromId", 0)]
        first, last = params.get("startTime", 0), params.get("endTime", 10**15)
        rows = [row for row in rows if first <= row["time"] <= last]
        return rows[:PAGE] if {"fromId", "startTime"} & params.keys() else rows[-PAGE:]

    def share_last_number(self) -> None:
        """Let the last two trades be one, of two orders of this account."""
        self._rows[-1] |= {"id": self._rows[-2]["id"], "orderId": 2, "side": "SELL", "isBuyer": False}


def ask(house: House, book: Book, since: datetime, monkeypatch: pytest.MonkeyPatch) -> list[FillReport]:
    monkeypatch.setattr(house.adapter.gateway, "signed", book.signed)
    return list(run(house.adapter.fills(house.access, house.symbol, house.kind, since=since)))


def test_all_windows_up_to_now_are_asked_for(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([NOW - timedelta(days=days) for days in (20, 10, 1)])
    found = ask(usd_m, book, NOW - timedelta(days=21), monkeypatch)

    assert [fill.venue_trade_id for fill in found] == ["0", "1", "2"]
    spans = [(each["endTime"] + 1 - each["startTime"]) // 86_400_000 for each in book.asked]
    assert set(spans) == {7}


def test_a_page_holds_all_trades_of_a_year_on_spot(spot: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([NOW - timedelta(days=days) for days in (400, 200, 20, 1)])
    found = ask(spot, book, NOW - timedelta(days=365), monkeypatch)

    assert [fill.venue_trade_id for fill in found] == ["1", "2", "3"]
    assert len(book.asked) == 1


def test_more_than_a_page_is_found_day_by_day_and_then_by_number_on_spot(
    spot: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book([NOW - timedelta(hours=hours) for hours in (40, 39)] + [NOW - timedelta(hours=1)] * 2 * PAGE)
    found = ask(spot, book, NOW - timedelta(hours=60), monkeypatch)

    assert [int(fill.venue_trade_id) for fill in found] == list(range(2 * PAGE + 2))
    assert [each.get("fromId") for each in book.asked] == [None, None, 1, PAGE, 2 * PAGE - 1]
    assert sum("startTime" in each for each in book.asked) == 1


def test_questions_for_a_long_time_wait_for_their_turn(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([])
    ask(usd_m, book, NOW - timedelta(days=21), monkeypatch)

    assert min(book.patience) >= timedelta(minutes=1)


def test_a_full_page_goes_on_by_number_since_many_trades_share_a_moment(
    usd_m: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book([NOW - timedelta(hours=1)] * (2 * PAGE + 1))
    found = ask(usd_m, book, NOW - timedelta(hours=2), monkeypatch)

    assert [int(fill.venue_trade_id) for fill in found] == list(range(2 * PAGE + 1))
    assert [each.get("fromId") for each in book.asked] == [None, PAGE - 1, 2 * PAGE - 2]


@pytest.mark.parametrize("count", [2, PAGE + 1])
def test_two_orders_of_one_account_that_traded_with_each_other_keep_both_fills(
    usd_m: House, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    book = Book([NOW - timedelta(hours=1)] * count)
    book.share_last_number()
    found = ask(usd_m, book, NOW - timedelta(hours=2), monkeypatch)

    assert len(found) == count
    assert [(fill.venue_order_id, fill.side) for fill in found[-2:]] == [("1", Side.BUY), ("2", Side.SELL)]


def test_all_trades_of_an_order_are_found_however_many(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([NOW - timedelta(hours=1)] * (PAGE + 1))
    monkeypatch.setattr(usd_m.adapter.gateway, "signed", book.signed)
    asked = usd_m.adapter.fills(usd_m.access, usd_m.symbol, usd_m.kind, venue_order_id="1", since=None)

    assert [int(fill.venue_trade_id) for fill in run(asked)] == list(range(PAGE + 1))
    assert {each["orderId"] for each in book.asked} == {"1"}


def test_a_venue_that_goes_on_giving_the_same_page_is_not_asked_for_ever(
    usd_m: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book([NOW - timedelta(hours=1)] * (PAGE + 1))
    page = run(book.signed(None, Call.TRADES, {"startTime": 0}))

    async def signed(*_: object, **__: object) -> list[dict[str, Any]]:
        book.asked.append({})
        return page

    monkeypatch.setattr(usd_m.adapter.gateway, "signed", signed)
    found = run(usd_m.adapter.fills(usd_m.access, usd_m.symbol, usd_m.kind, since=NOW - timedelta(hours=2)))

    assert len(found) == PAGE
    assert len(book.asked) <= 3


def test_what_the_venue_no_longer_keeps_is_not_asked_for(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([])
    ask(usd_m, book, NOW - timedelta(days=3650), monkeypatch)

    assert len(book.asked) <= 27
