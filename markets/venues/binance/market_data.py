"""Markets, candles, prices and open interest at one house of Binance."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from copytrade.lib.wire import to_milliseconds
from markets.intervals import shift
from markets.venues.base import CandleReport, MarketSpec, PriceReport
from markets.venues.binance.contracts import Contracts
from markets.venues.binance.endpoints import Call
from markets.venues.binance.gateway import Gateway
from markets.venues.binance.listing import read_listing
from markets.venues.binance.numbers import amount, moment, optional
from markets.venues.errors import Rejected, RejectReason
from markets.venues.vocabulary import MarketKind

LONGEST_PAGE = 1000
LONGEST_HISTORY = 500
INVERSE_SPAN = timedelta(days=200)


class MarketData:
    """What anyone may ask."""

    gateway: Gateway
    contracts: Contracts

    async def markets(self) -> Sequence[MarketSpec]:
        """Return all markets, those that do not trade too."""
        reply = await self.gateway.ask(Call.EXCHANGE_INFO, {})
        with self.gateway.understood():
            found = read_listing(reply, self.gateway.house.kind)
        self.contracts.remember(found)
        return found

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Return candles from `start` on, or the latest, oldest first; at most 1,000, the last may still be open.

        Those of COIN-M open within so many intervals, and 200 days, after `start`: they are not looked for beyond.
        """
        params: dict[str, Any] = {"symbol": symbol, "interval": interval, "limit": min(limit, LONGEST_PAGE)}
        if start is not None:
            params["startTime"] = to_milliseconds(start)
        if start is not None and kind is MarketKind.COIN_M:
            params["endTime"] = to_milliseconds(_inverse_end(interval, start, params["limit"]))
        rows = await self.gateway.ask(Call.CANDLES, params, weight=_candle_weight(kind, params["limit"]))
        with self.gateway.understood():
            return [_candle(row) for row in rows]

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices now of the symbols that the venue knows: the last one, the best offers and the mark."""
        if not symbols:
            return []
        calls = [Call.LAST_PRICES, Call.BOOK_PRICES]
        calls += [] if kind is MarketKind.SPOT else [Call.MARK_PRICES]
        tables = await asyncio.gather(*(self._table(call, symbols) for call in calls))
        last, book, mark = tables[0], tables[1], tables[2] if len(tables) > 2 else {}
        now = datetime.now(UTC)
        with self.gateway.understood():
            known = [symbol for symbol in dict.fromkeys(symbols) if symbol in last or symbol in book]
            return [
                PriceReport(
                    symbol=symbol,
                    kind=kind,
                    time=now,
                    last=optional(last.get(symbol, {}), "price"),
                    bid=optional(book.get(symbol, {}), "bidPrice"),
                    ask=optional(book.get(symbol, {}), "askPrice"),
                    mark=optional(mark.get(symbol, {}), "markPrice"),
                )
                for symbol in known
            ]

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return mark price, index price and funding, in Binance's own words (COIN-M answers with a list of one)."""
        weight = 10 if kind is MarketKind.COIN_M else 1
        reply = await self.gateway.ask(Call.MARK_PRICES, {"symbol": symbol}, weight=weight)
        with self.gateway.understood():
            row: Mapping[str, Any] = reply[0] if isinstance(reply, list) else reply
            amount(row["markPrice"])
            return row

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the open interest now, in Binance's own words."""
        reply: Mapping[str, Any] = await self.gateway.ask(Call.OPEN_INTEREST, {"symbol": symbol})
        with self.gateway.understood():
            amount(reply["openInterest"])
        return reply

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
        """Return the history of the open interest, in Binance's own words, oldest first (at most 500, one month)."""
        params: dict[str, Any] = {"period": period, "limit": min(limit, LONGEST_HISTORY)}
        if kind is MarketKind.COIN_M:
            contract = await self.contracts.find(symbol)
            params |= {"pair": contract.pair, "contractType": contract.contract_type}
        else:
            params["symbol"] = symbol
        for name, value in (("startTime", start), ("endTime", end)):
            if value is not None:
                params[name] = to_milliseconds(value)
        rows: Sequence[Mapping[str, Any]] = await self.gateway.ask(Call.OPEN_INTEREST_HISTORY, params)
        with self.gateway.understood():
            return sorted(rows, key=lambda row: row["timestamp"])

    async def _table(self, call: Call, symbols: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the rows of these symbols, by symbol.

        One is asked for by name, several at once where that is possible: one that is unknown refuses them all.
        """
        try:
            reply = await self.gateway.ask(call, self._scope(symbols))
        except Rejected as error:
            if error.reason != RejectReason.UNKNOWN_SYMBOL:
                raise
            reply = [] if len(symbols) == 1 else await self.gateway.ask(call, {})
        rows = [reply] if isinstance(reply, dict) else reply
        wanted = frozenset(symbols)
        with self.gateway.understood():
            return {row["symbol"]: row for row in rows if row["symbol"] in wanted}

    def _scope(self, symbols: Sequence[str]) -> Mapping[str, str]:
        if len(symbols) == 1:
            return {"symbol": symbols[0]}
        if self.gateway.house.kind is MarketKind.SPOT:
            return {"symbols": msgspec.json.encode(list(symbols)).decode()}
        return {}


def _inverse_end(interval: str, start: datetime, limit: int) -> datetime:
    """Return until when to ask for candles of COIN-M, which otherwise gives the latest of the 200 days from `start`."""
    page = shift(interval, start, limit) - timedelta(milliseconds=1)
    return max(start, min(datetime.now(UTC), page, start + INVERSE_SPAN))


def _candle_weight(kind: MarketKind, limit: int) -> int:
    if kind is MarketKind.SPOT:
        return 2
    return 1 if limit < 100 else 2 if limit < 500 else 5


def _candle(row: Sequence[Any]) -> CandleReport:
    opened, closed = moment(row[0]), moment(row[6])
    return CandleReport(
        open_time=opened,
        close_time=closed,
        open=amount(row[1]),
        high=amount(row[2]),
        low=amount(row[3]),
        close=amount(row[4]),
        volume=amount(row[5]),
        quote_volume=amount(row[7]),
        trades=int(row[8]),
        taker_buy_base_volume=amount(row[9]),
        taker_buy_quote_volume=amount(row[10]),
    )
