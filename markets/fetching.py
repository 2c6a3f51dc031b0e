"""Fetching what a series of candles lacks: the newest ones first, then what is missing before, oldest first.

It runs on the venue loop and knows no database: a plan goes in, candles come out.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from markets.intervals import Range, clip, earliest, holes, shift, steps_between, subtract
from markets.venues.base import CandleReport, MarketData
from markets.venues.errors import VenueError
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What is stored of a series since the start of its retention, and what is missing in between.

    `newest` is the open time of the newest stored candle, None where there is none.
    """

    symbol: str
    kind: MarketKind
    interval: str
    since: datetime
    newest: datetime | None
    missing: Sequence[Range]


@dataclass(slots=True)
class Fetched:
    """What a venue gave: candles; ranges in which it has none; and ranges that are still missing."""

    candles: list[CandleReport] = field(default_factory=list)
    absent: list[Range] = field(default_factory=list)
    missing: list[Range] = field(default_factory=list)
    error: str = ""


async def fetch_series(source: MarketData, plan: SeriesPlan, *, now: datetime, page: int, pages: int) -> Fetched:
    """Fetch the newest candles, then up to `pages` pages of missing ones. An error keeps what came before it."""
    fetched = Fetched(missing=list(plan.missing))
    try:
        await _fetch_newest(source, plan, fetched, now, page)
        for _ in range(pages):
            if not fetched.missing:
                break
            await _fetch_missing(source, plan, fetched, page)
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
    follows = newest is not None and needed <= page
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


async def _fetch_missing(source: MarketData, plan: SeriesPlan, fetched: Fetched, page: int) -> None:
    """Ask for one page from the oldest missing candle on: it settles all that is missing within what it spans.

    That may be far more than a page where the venue has nothing. The candle before is read again: it may have been
    open.
    """
    interval, missing = plan.interval, fetched.missing
    start, end = min(missing)[0], max(end for _, end in missing)
    before, limit = shift(interval, start, -1), min(page, steps_between(interval, start, end) + 1)
    candles = await source.candles(plan.symbol, plan.kind, interval, start=before, limit=limit)
    until = end
    if candles and len(candles) >= limit:
        until = min(end, max(start, shift(interval, candles[-1].open_time, 1)))
    wanted = [candle for candle in candles if max(before, plan.since) <= candle.open_time < end]
    fetched.candles += wanted
    for gap in clip(missing, (start, until)):
        fetched.absent += holes(interval, _open_times(wanted), gap)
    fetched.missing = subtract(missing, [(start, until)])


def _open_times(candles: Sequence[CandleReport]) -> list[datetime]:
    return [candle.open_time for candle in candles]
