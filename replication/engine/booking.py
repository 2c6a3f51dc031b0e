"""Trades of copies' orders into what each copy holds and what it realised on each day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from copytrade.lib.sql import json_rows, run, update_rows
from markets.models import Market
from orders.accounting import ZERO, FillFact, Position, book
from orders.services.booking import terms_of

# Each trade is taken up once: by whoever turns its mark off. A side is that of the position, which hedging accounts
# tell and the decision knows.
TAKE = """
    WITH taken AS (
        UPDATE orders_fill f SET awaits_copy = false FROM orders_order o
        WHERE f.awaits_copy AND f.order_id = o.id AND o.cause_id IS NOT NULL
            AND (%(orders)s::bigint[] IS NULL OR o.id = ANY(%(orders)s))
            AND f.id IN (
                SELECT id FROM orders_fill WHERE awaits_copy
                    AND (%(orders)s::bigint[] IS NULL OR order_id = ANY(%(orders)s))
                ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING o.cause_id, f.market_id, f.time, f.venue_trade_id, f.side, f.price, f.quantity, f.fee, f.fee_asset,
            f.order_id
    )
    SELECT i.copy_id, t.market_id, i.side, t.time, t.venue_trade_id, t.side = 'BUY', trim_scale(t.price),
        trim_scale(t.quantity), trim_scale(t.fee), t.fee_asset, t.cause_id
    FROM taken t JOIN replication_copyintent i ON i.id = t.cause_id
"""
LOCK_POSITIONS = """
    SELECT p.id, p.copy_id, p.market_id, p.side, trim_scale(p.quantity), trim_scale(p.cost), trim_scale(p.realized_pnl),
        trim_scale(p.fees), p.other_fees::text, p.opened_at
    FROM replication_copyposition p
    JOIN json_to_recordset(%s) AS key(copy_id bigint, market_id bigint, side text)
        ON (p.copy_id, p.market_id, p.side) = (key.copy_id, key.market_id, key.side)
    ORDER BY p.copy_id, p.market_id, p.side FOR NO KEY UPDATE OF p
"""
ADD_DAYS = """
    INSERT INTO replication_copyday AS d (copy_id, date, realized_pnl, fees)
    SELECT copy_id, date, realized_pnl, fees FROM json_to_recordset(%s)
        AS new(copy_id bigint, date date, realized_pnl numeric, fees numeric)
    ORDER BY copy_id, date
    ON CONFLICT (copy_id, date) DO UPDATE
        SET realized_pnl = d.realized_pnl + excluded.realized_pnl, fees = d.fees + excluded.fees
"""
POSITION_COLUMNS = {
    "quantity": "numeric",
    "cost": "numeric",
    "realized_pnl": "numeric",
    "fees": "numeric",
    "other_fees": "jsonb",
    "opened_at": "timestamptz",
    "updated_at": "timestamptz",
}
LARGEST_BATCH = 2_000
Key = tuple[int, int, str]


@dataclass(slots=True)
class Day:
    """What one day brought."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO


def copy_fills_book(order_ids: Sequence[int] | None, *, now: datetime) -> set[int]:
    """Book trades of these orders, or a batch of whichever wait; return the decisions that they belong to.

    Needs a transaction. The statements do not grow with trades.
    """
    rows = run(TAKE, {"orders": None if order_ids is None else list(order_ids), "limit": LARGEST_BATCH})
    facts: dict[Key, list[FillFact]] = defaultdict(list)
    for copy_id, market_id, side, time, trade, buy, price, quantity, fee, fee_asset, _ in rows:
        facts[copy_id, market_id, side].append(FillFact(time, trade, buy, price, quantity, fee, fee_asset))
    if facts:
        _apply(facts, now)
    return {row[-1] for row in rows}


def _apply(facts: dict[Key, list[FillFact]], now: datetime) -> None:
    markets = Market.objects.in_bulk({market_id for _, market_id, _ in facts})
    terms = {pk: terms_of(market) for pk, market in markets.items()}
    changed, days = [], defaultdict[tuple[int, date], Day](Day)
    keys = [{"copy_id": copy, "market_id": market, "side": side} for copy, market, side in facts]
    for pk, copy_id, market_id, side, *values in run(LOCK_POSITIONS, [json_rows(keys)]):
        position = _position(*values)
        for fact in sorted(facts[copy_id, market_id, side], key=lambda fact: fact.key):
            after = book(terms[market_id], position, fact)
            day = days[copy_id, fact.time.astimezone(UTC).date()]
            day.realized += after.realized_pnl - position.realized_pnl
            day.fees += after.fees - position.fees
            position = after
        changed.append(_row(pk, position, now))
    update_rows("replication_copyposition", POSITION_COLUMNS, changed)
    run(
        ADD_DAYS,
        [
            json_rows(
                [
                    {"copy_id": copy_id, "date": day, "realized_pnl": sums.realized, "fees": sums.fees}
                    for (copy_id, day), sums in days.items()
                ]
            )
        ],
    )


def _position(
    quantity: Decimal, cost: Decimal, realized: Decimal, fees: Decimal, other_fees: str, opened_at: datetime | None
) -> Position:
    return Position(quantity, cost, realized, fees, _fees(other_fees), opened_at)


def _fees(text: str) -> dict[str, Decimal]:
    return {} if text == "{}" else msgspec.json.decode(text, type=dict[str, Decimal])


def _row(pk: int, position: Position, now: datetime) -> dict[str, Any]:
    return {
        "id": pk,
        "quantity": position.quantity,
        "cost": position.cost,
        "realized_pnl": position.realized_pnl,
        "fees": position.fees,
        "other_fees": dict(position.other_fees),
        "opened_at": position.opened_at,
        "updated_at": now,
    }
