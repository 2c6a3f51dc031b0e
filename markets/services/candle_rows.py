"""The statements of the candle sync. Each is one, however many series and candles there are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from copytrade.lib.sql import json_rows, run
from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.intervals import Range
from markets.venues.base import CandleReport
from markets.wanted import SeriesName, kept_since

SERIES = "json_to_recordset(%(series)s::json) AS wanted (venue text, kind text, symbol text, interval text)"
CONFIGURE = f"""
    INSERT INTO markets_candleseries AS series
        (venue, kind, symbol, "interval", market_id, active, rows, missing, error, absent, doubted)
    SELECT wanted.venue, wanted.kind, wanted.symbol, wanted."interval", market.id, true, 0, 0, '', '[]', '[]'
    FROM {SERIES} LEFT JOIN markets_market AS market USING (venue, kind, symbol)
    ORDER BY 1, 2, 3, 4  -- one order for all: concurrent runs that lock in different orders wait for ever
    ON CONFLICT (venue, kind, symbol, "interval") DO UPDATE SET market_id = excluded.market_id, active = true
    WHERE NOT series.active OR series.market_id IS DISTINCT FROM excluded.market_id
"""
RETIRE = f"""
    UPDATE markets_candleseries AS series SET active = false
    WHERE active AND NOT EXISTS (
        SELECT FROM {SERIES} WHERE wanted.venue = series.venue AND wanted.kind = series.kind
            AND wanted.symbol = series.symbol AND wanted."interval" = series."interval"
    )
"""
CLAIM = """
    UPDATE markets_candleseries AS series SET claimed_until = %(until)s, last_run_at = %(now)s
    WHERE id IN (
        SELECT id FROM markets_candleseries
        WHERE active AND (claimed_until IS NULL OR claimed_until <= %(now)s)
            AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s))
        ORDER BY id FOR UPDATE SKIP LOCKED
    )
    RETURNING id, venue, kind, symbol, "interval", market_id, absent, doubted
"""
RELEASE = "UPDATE markets_candleseries SET claimed_until = NULL WHERE claimed_until = %(until)s AND id = ANY(%(ids)s)"
STORED = """
    SELECT series.id, stored.rows, stored.oldest, stored.newest
    FROM json_to_recordset(%(series)s::json) AS series (id bigint, market bigint, interval text, since timestamptz)
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows, min(open_time) AS oldest, max(open_time) AS newest FROM markets_candle AS candle
        WHERE candle.market_id = series.market AND candle."interval" = series."interval" AND open_time >= series.since
    ) AS stored
"""
NEIGHBOURS = """
    SELECT series.id, pair.open_time, pair.following
    FROM json_to_recordset(%(series)s::json) AS series
        (id bigint, market bigint, interval text, since timestamptz, longest text)
    CROSS JOIN LATERAL (
        SELECT open_time, lead(open_time) OVER (ORDER BY open_time) AS following FROM markets_candle AS candle
        WHERE candle.market_id = series.market AND candle."interval" = series."interval" AND open_time >= series.since
    ) AS pair
    WHERE pair.following > pair.open_time + series.longest::interval
    ORDER BY series.id, pair.open_time
"""
VALUES = (
    "close_time", "open_price", "high_price", "low_price", "close_price", "volume", "quote_volume", "trades",
    "taker_buy_base_volume", "taker_buy_quote_volume",
)  # fmt: skip
UPSERT = f"""
    WITH written AS (
        INSERT INTO markets_candle AS candle (market_id, "interval", open_time, {", ".join(VALUES)}, updated_at)
        SELECT market, "interval", open_time, {", ".join(VALUES)}, %(now)s
        FROM json_to_recordset(%(rows)s::json) AS rows (
            market bigint, interval text, open_time timestamptz, close_time timestamptz, open_price numeric,
            high_price numeric, low_price numeric, close_price numeric, volume numeric, quote_volume numeric,
            trades int, taker_buy_base_volume numeric, taker_buy_quote_volume numeric
        )
        ORDER BY market, "interval", open_time
        ON CONFLICT (market_id, "interval", open_time) DO UPDATE SET
            {", ".join(f"{name} = excluded.{name}" for name in VALUES)}, updated_at = excluded.updated_at
        WHERE ({", ".join(f"candle.{name}" for name in VALUES)})
            IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in VALUES)})
        RETURNING market_id, "interval", xmax = 0 AS created
    )
    SELECT market_id, "interval", count(*) FILTER (WHERE created), count(*) FROM written GROUP BY 1, 2
"""
REPORT = """
    UPDATE markets_candleseries AS series SET
        claimed_until = NULL, error = report.error, absent = report.absent, doubted = report.doubted,
        missing = report.missing, rows = report.rows, newest_open_time = report.newest,
        last_success_at = CASE WHEN report.error = '' THEN %(now)s ELSE series.last_success_at END
    FROM json_to_recordset(%(rows)s::json) AS report (
        id bigint, error text, absent jsonb, doubted jsonb, missing int, rows int, newest timestamptz
    )
    WHERE series.id = report.id AND series.claimed_until = %(until)s
"""
PRUNE = """
    DELETE FROM markets_candle AS candle
    USING json_to_recordset(%(series)s::json) AS series (interval text, since timestamptz)
    WHERE candle."interval" = series."interval" AND candle.open_time < series.since
        AND candle.market_id = ANY(%(markets)s)
