"""Fetching what a series of candles lacks: the newest ones first, then what is missing before, oldest first.

It runs on the venue loop and knows no database: a plan goes in, candles come out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from markets.intervals import Range, clip, earliest, holes, shift, steps_between, subtract
from markets.venues.base import CandleReport, MarketData
from markets.venues.errors import VenueError
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

INVERSE_SPAN = timedelta(days=200)  # Binance gives no more of a COIN-M contract at once


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What is stored of a series since the start of its retention, and what is missing in between.

    `newest` is the open time of the newest stored candle, None where there is none. Of what is missing, `resting` was
    answered with nothing a moment ago and is not asked for now; `doubted` was so a while ago.
    """

    symbol: str
    kind: MarketKind
    interval: str
    since: datetime
    newest: datetime | None
    missing: Sequence[Range]
    resting: Sequence[Range] = ()
    doubted: Sequence[Range] = ()


@dataclass(slots=True)
class Fetched:
    """What a venue gave: candles; ranges in which it has none; and ranges that are still missing.

    Those of the missing that it answered with nothing for the first time are `doubted`.
    """

    candles: list[CandleReport] = field(default_factory=list)
    absent: list[Range] = field(default_factory=list)
    missing: list[Range] = field(default_factory=list)
    doubted: list[Range] = field(default_factory=list)
    error: str = ""


async def fetch_series(source: MarketData, plan: SeriesPlan, *, now: datetime, page: int, pages: int) -> Fetched:
    """Fetch the newest candles, then up to `pages` pages of missing ones. An error keeps what came before it."""
    fetched = Fetched(missing=list(plan.missing))
    try:
        await _fetch_newest(source, plan, fetched, now, page)
        for _ in range(pages):
            wanted = subtract(fetched.missing, [*plan.resting, *fetched.doubted])
            if not wanted:
                break
            await _fetch_missing(source, plan, fetched, wanted, page)
    except VenueError as error:
        fetched.error = str(error) or type(error).__name__
    except Exception as error:
        logger.exception("Fetching %s %s (%s) failed.", plan.symbol, plan.interval, plan.kind)
        fetched.error = f"Unexpected: {error!r}"
    return fetched


async def _fetch_newest(source: MarketData, plan: SeriesPlan, fetched: Fetched, now: datetime, page: int) -> None:
    """Go on from the newest stored candle, which may have been open; where that is too far back, leave a gap."""
    interval, newest = plan.interval, plan.newest
    known = newest or plan.since
    needed = steps_between(interval, known, now) + 1  # one more than there are: the venue's clock may be ahead
    follows = newest is not None and needed <= _longest(plan, newest, page)
    candles = await source.candles(
        plan.symbol, plan.kind, interval, start=newest if follows else None, limit=min(page, needed)
    )
    candles = [candle for candle in candles if candle.open_time >= plan.since]
    if not candles:
        return
    first, last = candles[0].open_time, candles[-1].open_time
    begin = shift(interval, newest, 1) if newest else earliest(interval, first, plan.since)
    fetched.candles += candles
    fetched.absent += holes(interval, _open_times(candles), (begin if follows else first, last))
    if not follows and begin < first:
        fetched.missing.append((begin, first))


async def _fetch_missing(
    source: MarketData, plan: SeriesPlan, fetched: Fetched, wanted: Sequence[Range], page: int
) -> None:
    """Ask for one page from the oldest wanted candle on: it settles all that is missing within what it spans.

    That is the page, or more where the venue skipped a stretch without candles and gave some from beyond. The candle
    before is read again: it may have been open.
    """
    interval, start, end = plan.interval, wanted[0][0], wanted[-1][1]
    before = shift(interval, start, -1)
    limit = min(_longest(plan, before, page), steps_between(interval, start, end) + 1)
    candles = await source.candles(plan.symbol, plan.kind, interval, start=before, limit=limit)
    until = shift(interval, before, limit)
    if not candles:
        _doubt(plan, fetched, (start, min(end, until)))
        return
    until = min(end, max(until, shift(interval, candles[-1].open_time, 1)))
    found = [candle for candle in candles if max(before, plan.since) <= candle.open_time < end]
    fetched.candles += found
    for gap in clip(fetched.missing, (start, until)):
        fetched.absent += holes(interval, _open_times(found), gap)
    fetched.missing = subtract(fetched.missing, [(start, until)])


def _doubt(plan: SeriesPlan, fetched: Fetched, empty: Range) -> None:
    """Believe that there is nothing where the venue says so for the second time: one empty answer may be a fault."""
    for gap in clip(fetched.missing, empty):
        fetched.absent += clip(plan.doubted, gap)
        fetched.doubted += subtract([gap], [*plan.doubted, *plan.resting])
    fetched.missing = subtract(fetched.missing, clip(plan.doubted, empty))


def _longest(plan: SeriesPlan, start: datetime, page: int) -> int:
    """Return how many candles from `start` on a venue gives at once."""
    if plan.kind is not MarketKind.COIN_M:
        return page
    most = steps_between(plan.interval, start, start + INVERSE_SPAN)
    return min(page, most if shift(plan.interval, start, most) <= start + INVERSE_SPAN else most - 1)


def _open_times(candles: Sequence[CandleReport]) -> list[datetime]:
    return [candle.open_time for candle in candles]
