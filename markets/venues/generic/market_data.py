"""What anyone may ask of an exchange."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.base import CandleReport, MarketSpec, PriceReport
from markets.venues.errors import NotSupported
from markets.venues.generic import translate
from markets.venues.generic.gateway import Gateway, is_offered, listed
from markets.venues.vocabulary import MarketKind


class GenericMarketData(Gateway):
    """Markets, candles and prices of one exchange."""

    async def markets(self) -> Sequence[MarketSpec]:
        """Return all markets, those that do not trade too."""
        exchange = await self.understood(self.connection.public(reload=True))
        return [
            translate.market_spec(market, kind, exchange.precisionMode)
            for market in exchange.markets.values()
            if (kind := translate.kind_of(market)) in self.capabilities.kinds
            and kind is not None
            and is_offered(market, self.facts)
        ]

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Return candles from `start` on, or the latest, oldest first; the last one may still be open."""
        market = await self.market(symbol, kind)
        exchange = await self.understood(self.connection.public())
        if interval not in (exchange.timeframes or {}):
            raise NotSupported(f"{self.slug} has no candles of {interval}.")
        since = None if start is None else to_milliseconds(start)
        rows = await self.understood(exchange.fetch_ohlcv(market["symbol"], interval, since, limit))
        length = timedelta(seconds=int(exchange.parse_timeframe(interval)))
        reports = [translate.candle_report(row, length) for row in sorted(rows, key=lambda row: int(row[0]))]
        return reports[-limit:] if start is None else reports[:limit]

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices now of the symbols that the exchange knows."""
        exchange = await self.understood(self.connection.public())
        listings = (listed(exchange, name, kind, self.facts) for name in symbols)
        found = {market["symbol"]: market for market in listings if market}
        if not found:
            return []
        tickers = await self.understood(exchange.fetch_tickers(list(found)))
        now = datetime.now(UTC)
        return [
            translate.price_report(tickers[name], market, kind, now=now)
            for name, market in found.items()
            if name in tickers
        ]

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the mark price of a contract, or its ticker, in the exchange's own words."""
        if kind is MarketKind.SPOT:
            raise NotSupported("Spot markets have no mark price.")
        market = await self.market(symbol, kind)
        exchange = await self.understood(self.connection.public())
        told_alone = exchange.has.get("fetchMarkPrice") is True
        ask = exchange.fetch_mark_price if told_alone else exchange.fetch_ticker
        ticker = await self.understood(ask(market["symbol"]))
        info: Mapping[str, Any] = ticker.get("info") or {}
        return info

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Refuse: exchanges tell it too differently."""
        raise NotSupported(f"The open interest of {self.slug} is not asked for.")

    async def open_interest_history(
        self,
        symbol: str,
        kind: MarketKind,
        period: str,
        *,
        limit: int,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Refuse: exchanges tell it too differently."""
        raise NotSupported(f"The open interest of {self.slug} is not asked for.")

    def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Refuse: prices are asked for."""
        raise NotSupported(f"The prices of {self.slug} are asked for, not streamed.")
