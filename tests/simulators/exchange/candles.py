"""Candles that are the same whenever they are asked for: each a function of market, symbol, interval and time.

Boundaries lie on one curve per symbol, so that candles join on to each other and intervals agree. Sines shape the
curve; what is served are whole ticks and whole steps.
"""

import itertools
import math
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.refusals import Refusal
from tests.simulators.exchange.symbols import Symbol, first_price

MINUTE = 60_000
DAY = 1440 * MINUTE
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05, where weeks begin
MONTH = "1M"
FIXED = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": 60 * MINUTE,
    "2h": 120 * MINUTE,
    "4h": 240 * MINUTE,
    "6h": 360 * MINUTE,
    "8h": 480 * MINUTE,
    "12h": 720 * MINUTE,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
}
SECOND = "1s"  # spot only
WAVES = ((90 * DAY, 0.05), (5 * DAY, 0.02), (400 * MINUTE, 0.006), (17 * MINUTE, 0.0015))
FIRST_MS = 1_500_000_000_000  # nothing was traded before (2017-07-14)


def boundaries(interval: str, first: int, count: int) -> list[int]:
    """Return `count` + 1 times (ms): the opening times from the candle that contains `first`, and the last close."""
    if interval == MONTH:
        month = _month_of(first)
        return [_month_start(month + number) for number in range(count + 1)]
    length = length_of(interval)
    start = opening(interval, first)
    return list(range(start, start + length * (count + 1), length))


def latest_opens(interval: str, latest: int, limit: int) -> list[int]:
    """Return the boundaries of the `limit` candles of which the last one contains `latest`."""
    if interval == MONTH:
        months = _month_of(latest)
        return [_month_start(month) for month in range(months - limit + 1, months + 2)]
    return boundaries(interval, latest - (limit - 1) * length_of(interval), limit)


def opening(interval: str, moment: int) -> int:
    """Return when the candle that contains a moment opened."""
    if interval == MONTH:
        return boundaries(MONTH, moment, 0)[0]
    offset = MONDAY if interval == "1w" else 0
    length = length_of(interval)
    return (moment - offset) // length * length + offset


def length_of(interval: str) -> int:
    """Return the length of an interval in milliseconds; of a month the longest (-1120 for an unknown one)."""
    if interval == MONTH:
        return 31 * DAY
    if interval == SECOND:
        return 1000
    try:
        return FIXED[interval]
    except KeyError:
        raise Refusal(-1120) from None


def check_interval(market: Market, interval: str) -> None:
    """Refuse an interval that a market does not have (-1120)."""
    if interval == SECOND and market is not Market.SPOT:
        raise Refusal(-1120)
    length_of(interval)


def _month_of(moment: int) -> int:
    day = datetime.fromtimestamp(moment / 1000, UTC)
    return day.year * 12 + day.month - 1


def _month_start(month: int) -> int:
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def _whole(value: Decimal, places: int) -> int:
    return int(value.scaleb(places))


