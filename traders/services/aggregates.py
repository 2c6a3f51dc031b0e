"""Totals by symbol: kept by differences, and made anew from the facts by `rebuild`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from copytrade.lib.sql import json_rows, run
from traders.positions import PositionPlan

CHANGE = """
    WITH changes AS (
        SELECT * FROM json_to_recordset(%(rows)s::json)
            AS rows (symbol text, longs int, shorts int, latest timestamptz)
    )
    INSERT INTO traders_symbolaggregate AS total
        (platform, symbol, open_long_count, open_short_count, latest_event_at)
    SELECT %(platform)s, symbol, longs, shorts, latest FROM changes
    ORDER BY symbol  -- one order for all: concurrent bodies that lock in different orders wait for ever
    ON CONFLICT (platform, symbol) DO UPDATE SET
        open_long_count = total.open_long_count + excluded.open_long_count,
        open_short_count = total.open_short_count + excluded.open_short_count,
        latest_event_at = greatest(total.latest_event_at, excluded.latest_event_at)
    RETURNING symbol, open_long_count, open_short_count, latest_event_at
"""


@dataclass(frozen=True, slots=True)
class SymbolTotal:
    """The totals of a symbol after a change."""

    symbol: str
    open_long_count: int
    open_short_count: int
    latest_event_at: datetime | None


def symbol_changes(plan: PositionPlan) -> dict[str, tuple[int, int]]:
    """Return by how much the counts of long and short leaders change, by symbol."""
    counts: Counter[tuple[str, str]] = Counter(position.identity for position in plan.having("opened"))
    counts.subtract(position.identity for position in plan.having("closed"))
    return {symbol: (counts[symbol, "LONG"], counts[symbol, "SHORT"]) for symbol, _ in counts}


def aggregates_apply(
    *, platform: str, changes: Mapping[str, tuple[int, int]], latest: Mapping[str, datetime]
) -> list[SymbolTotal]:
    """Add differences to the totals of symbols in one statement; return the totals that they gave.

    `latest` holds the time of the newest new fill by symbol. Rows stay locked until the transaction ends, so this
    belongs near its end.
    """
    symbols = sorted({*changes, *latest})
    if not symbols:
        return []
    rows = []
    for symbol in symbols:
        longs, shorts = changes.get(symbol, (0, 0))
        rows.append({"symbol": symbol, "longs": longs, "shorts": shorts, "latest": latest.get(symbol)})
    parameters = {"platform": platform, "rows": json_rows(rows)}
    return [SymbolTotal(*row) for row in run(CHANGE, parameters)]


def latest_by_symbol(fills: Iterable[tuple[str, datetime]]) -> dict[str, datetime]:
    """Return the newest time by symbol."""
    latest: dict[str, datetime] = {}
    for symbol, moment in fills:
        latest[symbol] = max(moment, latest.get(symbol, moment))
    return latest
