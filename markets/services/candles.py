"""Keeping candles: for every series of the settings the newest ones, and what is missing within the retention.

Runs may overlap: each works on the series that it has claimed. No transaction is open while venues are asked.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from copytrade.lib import loop
from markets.fetching import Fetched, SeriesPlan, fetch_series
from markets.intervals import INTERVALS, LENGTHS, Range, clip, earliest, merge, shift, steps_between, subtract
from markets.models import CandleSeries, Market, MarketRefresh
from markets.services import candle_rows
from markets.services.candle_rows import ClaimedSeries, Doubt, SeriesReport
from markets.services.refresh import AFTER_FAILURE, markets_refresh
from markets.venues import registry
from markets.venues.base import MarketData
from markets.venues.budget import patient
from markets.venues.errors import VenueError
from markets.venues.vocabulary import MarketKind
from markets.wanted import kept_since, series_wanted

logger = logging.getLogger(__name__)

PAGE = 1000  # candles of one request: the most that every venue gives
BACKFILL_PAGES = 3  # of each series in one run: a month of minutes is there after a quarter of an hour
AT_ONCE = 8  # requests under way; how fast they follow one another is the adapter's budget
STORED_AT_ONCE = 5000
PATIENCE = timedelta(seconds=90)  # a venue's budget is counted by the minute
RUN_SECONDS = 150
DOUBT = timedelta(minutes=10)  # an empty answer is believed when it is still empty after so long
CLAIM = timedelta(seconds=RUN_SECONDS + 60)

Pending = dict["Future[Fetched]", ClaimedSeries]


@dataclass(slots=True)
class SyncResult:
    """What a run did: series that it claimed, those that failed, and candles that it wrote."""

    series: int = 0
    failed: int = 0
    candles: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run keeps to."""

    now: datetime
    page: int
    pages: int

    @property
    def until(self) -> datetime:
        """Until when its claims hold; it also tells its claims from those of others."""
        return self.now + CLAIM


def candles_sync(
    *, now: datetime, only: Sequence[int] | None = None, page: int = PAGE, backfill_pages: int = BACKFILL_PAGES
) -> SyncResult:
    """Bring all series (or those in `only`, by id) up to date; one that fails does not stop the others.

    Each goes on from its newest stored candle, then fills what is missing before, oldest first, by at most
    `backfill_pages` requests of `page` candles. How it went is in its `CandleSeries`.
    """
    this = Run(now, page, backfill_pages)
    claimed = _claim(this, only)
    try:
        return _work(this, claimed)
    except BaseException:
        candle_rows.series_release(ids=[series.id for series in claimed], until=this.until)
        raise


def candles_prune(*, now: datetime) -> None:
    """Delete the candles that are older than their interval is kept; of all markets that ever had a series."""
    markets = CandleSeries.objects.exclude(market=None).values_list("market_id", flat=True).distinct()
    since = {interval: kept_since(interval, now) for interval in INTERVALS}
    candle_rows.candles_delete(since=since, markets=[market for market in markets if market is not None])


def _claim(this: Run, only: Sequence[int] | None) -> list[ClaimedSeries]:
    """Claim series. Where a venue's markets were never asked for, they are first."""
    wanted = series_wanted()
    candle_rows.series_configure(wanted)
    if _learn_markets(this.now):
        candle_rows.series_configure(wanted)
    claimed = candle_rows.series_claim(now=this.now, until=this.until, only=only)
    if claimed:
        candle_rows.series_read_stored(claimed)
        _find_gaps(claimed)
    return claimed


def _learn_markets(now: datetime) -> bool:
    """Refresh the venues of which no market is known, unless that failed just before; return whether there were any."""
    unresolved = set(CandleSeries.objects.filter(active=True, market=None).values_list("venue", flat=True))
    if unresolved:
        unresolved -= set(Market.objects.filter(venue__in=unresolved).values_list("venue", flat=True).distinct())
        just_tried = MarketRefresh.objects.filter(venue__in=unresolved, last_run_at__gt=now - AFTER_FAILURE)
        unresolved -= set(just_tried.values_list("venue", flat=True))
    for venue in sorted(unresolved):
        try:
            markets_refresh(venue=venue)
        except VenueError as error:
            logger.warning("The markets of %s are not known yet: %s", venue, error)
    return bool(unresolved)


def _find_gaps(claimed: Sequence[ClaimedSeries]) -> None:
    """Fill in what is missing between stored candles, looking only where their number is not what it should be."""
    incomplete = {series.id: series for series in claimed if not _is_complete(series)}
    if not incomplete:
        return
    looked_for = [(series, _longest_step(series.interval)) for series in incomplete.values()]
    for identifier, open_time, following in candle_rows.neighbours_read(looked_for):
        series = incomplete[identifier]
        series.gaps.append((shift(series.interval, open_time, 1), following))
    for series in incomplete.values():
        if series.oldest is not None:
            series.gaps.append((earliest(series.interval, series.oldest, series.since), series.oldest))
        series.gaps = subtract(series.gaps, series.absent)


