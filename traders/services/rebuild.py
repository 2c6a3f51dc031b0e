"""Making everything derived anew from the facts."""

from datetime import datetime

from django.db import transaction

from copytrade.lib.sql import run
from traders.services.scores import scores_refresh_all

# The order in which pushes lock these tables.
LOCK = "LOCK TABLE traders_dailystat, traders_score, traders_symbolaggregate IN SHARE ROW EXCLUSIVE MODE"
DAYS = """
    INSERT INTO traders_dailystat
        (trader_id, date, realized_pnl, gross_profit, gross_loss, closed_trades, wins, losses, events)
    SELECT trader_id, (event_time AT TIME ZONE 'UTC')::date,
        coalesce(sum(result), 0), coalesce(sum(result) FILTER (WHERE result > 0), 0),
        coalesce(sum(result) FILTER (WHERE result < 0), 0),
        count(result), count(*) FILTER (WHERE result > 0), count(*) FILTER (WHERE result < 0), count(*)
    FROM (
        SELECT trader_id, event_time,
            CASE WHEN kind LIKE 'CLOSE%%' OR realized_pnl <> 0 THEN realized_pnl END AS result
        FROM traders_tradeevent
    ) AS fills
    GROUP BY 1, 2
"""
TOTALS = """
    INSERT INTO traders_symbolaggregate (platform, symbol, open_long_count, open_short_count, latest_event_at)
    SELECT platform, symbol, coalesce(longs, 0), coalesce(shorts, 0), latest
    FROM (
        SELECT leader.platform, newest.symbol,
            count(*) FILTER (WHERE side = 'LONG' AND change <> 'closed') AS longs,
            count(*) FILTER (WHERE side = 'SHORT' AND change <> 'closed') AS shorts
        FROM (
            SELECT DISTINCT ON (trader_id, symbol, side) trader_id, symbol, side, change
            FROM traders_positionsnapshot ORDER BY trader_id, symbol, side, id DESC
        ) AS newest JOIN traders_leadtrader AS leader ON leader.id = newest.trader_id
        GROUP BY 1, 2
    ) AS counts
    FULL JOIN (
        SELECT leader.platform, event.symbol, max(event.event_time) AS latest
        FROM traders_tradeevent AS event JOIN traders_leadtrader AS leader ON leader.id = event.trader_id
        GROUP BY 1, 2
    ) AS newest USING (platform, symbol)
"""


@transaction.atomic
def rebuild(*, now: datetime) -> dict[str, int]:
    """Recompute days, scores and totals from fills and snapshots; pushes wait meanwhile. Return row counts."""
    run("SET LOCAL statement_timeout = 0")
    run(LOCK)
    run("DELETE FROM traders_dailystat")
    run(DAYS)
    run("DELETE FROM traders_symbolaggregate")
    run(TOTALS)
    leaders = scores_refresh_all(now=now, alone=True)
    days, symbols = run(
        "SELECT (SELECT count(*) FROM traders_dailystat), (SELECT count(*) FROM traders_symbolaggregate)"
    )[0]
    return {"leaders": leaders, "days": days, "symbols": symbols}
