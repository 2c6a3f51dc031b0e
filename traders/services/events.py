"""Appending fills."""

from collections.abc import Sequence
from datetime import datetime

from copytrade.lib.sql import json_rows, run
from traders.fills import NewFill
from traders.services.leaders import LockedLeader

APPEND = """
    INSERT INTO traders_tradeevent
        (trader_id, fetched_at, created_at, event_key, canonical_key, kind, symbol, price, amount, amount_asset,
         realized_pnl, event_time, event_time_text, time_is_exact, raw, awaits_copy)
    SELECT %s, %s, %s, rows.*, %s
    FROM json_to_recordset(%s::json) AS rows (
        event_key text, canonical_key text, kind text, symbol text, price numeric, amount numeric, amount_asset text,
        realized_pnl numeric, event_time timestamptz, event_time_text text, time_is_exact boolean, raw jsonb
    )
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


def events_known(
    *, leader: LockedLeader, event_keys: list[str], canonical_keys: list[str]
) -> list[tuple[str, str, datetime, bool]]:
    """Return (event key, canonical key, time, time is exact) of the stored fills that share one of the keys."""
    return [(row[0], row[1], row[2], row[3]) for row in run(KNOWN, [leader.id, event_keys, leader.id, canonical_keys])]


def events_append(*, leader: LockedLeader, fills: Sequence[NewFill], fetched_at: datetime, now: datetime) -> set[str]:
    """Append fills in one statement; return the event keys of those that were really stored."""
    return {row[0] for row in run(APPEND, [leader.id, fetched_at, now, leader.is_copied, json_rows(fills)])}