@dataclass(slots=True, frozen=True)
class Curve:
    """The course of one symbol. `tick` and `step`: in units of the last decimal of price and quantity."""

    symbol: Symbol
    base: int
    tick: int
    step: int
    phase: float
    seed: int

    def at(self, moment: int) -> int:
        """Return the price at a moment, in units of its last decimal."""
        wave = sum(size * math.sin(6.2831853 * moment / period + self.phase) for period, size in WAVES)
        return round(self.base * (1 + wave) / self.tick) * self.tick

    def row(self, opened: int, closed: int, last: int | None, part: float) -> str:
        """Return one candle as JSON; `last` replaces the price at its end, `part` is how much of its time is over."""
        noise = zlib.crc32(b"%d:%d" % (opened, closed), self.seed)
        first, final = self.at(opened), self.at(closed) if last is None else last
        high = max(first, final) + (noise & 15) * self.tick
        low = min(first, final) - ((noise >> 4) & 15) * self.tick
        traded = int((1000 + (noise >> 8 & 0xFFFF)) * part * max(1, (closed - opened) // MINUTE)) * self.step
        taken = traded // self.step * (30 + (noise >> 24) % 40) // 100 * self.step
        price, volume = self._price, self._quantity
        worth = self._worth
        middle = (first + final) // 2
        return (
            f'[{opened},"{price(first)}","{price(high)}","{price(low)}","{price(final)}","{volume(traded)}",'
            f'{closed - 1},"{worth(traded, middle)}",{noise & 1023},"{volume(taken)}","{worth(taken, middle)}","0"]'
        )

    def _price(self, units: int) -> str:
        scale = 10**self.symbol.price_places
        return f"{units // scale}.{units % scale:0{self.symbol.price_places}d}"

    def _quantity(self, units: int) -> str:
        places = self.symbol.quantity_places
        return f"{units // 10**places}.{units % 10**places:0{places}d}" if places else str(units)

    def _worth(self, quantity: int, price: int) -> str:
        symbol = self.symbol
        if symbol.market is Market.COIN_M:
            units = quantity * int(symbol.contract_size) * 10 ** (8 + symbol.price_places) // price
        else:
            units = quantity * price * 10**8 // 10 ** (symbol.price_places + symbol.quantity_places)
        return f"{units // 10**8}.{units % 10**8:08d}"


def _curve(symbol: Symbol) -> Curve:
    seed = zlib.crc32(f"{symbol.market.value}:{symbol.name}".encode())
    phase = zlib.crc32(symbol.base.encode()) % 628 / 100  # a coin moves alike in all markets
    return Curve(
        symbol=symbol,
        base=_whole(first_price(symbol), symbol.price_places),
        tick=_whole(symbol.prices.step, symbol.price_places) or 1,
        step=_whole(symbol.lots.step, symbol.quantity_places) or 1,
        phase=phase,
        seed=seed,
    )


@dataclass(slots=True, frozen=True)
class Gap:
    """Candles that are left out: those that open from `start` to `end`, both in milliseconds and both included."""

    market: Market
    symbol: str
    interval: str
    start: int
    end: int


class Candles:
    """Candles of every symbol and interval."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self._curves: dict[tuple[Market, str], Curve] = {}

    def body(self, book: Book, interval: str, now: int, span: tuple[int | None, int | None], limit: int) -> bytes:
        """Return the candles that open in a span of time as JSON, ascending.

        With a start these are the oldest from there on, otherwise the latest. The candle that contains `now` is the
        last one there is; it is still open, and its close is the present price.
        """
        start, end = span
        latest = now if end is None else min(end, now)
        if start is None:
            times = latest_opens(interval, latest, limit)
        else:
            times = boundaries(interval, max(start, FIRST_MS), limit + 1)
            times = times[times[0] < start :][: limit + 1]
        hidden = self._hidden(book.symbol, interval)
        curve = self._curve(book.symbol)
        last = _whole(book.price, book.symbol.price_places)
        rows = []
        for opened, closed in itertools.pairwise(times):
            if opened > latest:
                break
            if any(gap.start <= opened <= gap.end for gap in hidden):
                continue
            part = min(1.0, (now - opened) / (closed - opened))
            rows.append(curve.row(opened, closed, last if closed > now else None, part))
        return f"[{','.join(rows)}]".encode()

    def _hidden(self, symbol: Symbol, interval: str) -> list[Gap]:
        wanted = (symbol.market, symbol.name, interval)
        return [gap for gap in self.gaps if (gap.market, gap.symbol, gap.interval) == wanted]

    def _curve(self, symbol: Symbol) -> Curve:
        key = (symbol.market, symbol.name)
        if key not in self._curves or self._curves[key].symbol is not symbol:
            self._curves[key] = _curve(symbol)
        return self._curves[key]