def _is_complete(series: ClaimedSeries) -> bool:
    if series.oldest is None or series.newest is None:
        return True  # there is nothing yet in which something could be missing
    begin = earliest(series.interval, series.oldest, series.since)
    end = shift(series.interval, series.newest, 1)
    known = clip(series.absent, (begin, end))
    expected = steps_between(series.interval, begin, end) - _steps(series.interval, known)
    return series.rows == expected


def _work(this: Run, claimed: Sequence[ClaimedSeries]) -> SyncResult:
    """Fetch all series at once and store what comes, some thousand candles at a time."""
    result = SyncResult(series=len(claimed))
    pending = _fetch(this, [series for series in claimed if series.market is not None])
    batch = [(series, Fetched(error=_unknown(series))) for series in claimed if series.market is None]
    for done in _as_they_come(pending):
        batch.append(done)
        if sum(len(fetched.candles) for _, fetched in batch) >= STORED_AT_ONCE:
            _store(this, batch, result)
            batch = []
    _store(this, batch, result)
    return result


def _fetch(this: Run, claimed: Sequence[ClaimedSeries]) -> Pending:
    at_once = asyncio.Semaphore(AT_ONCE)

    async def fetch(source: MarketData, series: ClaimedSeries) -> Fetched:
        async with at_once:
            return await fetch_series(source, _plan(this, series), now=this.now, page=this.page, pages=this.pages)

    with patient(PATIENCE):
        return {loop.submit(fetch(registry.adapter(series.venue), series)): series for series in claimed}


def _as_they_come(pending: Pending) -> Iterator[tuple[ClaimedSeries, Fetched]]:
    """Yield each series when it is done; those that take too long are given up."""
    try:
        for future in as_completed(list(pending), timeout=RUN_SECONDS):
            yield pending.pop(future), _result(future)
    except TimeoutError:
        yield from ((series, Fetched(error="The venue took too long.")) for series in pending.values())
    finally:
        for future in pending:
            future.cancel()


def _result(future: "Future[Fetched]") -> Fetched:
    error = future.exception()
    return future.result() if error is None else Fetched(error=f"Unexpected: {error!r}")


def _store(this: Run, batch: Sequence[tuple[ClaimedSeries, Fetched]], result: SyncResult) -> None:
    rows = [
        (series.market, series.interval, candle)
        for series, fetched in batch
        for candle in fetched.candles
        if series.market is not None
    ]
    with transaction.atomic():
        written = candle_rows.candles_upsert(rows, now=this.now) if rows else {}
        reports = [_report(this, series, fetched, written) for series, fetched in batch]
        if reports:
            candle_rows.series_report(reports, now=this.now, until=this.until)
    result.candles += sum(count for _, count in written.values())
    result.failed += sum(1 for report in reports if report.error)


def _report(
    this: Run, series: ClaimedSeries, fetched: Fetched, written: dict[tuple[int, str], tuple[int, int]]
) -> SeriesReport:
    absent = [entry for entry in merge([*series.absent, *fetched.absent]) if entry[1] > series.since]
    created, _ = written.get((series.market or 0, series.interval), (0, 0))
    moments = [candle.open_time for candle in fetched.candles]
    return SeriesReport(
        id=series.id,
        error=fetched.error[:500],
        absent=candle_rows.write_ranges(absent),
        doubted=candle_rows.write_doubts(_doubts(this, series, fetched)),
        missing=_steps(series.interval, fetched.missing),
        rows=series.rows + created,
        newest=max([*moments, *([series.newest] if series.newest else [])], default=None),
    )


def _doubts(this: Run, series: ClaimedSeries, fetched: Fetched) -> list[Doubt]:
    """Return the doubts of before as far as their ranges are still missing, and those of this run."""
    known = [(part, moment) for doubt, moment in series.doubted for part in clip(fetched.missing, doubt)]
    return known + [(doubt, this.now) for doubt in merge(fetched.doubted)]


def _plan(this: Run, series: ClaimedSeries) -> SeriesPlan:
    """Leave what was empty a moment ago alone: it is asked for again when some time has passed."""
    return SeriesPlan(
        symbol=series.symbol,
        kind=MarketKind(series.kind),
        interval=series.interval,
        since=series.since,
        newest=series.newest,
        missing=series.gaps,
        resting=[doubt for doubt, moment in series.doubted if this.now - moment < DOUBT],
        doubted=[doubt for doubt, moment in series.doubted if this.now - moment >= DOUBT],
    )


def _unknown(series: ClaimedSeries) -> str:
    return f"{series.venue} has no market {series.symbol}, or its markets could not be read yet."


def _steps(interval: str, ranges: Sequence[Range]) -> int:
    return sum(steps_between(interval, start, end) for start, end in ranges)


def _longest_step(interval: str) -> str:
    """Return, in PostgreSQL's words, how far apart two neighbours may be."""
    return f"{LENGTHS[interval].total_seconds():.0f} seconds" if interval in LENGTHS else "1 month"