"""
_ranges = msgspec.json.Decoder(list[tuple[int, int]])
_doubts = msgspec.json.Decoder(list[tuple[int, int, int]])

Doubt = tuple[Range, datetime]  # a range that was answered with nothing, and when


@dataclass(slots=True)
class ClaimedSeries:
    """A series that this run works on, and what is stored of it since the start of its retention."""

    id: int
    venue: str
    kind: str
    symbol: str
    interval: str
    market: int | None
    absent: list[Range]
    doubted: list[Doubt]
    since: datetime
    rows: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    gaps: list[Range] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What becomes of a series after a run."""

    id: int
    error: str
    absent: list[tuple[int, int]]
    doubted: list[tuple[int, int, int]]
    missing: int
    rows: int
    newest: datetime | None


def series_configure(names: Sequence[SeriesName]) -> None:
    """Make the series of the settings, with their markets as far as they are known; retire all others."""
    parameters = {"series": json_rows(names)}
    run(CONFIGURE, parameters)
    run(RETIRE, parameters)


def series_claim(*, now: datetime, until: datetime, only: Sequence[int] | None) -> list[ClaimedSeries]:
    """Claim the series (of those in `only`) that no other run works on."""
    parameters = {"now": now, "until": until, "only": None if only is None else list(only)}
    return [
        ClaimedSeries(
            id=identifier,
            venue=venue,
            kind=kind,
            symbol=symbol,
            interval=interval,
            market=market,
            absent=read_ranges(absent),
            doubted=read_doubts(doubted),
            since=kept_since(interval, now),
        )
        for identifier, venue, kind, symbol, interval, market, absent, doubted in run(CLAIM, parameters)
    ]


def series_release(*, ids: Sequence[int], until: datetime) -> None:
    """Give up claims, so that the next run takes them."""
    run(RELEASE, {"ids": list(ids), "until": until})


def series_read_stored(claimed: Sequence[ClaimedSeries]) -> None:
    """Fill in how many candles are stored, the oldest and the newest."""
    by_id = {series.id: series for series in claimed}
    for identifier, *facts in run(STORED, {"series": json_rows([_where(series) for series in claimed])}):
        by_id[identifier].rows, by_id[identifier].oldest, by_id[identifier].newest = facts


def neighbours_read(claimed: Sequence[tuple[ClaimedSeries, str]]) -> list[tuple[int, datetime, datetime]]:
    """Return (series, open time, next open time) wherever two stored neighbours are further apart than given."""
    rows = [{**_where(series), "longest": longest} for series, longest in claimed]
    return [(row[0], row[1], row[2]) for row in run(NEIGHBOURS, {"series": json_rows(rows)})]


def candles_upsert(
    rows: Sequence[tuple[int, str, CandleReport]], *, now: datetime
) -> dict[tuple[int, str], tuple[int, int]]:
    """Store candles as (market, interval, candle) in one statement; rows that do not differ are not written.

    Return by market and interval how many are new, and how many were written.
    """
    by_key = {(market, interval, candle.open_time): candle for market, interval, candle in rows}
    encoded = [_candle_row(market, interval, candle) for (market, interval, _), candle in by_key.items()]
    written = run(UPSERT, {"rows": json_rows(encoded), "now": now})
    return {(market, interval): (created, count) for market, interval, created, count in written}


def series_report(reports: Sequence[SeriesReport], *, now: datetime, until: datetime) -> None:
    """Store how the series fared and end their claims, unless another run has taken them over."""
    run(REPORT, {"rows": json_rows([asdict(report) for report in reports]), "now": now, "until": until})


def candles_delete(*, since: Mapping[str, datetime], markets: Sequence[int]) -> None:
    """Delete the candles of these markets that are older than their interval is kept."""
    rows = [{"interval": interval, "since": moment} for interval, moment in since.items()]
    run(PRUNE, {"series": json_rows(rows), "markets": list(markets)})


def read_ranges(stored: str) -> list[Range]:
    """Return ranges as they are stored: a JSON list of pairs of milliseconds."""
    return [(from_milliseconds(start), from_milliseconds(end)) for start, end in _ranges.decode(stored)]


def write_ranges(ranges: Sequence[Range]) -> list[tuple[int, int]]:
    """Return ranges as they are to be stored."""
    return [(to_milliseconds(start), to_milliseconds(end)) for start, end in ranges]


def read_doubts(stored: str) -> list[Doubt]:
    """Return doubted ranges as they are stored: a JSON list of start, end and when, in milliseconds."""
    decoded = ([from_milliseconds(moment) for moment in row] for row in _doubts.decode(stored))
    return [((start, end), moment) for start, end, moment in decoded]


def write_doubts(doubts: Sequence[Doubt]) -> list[tuple[int, int, int]]:
    """Return doubted ranges as they are to be stored."""
    return [(to_milliseconds(start), to_milliseconds(end), to_milliseconds(moment)) for (start, end), moment in doubts]


def _where(series: ClaimedSeries) -> dict[str, Any]:
    return {"id": series.id, "market": series.market, "interval": series.interval, "since": series.since}


def _candle_row(market: int, interval: str, candle: CandleReport) -> dict[str, Any]:
    row = {name: getattr(candle, name.removesuffix("_price")) for name in VALUES}
    return {"market": market, "interval": interval, "open_time": candle.open_time, **row}
