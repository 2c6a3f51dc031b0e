"""Markets and prices: of the exchange where a key for market data is configured, else built in and simulated."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from markets.venues.base import CandleReport, MarketSpec, PriceReport
from markets.venues.errors import NotSupported
from markets.venues.iifl.gateway import Gateway
from markets.venues.iifl.house import utc_now
from markets.venues.iifl.instruments import Instruments
from markets.venues.iifl.listing import built_in, references
from markets.venues.iifl.master import SEGMENT_NUMBER, Instrument
from markets.venues.iifl.numbers import positive
from markets.venues.iifl.simulated import simulated_price
from markets.venues.vocabulary import MarketKind

QUOTES = "/apimarketdata/instruments/quotes"
TOUCHLINE = 1501
MOST_QUOTES = 50
OFFERS = {"bid": "BidInfo", "ask": "AskInfo"}


class MarketData:
    """What anyone may ask; see `markets.venues.base.MarketData`."""

    gateway: Gateway
    instruments: Instruments

    async def markets(self) -> Sequence[MarketSpec]:
        """Return the shares of the exchange, or the built-in ones."""
        if self.gateway.house.market_data is None:
            return built_in()
        return [each.spec for each in (await self.instruments.master()).by_symbol.values()]

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices now; where no market data is configured they are simulated."""
        if kind is not MarketKind.EQUITY or not symbols:
            return []
        if self.gateway.house.market_data is None:
            now, wanted, known = utc_now(), set(symbols), references()
            return [simulated_price(spec, known[spec.symbol], now) for spec in built_in() if spec.symbol in wanted]
        master = await self.instruments.master()
        return await self._quotes(
            [master.by_symbol[each] for each in dict.fromkeys(symbols) if each in master.by_symbol]
        )

    async def real_price(self, instrument: Instrument) -> PriceReport | None:
        """Return a price of the exchange itself, None where it tells none; never a simulated one."""
        if self.gateway.house.market_data is None:
            return None
        return next(iter(await self._quotes([instrument])), None)

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Refuse: no candles are kept of shares."""
        raise NotSupported("IIFL's candles are not read.")

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Refuse: shares have no mark price."""
        raise NotSupported("Shares have no mark price.")

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Refuse: shares have no open interest."""
        raise NotSupported("Shares have no open interest.")

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
        """Refuse: shares have no open interest."""
        raise NotSupported("Shares have no open interest.")

    def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Refuse: prices are asked for."""
        raise NotSupported("IIFL's prices are asked for, not streamed.")

    async def _quotes(self, instruments: Sequence[Instrument]) -> list[PriceReport]:
        reports: list[PriceReport] = []
        by_id = {each.id: each for each in instruments}
        for part in _parts(list(by_id)):
            body = {
                "instruments": [{"exchangeSegment": SEGMENT_NUMBER, "exchangeInstrumentID": each} for each in part],
                "xtsMessageCode": TOUCHLINE,
                "publishFormat": "JSON",
            }
            result = await self.gateway.market_data(QUOTES, body)
            with self.gateway.understood():
                rows = [_decoded(row) for row in (result or {"listQuotes": []})["listQuotes"]]
                told = [(by_id.get(int(row["ExchangeInstrumentID"])), row) for row in rows]
                reports += [_price(instrument, row) for instrument, row in told if instrument is not None]
        return reports


def _parts(numbers: Sequence[int]) -> list[Sequence[int]]:
    return [numbers[start : start + MOST_QUOTES] for start in range(0, len(numbers), MOST_QUOTES)]


def _decoded(row: Any) -> Mapping[str, Any]:
    """Return a quote; each is a text with JSON inside."""
    return msgspec.json.decode(row, type=dict[str, Any]) if isinstance(row, str) else dict(row)


def _price(instrument: Instrument, row: Mapping[str, Any]) -> PriceReport:
    touch: Mapping[str, Any] = row.get("Touchline") or row
    offers = {name: positive((touch.get(place) or {}).get("Price")) for name, place in OFFERS.items()}
    return PriceReport(
        symbol=instrument.spec.symbol,
        kind=MarketKind.EQUITY,
        time=utc_now(),
        last=positive(touch.get("LastTradedPrice")),
        **offers,
    )
