"""Results by day and scores: kept for a leader at each push, and for all by schedule, so that idle ones age."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext

from django.db import transaction

from copytrade.lib.sql import json_rows, run
from traders.models import LeadTrader, Score, ScoreWindow
from traders.scoring import Day, Result, score_window

LONGEST_WINDOW = max(ScoreWindow.values)
LEADERS_AT_ONCE = 500
DAY = "date, realized_pnl, gross_profit, gross_loss, closed_trades, wins, losses, events"
ADD_AND_READ = f"""
    WITH added AS (
        INSERT INTO traders_dailystat AS day (trader_id, {DAY})
        SELECT %(trader)s, {DAY} FROM json_to_recordset(%(days)s::json) AS rows (
            date date, realized_pnl numeric, gross_profit numeric, gross_loss numeric, closed_trades int,
            wins int, losses int, events int
        )
        ON CONFLICT (trader_id, date) DO UPDATE SET
            realized_pnl = day.realized_pnl + excluded.realized_pnl,
            gross_profit = day.gross_profit + excluded.gross_profit,
            gross_loss = day.gross_loss + excluded.gross_loss,
            closed_trades = day.closed_trades + excluded.closed_trades,
            wins = day.wins + excluded.wins, losses = day.losses + excluded.losses,
            events = day.events + excluded.events
        RETURNING {DAY}
    )
    SELECT {DAY} FROM added
    UNION ALL
    SELECT {DAY} FROM traders_dailystat
    WHERE trader_id = %(trader)s AND date >= %(since)s AND NOT date = ANY(%(dates)s::date[])
"""
WRITE = """
    INSERT INTO traders_score AS old
        (computed_at, trader_id, "window", score, realized_pnl, win_rate, max_drawdown, closed_trades, as_of)
    SELECT %s, rows.* FROM json_to_recordset(%s::json) AS rows (
        trader_id bigint, "window" int, score numeric, realized_pnl numeric, win_rate numeric, max_drawdown numeric,
        closed_trades int, as_of date
    )
    ON CONFLICT (trader_id, "window") DO UPDATE SET
        score = excluded.score, realized_pnl = excluded.realized_pnl, win_rate = excluded.win_rate,
        max_drawdown = excluded.max_drawdown, closed_trades = excluded.closed_trades,
        as_of = excluded.as_of, computed_at = excluded.computed_at
"""
LOCK_LEADERS = "SELECT FROM traders_leadtrader WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"

Fill = tuple[str, Decimal | None, datetime]


def is_closing(kind: str, realized_pnl: Decimal | None) -> bool:
    """Return whether a fill has a result: a close, or a fill of unknown kind with one."""
    return realized_pnl is not None and (kind.startswith("CLOSE") or realized_pnl != 0)


def days_of(fills: Iterable[Fill]) -> list[Day]:
    """Sum fills (kind, realized PnL, time) by their UTC day."""
    by_date: dict[date, list[Fill]] = defaultdict(list)
    for fill in fills:
        by_date[fill[2].astimezone(UTC).date()].append(fill)
    with localcontext(prec=120):  # sums are exact, as the database's are
        return [_sum_day(day, rows) for day, rows in sorted(by_date.items())]


def scores_refresh(*, trader_id: int, new_fills: Iterable[Fill], as_of: date, now: datetime) -> dict[int, Result]:
    """Add new fills to a leader's days and score its windows again, in two statements."""
    days = days_of(new_fills)
    parameters = {
        "trader": trader_id,
        "days": json_rows(days),
        "dates": [day.date for day in days],
        "since": as_of - timedelta(days=LONGEST_WINDOW),
    }
    history = [Day(*row) for row in run(ADD_AND_READ, parameters)]
    results = {window: score_window(history, window=window, as_of=as_of) for window in ScoreWindow.values}
    _write([(trader_id, result) for result in results.values()], now)
    return results


def scores_refresh_all(*, now: datetime, alone: bool = False) -> int:
    """Score every leader as of today; return how many. `alone`: nobody else can write, as in a rebuild."""
    ids = list(LeadTrader.objects.order_by("pk").values_list("pk", flat=True))
    return scores_refresh_some(ids=ids, now=now, alone=alone)


def scores_refresh_some(*, ids: Sequence[int], now: datetime, alone: bool = False) -> int:
    """Score these leaders as of today, a few hundred a statement; return how many.

    Pushes of these leaders that are under way are waited for: else their results would be overwritten by older ones.
    """
    for start in range(0, len(ids), LEADERS_AT_ONCE):
        some = ids[start : start + LEADERS_AT_ONCE]
        with transaction.atomic():
            if not alone:
                run(LOCK_LEADERS, [some])
            _refresh_at_once(some, now)
    return len(ids)


def score_now(*, trader_id: int, window: int) -> tuple[Decimal, date] | None:
    """Return the stored score of a window and the day it was made for."""
    return Score.objects.filter(trader=trader_id, window=window).values_list("score", "as_of").first()


def _refresh_at_once(ids: Sequence[int], now: datetime) -> None:
    as_of = now.astimezone(UTC).date()
    rows = run(
        f"SELECT trader_id, {DAY} FROM traders_dailystat WHERE trader_id = ANY(%s) AND date >= %s",
        [ids, as_of - timedelta(days=LONGEST_WINDOW)],
    )
    days: dict[int, list[Day]] = defaultdict(list)
    for trader_id, *values in rows:
        days[trader_id].append(Day(*values))
    results = [
        (trader_id, score_window(days[trader_id], window=window, as_of=as_of))
        for trader_id in ids
        for window in ScoreWindow.values
    ]
    _write(results, now)


def _write(results: Sequence[tuple[int, Result]], now: datetime) -> None:
    rows = [{"trader_id": trader_id, **asdict(result)} for trader_id, result in results]
    run(WRITE, [now, json_rows(rows)])


def _sum_day(day: date, fills: list[Fill]) -> Day:
    results = [pnl for kind, pnl, _ in fills if pnl is not None and is_closing(kind, pnl)]
    return Day(
        date=day,
        realized_pnl=sum(results, Decimal(0)),
        gross_profit=sum((pnl for pnl in results if pnl > 0), Decimal(0)),
        gross_loss=sum((pnl for pnl in results if pnl < 0), Decimal(0)),
        closed_trades=len(results),
        wins=sum(pnl > 0 for pnl in results),
        losses=sum(pnl < 0 for pnl in results),
        events=len(fills),
    )
