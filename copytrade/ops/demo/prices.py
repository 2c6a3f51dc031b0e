"""The simulated market's prices, told to the order layer where nobody else tells any.

Real prices win: once somebody else renews a price of a venue, the demo is silent there for as long as it runs. It tells
its own as a little old, so that a real one is the newer of two even if the venue's clock is behind.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib.database import DATABASE_AWAY
from copytrade.ops.demo.listing import SPOT, USD_M
from markets.models import Market
from markets.prices import prices_read, prices_write
from markets.rounding import price_round
from markets.selectors.prices import Feeds, price_feeds_wanted
from markets.venues.base import PriceReport
from markets.venues.paper.feed import paper_match
from markets.venues.vocabulary import MarketKind
from markets.wanted import VENUES

SYMBOLS = {MarketKind.USD_M: frozenset(USD_M), MarketKind.SPOT: frozenset(SPOT)}
AGE_WHEN_TOLD = 0.2  # of the age at which a price is stale
LATEST_RENEWAL = 0.5  # of that age: a price that was not renewed by then is left to the demo


class DemoPrices:
    """Tells prices, and remembers which are its own; says in a line whenever it stops or fails."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._seen: dict[MarketKind, dict[str, datetime]] = {}
        self._told: set[MarketKind] = set()
        self._left: set[MarketKind] = set()
        self._trouble = ""

    def tell(self, prices: Mapping[str, Decimal]) -> int:
        """Write these prices (by symbol) and fill the paper orders that they reach; return how many were written.

        Without the database or Redis none is, and the next call tries again.
        """
        try:
            told = self._tell_all(prices)
        except (RedisError, *DATABASE_AWAY) as error:
            self._note(f"Prices are not told: {type(error).__name__}.")
            return 0
        self._note("")
        return told

    def _tell_all(self, prices: Mapping[str, Decimal]) -> int:
        markets = [market for market in _markets() if market.symbol in prices]
        wanted, now = price_feeds_wanted(), timezone.now()
        told = 0
        for kind in SYMBOLS:
            here = [market for market in markets if market.kind == kind]
            if here and kind not in self._left and self._is_silent(kind, _watched(here, kind, wanted), now):
                told += self._write(kind, [_report(market, prices[market.symbol], now) for market in here])
        return told

    def _is_silent(self, kind: MarketKind, symbols: set[str], now: datetime) -> bool:
        """Return whether nobody but the demo tells prices of these symbols."""
        times = {symbol: report.time for symbol, report in prices_read(VENUES[kind], kind, symbols).items()}
        before = self._seen.get(kind, times)
        self._seen[kind] = times
        recent = now - timedelta(seconds=settings.PRICE_STALE_AFTER_SECONDS * LATEST_RENEWAL)
        young = {symbol for symbol, time in times.items() if time > recent}
        if any(times[symbol] != before.get(symbol) for symbol in young):
            self._left.add(kind)
            self._say(f"Prices of {VENUES[kind]} come from elsewhere now: the demo tells none there.")
            return False
        return kind in self._told or not young

    def _write(self, kind: MarketKind, reports: list[PriceReport]) -> int:
        written = prices_write(VENUES[kind], reports)
        self._told.add(kind)
        self._seen[kind] |= {report.symbol: report.time for report in written}
        paper_match(venue=VENUES[kind], prices=written)
        return len(written)

    def _note(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._say(trouble)
        self._trouble = trouble


def _markets() -> list[Market]:
    """Return the markets of the demo's symbols that are listed, the real ones too."""
    rows = Market.objects.filter(venue__in=[VENUES[kind] for kind in SYMBOLS], delisted_at=None)
    symbols = {symbol for each in SYMBOLS.values() for symbol in each}
    return [market for market in rows.filter(symbol__in=symbols) if market.symbol in SYMBOLS[MarketKind(market.kind)]]


def _watched(markets: list[Market], kind: MarketKind, wanted: Feeds) -> set[str]:
    return {market.symbol for market in markets} | wanted.get((VENUES[kind], kind), frozenset())


def _report(market: Market, price: Decimal, now: datetime) -> PriceReport:
    """Return a price on the market's tick, with the best offers one tick apart; spot has no mark."""
    kind = MarketKind(market.kind)
    last = price_round(market.filters, price, up=False, kind=kind) or price
    time = now - timedelta(seconds=settings.PRICE_STALE_AFTER_SECONDS * AGE_WHEN_TOLD)
    mark = None if kind is MarketKind.SPOT else last
    return PriceReport(market.symbol, kind, time, last, bid=last, ask=last + (market.price_tick or 0), mark=mark)
