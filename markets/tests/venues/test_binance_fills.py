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
from tests.contract.bench import run

NOW = datetime.now(UTC)


class Book:
    """Trades by number and time, given out as Binance does; `asked` are the questions."""

    def __init__(self, times: list[datetime]) -> None:
        self.asked: list[Mapping[str, Any]] = []
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
        rows = [row for row in self._rows if row["id"] >= params.get("fromId", 0)]
        first, last = params.get("startTime", 0), params.get("endTime", 10**15)
        return [row for row in rows if first <= row["time"] <= last][:PAGE]


def ask(house: House, book: Book, since: datetime, monkeypatch: pytest.MonkeyPatch) -> list[FillReport]:
    monkeypatch.setattr(house.adapter.gateway, "signed", book.signed)
    return list(run(house.adapter.fills(house.access, house.symbol, house.kind, since=since)))


def test_all_windows_up_to_now_are_asked_for(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([NOW - timedelta(days=days) for days in (20, 10, 1)])
    found = ask(usd_m, book, NOW - timedelta(days=21), monkeypatch)

    assert [fill.venue_trade_id for fill in found] == ["0", "1", "2"]
    spans = [(each["endTime"] + 1 - each["startTime"]) // 86_400_000 for each in book.asked]
    assert set(spans) == {7}


def test_spot_is_asked_for_a_day_at_a_time(spot: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([NOW - timedelta(hours=hours) for hours in (40, 20, 1)])
    found = ask(spot, book, NOW - timedelta(hours=41), monkeypatch)

    assert [fill.venue_trade_id for fill in found] == ["0", "1", "2"]
    assert len(book.asked) == 2


def test_a_full_page_goes_on_by_number_since_many_trades_share_a_moment(
    usd_m: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book([NOW - timedelta(hours=1)] * (2 * PAGE + 1))
    found = ask(usd_m, book, NOW - timedelta(hours=2), monkeypatch)

    assert [int(fill.venue_trade_id) for fill in found] == list(range(2 * PAGE + 1))
    assert [each.get("fromId") for each in book.asked] == [None, PAGE, 2 * PAGE]


def test_what_the_venue_no_longer_keeps_is_not_asked_for(usd_m: House, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Book([])
    ask(usd_m, book, NOW - timedelta(days=3650), monkeypatch)

    assert len(book.asked) <= 27
