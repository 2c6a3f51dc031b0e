"""A venue in this process that does as it is told: what `MarketData` asks of one, and no network."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from markets.filters import Filters
from markets.intervals import LENGTHS
from markets.venues.base import CandleReport, MarketSpec, PriceReport
from markets.venues.errors import Rejected
from markets.venues.vocabulary import MarketKind

FILTERS = Filters(
    price_tick=Decimal("0.1"),
    price_min=Decimal("0.1"),
    price_max=Decimal(1_000_000),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    notional_min=Decimal(5),
)


def spec(symbol: str = "BTCUSDT", kind: MarketKind = MarketKind.SPOT, **values: Any) -> MarketSpec:
    """Return a market as a venue lists it."""
    market = MarketSpec(
        symbol=symbol,
        kind=kind,
        base_asset=symbol[:3],
        quote_asset="USDT",
        margin_asset="USDT",
        status="TRADING",
        trading=True,
        contract_type="",
        contract_size=Decimal(1),
        filters=FILTERS,
    )
    return replace(market, **values)


def candle(open_time: datetime, interval: str = "1m", close: str = "100") -> CandleReport:
    """Return a candle whose prices are all the same."""
    price = Decimal(close)
    return CandleReport(
        open_time=open_time,
        close_time=open_time + LENGTHS[interval] - timedelta(milliseconds=1),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=Decimal("1.5"),
        quote_volume=price * Decimal("1.5"),
        trades=3,
        taker_buy_base_volume=Decimal("0.5"),
        taker_buy_quote_volume=price / 2,
    )


@dataclass
class FakeVenue:
    """Lists `specs`, has candles from `listed_at` to `now` but for those in `outages`; `asked` tells of each call.

    `bounded`: it looks no further than a page from the start.
    `hangs`: live questions are never answered.
    """

    now: datetime = field(default_factory=timezone.now)
    specs: list[MarketSpec] = field(default_factory=lambda: [spec(), spec("ETHUSDT")])
    listed_at: datetime = field(default_factory=lambda: timezone.now() - timedelta(days=4000))
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    bounded: bool = False
    hangs: bool = False
    broken: dict[str, Exception] = field(default_factory=dict)
    price_of: Callable[[str], str] = lambda symbol: "100"
    reports: list[PriceReport] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def markets(self) -> Sequence[MarketSpec]:
        """Return the markets."""
        self._fail("markets")
        return self.specs

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Return candles as Binance does: from `start` on, or the latest; the last one is still open."""
        self.asked.append((symbol, kind, interval, start, limit))
        self._fail(symbol)
        length, now = LENGTHS[interval], self.now
        newest = datetime.fromtimestamp(now.timestamp() // length.total_seconds() * length.total_seconds(), now.tzinfo)
        first = max(self.listed_at, start or newest - (limit - 1) * length)
        steps = -((newest - first) // length)
        opens = (newest + step * length for step in range(steps, 1))
        if self.bounded and start:
            opens = (moment for moment in opens if moment < start + limit * length)
        there = (moment for moment in opens if not any(begin <= moment < end for begin, end in self.outages))
        return [candle(moment, interval, self.price_of(symbol)) for moment in islice(there, limit)]

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the reports that it was given."""
        self.asked.append(("prices", kind, tuple(symbols)))
        self._fail("prices")
        return [report for report in self.reports if report.kind == kind and report.symbol in symbols]

    async def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Yield the reports that it was given, then end."""
        self.asked.append(("stream", kind, tuple(symbols)))
        self._fail("stream")
        for report in self.reports:
            yield report

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the answer that it was given."""
        if self.hangs:
            self.asked.append(("mark_price", symbol))
            await asyncio.Event().wait()
        return dict(self._answer("mark_price", symbol))

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the answer that it was given."""
        return dict(self._answer("open_interest", symbol))

    async def open_interest_history(
        self, symbol: str, kind: MarketKind, period: str, *, limit: int, start: Any = None, end: Any = None
    ) -> Any:
        """Return the answer that it was given."""
        return self._answer("open_interest_history", symbol, period, limit)

    def _answer(self, name: str, symbol: str, *rest: Any) -> Any:
        self.asked.append((name, symbol, *rest))
        self._fail(name)
        if symbol not in {market.symbol for market in self.specs}:
            raise Rejected("Invalid symbol.", code="-1121", status=400)
        return self.answers[name]

    def _fail(self, name: str) -> None:
        if name in self.broken:
            raise self.broken[name]


@contextmanager
def venues(**by_slug: FakeVenue) -> Iterator[None]:
    """Let the services speak to these instead of real venues."""
    with patch("markets.venues.registry.adapter", by_slug.__getitem__):
        yield
