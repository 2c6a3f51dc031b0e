"""Appending fills."""

from collections.abc import Sequence
from datetime import datetime

from copytrade.lib.sql import columns, run
from traders.fills import NewFill
from traders.services.leaders import LockedLeader

APPEND = """
    INSERT INTO traders_tradeevent
        (trader_id, fetched_at, created_at, event_key, canonical_key, kind, symbol, price, amount, amount_asset,
         realized_pnl, event_time, event_time_text, time_is_exact, raw)
    SELECT %s, %s, %s, rows.* FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[],
        %s::numeric[], %s::timestamptz[], %s::text[], %s::boolean[], %s::text[]::jsonb[]
    ) AS rows
    ON CONFLICT DO NOTHING
    RETURNING event_key
"""
KNOWN = """
    SELECT event_key, canonical_key, event_time, time_is_exact FROM traders_tradeevent
    WHERE trader_id = %s AND event_key = ANY(%s)
    UNION
    SELECT event_key, canonical_key, event_time, time_is_exact FROM traders_tradeevent
    WHERE trader_id = %s AND canonical_key = ANY(%s)
"""
WIDTH = 12


def events_known(
    *, leader: LockedLeader, event_keys: list[str], canonical_keys: list[str]
) -> list[tuple[str, str, datetime, bool]]:
    """Return (event key, canonical key, time, time is exact) of the stored fills that share one of the keys."""
    return [(row[0], row[1], row[2], row[3]) for row in run(KNOWN, [leader.id, event_keys, leader.id, canonical_keys])]


def events_append(*, leader: LockedLeader, fills: Sequence[NewFill], fetched_at: datetime, now: datetime) -> set[str]:
    """Append fills in one statement; return the event keys of those that were really stored."""
    stored = run(APPEND, [leader.id, fetched_at, now, *columns([_row(fill) for fill in fills], WIDTH)])
    return {row[0] for row in stored}


def _row(fill: NewFill) -> tuple[object, ...]:
    return (
        fill.event_key,
        fill.canonical_key,
        fill.kind,
        fill.symbol,
        fill.price,
        fill.amount,
        fill.amount_asset,
        fill.realized_pnl,
        fill.event_time,
        fill.event_time_text,
        fill.time_is_exact,
        fill.raw,
    )
