"""Bringing positions up to a complete report, with their history."""

from datetime import datetime

from copytrade.lib.sql import json_rows, run
from traders.positions import HeldPosition, PositionPlan
from traders.services.leaders import LockedLeader

VALUES = """symbol, side, contract_type, leverage, size, size_asset, entry_price, mark_price, margin_usdt,
            margin_type, pnl_usdt, roe_pct"""
HELD = f"SELECT {VALUES}, id FROM traders_position WHERE trader_id = %s"
WRITE = f"""
    WITH planned AS (
        SELECT * FROM json_to_recordset(%(rows)s::json) AS rows (
            symbol text, side text, contract_type text, leverage numeric, size numeric, size_asset text,
            entry_price numeric, mark_price numeric, margin_usdt numeric, margin_type text, pnl_usdt numeric,
            roe_pct numeric, id uuid, raw jsonb, change text
        )
    ), closed AS (
        DELETE FROM traders_position WHERE id IN (SELECT id FROM planned WHERE change = 'closed')
    ), written AS (
        INSERT INTO traders_position (trader_id, fetched_at, opened_at, {VALUES}, id, raw)
        SELECT %(trader)s, %(fetched_at)s, %(fetched_at)s, {VALUES}, id, raw FROM planned WHERE change <> 'closed'
        ON CONFLICT (trader_id, symbol, side) DO UPDATE SET
            contract_type = excluded.contract_type, leverage = excluded.leverage, size = excluded.size,
            size_asset = excluded.size_asset, entry_price = excluded.entry_price,
            mark_price = excluded.mark_price, margin_usdt = excluded.margin_usdt,
            margin_type = excluded.margin_type, pnl_usdt = excluded.pnl_usdt, roe_pct = excluded.roe_pct,
            fetched_at = excluded.fetched_at, raw = excluded.raw
    )
    INSERT INTO traders_positionsnapshot (trader_id, fetched_at, created_at, {VALUES}, position_id, change)
    SELECT %(trader)s, %(fetched_at)s, %(now)s, symbol, side, contract_type, leverage,
        CASE change WHEN 'closed' THEN 0 ELSE size END, size_asset, entry_price, mark_price, margin_usdt,
        margin_type, pnl_usdt, roe_pct, id, change
    FROM planned WHERE change <> 'moved'
"""


def positions_held(*, leader: LockedLeader) -> list[HeldPosition]:
    """Return the open positions of a leader."""
    return [
        HeldPosition(
            symbol=row[0],
            side=row[1],
            contract_type=row[2],
            leverage=row[3],
            size=row[4],
            size_asset=row[5],
            entry_price=row[6],
            mark_price=row[7],
            margin_usdt=row[8],
            margin_type=row[9],
            pnl_usdt=row[10],
            roe_pct=row[11],
            id=row[12],
        )
        for row in run(HELD, [leader.id])
    ]


def positions_apply(*, leader: LockedLeader, plan: PositionPlan, fetched_at: datetime, now: datetime) -> None:
    """Carry out a plan in one statement.

    The figures of all its positions are written; a snapshot only of those that opened, changed or closed.
    """
    run(WRITE, {"trader": leader.id, "fetched_at": fetched_at, "now": now, "rows": json_rows(plan.positions)})
