"""Bringing positions up to a complete report, with their history."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from copytrade.lib.sql import columns, run
from traders.models.facts import SnapshotChange
from traders.positions import HeldPosition, PositionPlan
from traders.services.leaders import LockedLeader

VALUES = """symbol, side, contract_type, leverage, size, size_asset, entry_price, mark_price, margin_usdt,
            margin_type, pnl_usdt, roe_pct"""
HELD = f"SELECT {VALUES}, id, opened_at FROM traders_position WHERE trader_id = %s"
WRITE = f"""
    WITH closed AS (
        DELETE FROM traders_position WHERE trader_id = %s AND id = ANY(%s::uuid[])
    ), written AS (
        INSERT INTO traders_position ({VALUES}, id, opened_at, raw, trader_id, fetched_at)
        SELECT rows.*, %s, %s FROM unnest(
            %s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[], %s::numeric[],
            %s::numeric[], %s::numeric[], %s::text[], %s::numeric[], %s::numeric[], %s::uuid[],
            %s::timestamptz[], %s::text[]::jsonb[]
        ) AS rows
        ON CONFLICT (trader_id, symbol, side) DO UPDATE SET
            contract_type = excluded.contract_type, leverage = excluded.leverage, size = excluded.size,
            size_asset = excluded.size_asset, entry_price = excluded.entry_price,
            mark_price = excluded.mark_price, margin_usdt = excluded.margin_usdt,
            margin_type = excluded.margin_type, pnl_usdt = excluded.pnl_usdt, roe_pct = excluded.roe_pct,
            fetched_at = excluded.fetched_at, raw = excluded.raw
    )
    INSERT INTO traders_positionsnapshot ({VALUES}, position_id, change, trader_id, fetched_at, created_at)
    SELECT rows.*, %s, %s, %s FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::text[], %s::numeric[],
        %s::numeric[], %s::numeric[], %s::text[], %s::numeric[], %s::numeric[], %s::uuid[], %s::text[]
    ) AS rows
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
            opened_at=row[13],
        )
        for row in run(HELD, [leader.id])
    ]


def positions_apply(
    *, leader: LockedLeader, plan: PositionPlan, fetched_at: datetime, now: datetime
) -> dict[tuple[str, str], UUID]:
    """Carry out a plan in one statement; return the ids of the positions by symbol and side.

    The figures of all reported positions are written; a snapshot only of those that opened, changed or closed.
    """
    ids = {position.identity: position.id or uuid4() for position in _all(plan)}
    written = [
        (*_values(position), ids[position.identity], position.opened_at or fetched_at, position.raw)
        for position in (*plan.opened, *plan.updated, *plan.moved)
    ]
    snapshots = [
        (*_values(position, closed=change is SnapshotChange.CLOSED), ids[position.identity], change.value)
        for change, positions in (
            (SnapshotChange.OPENED, plan.opened),
            (SnapshotChange.UPDATED, plan.updated),
            (SnapshotChange.CLOSED, plan.closed),
        )
        for position in positions
    ]
    closed = [ids[position.identity] for position in plan.closed]
    run(
        WRITE,
        [
            *(leader.id, closed),
            *(leader.id, fetched_at, *columns(written, 15)),
            *(leader.id, fetched_at, now, *columns(snapshots, 14)),
        ],
    )
    return ids


def _all(plan: PositionPlan) -> Iterable[HeldPosition]:
    return (*plan.opened, *plan.updated, *plan.moved, *plan.closed)


def _values(position: HeldPosition, *, closed: bool = False) -> tuple[object, ...]:
    """Return the columns of `VALUES`; a closed position has size 0 and keeps its last figures."""
    return (
        position.symbol,
        position.side,
        position.contract_type,
        position.leverage,
        0 if closed else position.size,
        position.size_asset,
        position.entry_price,
        position.mark_price,
        position.margin_usdt,
        position.margin_type,
        position.pnl_usdt,
        position.roe_pct,
    )
