"""Decisions into rows: intents, what positions owe, adjustments, orders; statements do not grow with copies."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha1
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from copytrade.lib.sql import as_table, insert_rows, json_rows, run
from copytrade.lib.wire import plain_digits
from markets.venues.vocabulary import PositionSide
from orders.models import Origin
from orders.services.writing import NewOrder
from replication.engine.deciding import CLOSED_ELSEWHERE, Decided
from replication.facts import Cap, OrderPlan
from replication.models import Signal
from replication.vocabulary import IntentState, SignalSource

COPY, SKIPPED = Origin.COPY, IntentState.SKIPPED  # asked for often: to look a member up takes longer than to compare
SECOND, NO_TIME = timedelta(seconds=1), timedelta(0)
SEND_ENTRIES_WITHIN = timedelta(seconds=60)
SEND_EXITS_WITHIN = timedelta(hours=12)
ENTRY_ATTEMPTS, EXIT_ATTEMPTS = 5, 1_000
NAME_LENGTH = 32  # letters and digits, which every venue takes
NAMESPACE = UUID("5f0c2b6e-5d55-4a0b-9b6a-6c1f6d0f3c11").bytes

INTENT_COLUMNS = {
    "signal_id": "bigint",
    "copy_id": "bigint",
    "market_id": "bigint",
    "side": "text",
    "exits": "boolean",
    "state": "text",
    "code": "text",
    "message": "text",
    "numbers": "jsonb",
    "capped": "jsonb",
    "wanted_quantity": "numeric",
    "quantity": "numeric",
    "worth": "numeric",
    "filled_quantity": "numeric",
    "attempts": "integer",
    "detected_at": "timestamptz",
    "planned_at": "timestamptz",
    "finished_at": "timestamptz",
    "updated_at": "timestamptz",
}
# What waits is still about as much as before: trades of its earlier orders may come late, and be a part of that.
REPLAN = """
    UPDATE replication_copyintent AS old SET market_id = new.market_id, side = new.side,
        state = CASE WHEN new.state = 'skipped' AND old.filled_quantity > 0 THEN 'partial' ELSE new.state END,
        code = new.code, message = new.message, numbers = new.numbers, capped = new.capped,
        wanted_quantity = new.wanted_quantity, worth = new.worth,
        quantity = CASE WHEN new.state = 'waiting' THEN old.quantity ELSE old.filled_quantity + new.quantity END,
        planned_at = new.planned_at, sent_at = NULL, acknowledged_at = NULL,
        filled_at = CASE WHEN new.state <> 'planned' THEN old.filled_at END,
        finished_at = new.finished_at, updated_at = new.updated_at
    FROM json_to_recordset(%s) AS new(signal_id bigint, copy_id bigint, market_id bigint, side text, state text,
        code text, message text, numbers jsonb, capped jsonb, wanted_quantity numeric, quantity numeric, worth numeric,
        planned_at timestamptz, finished_at timestamptz, updated_at timestamptz)
    WHERE (old.signal_id, old.copy_id) = (new.signal_id, new.copy_id)
    RETURNING old.id, old.copy_id
"""
BEGUN_COLUMNS = {
    "copy_id": "bigint",
    "market_id": "bigint",
    "side": "text",
    "leader_symbol": "text",
    "leader_side": "text",
    "remainder": "numeric",
    "leader_opened_at": "timestamptz",
    "updated_at": "timestamptz",
}
UPSERT_POSITIONS = """
    INSERT INTO replication_copyposition AS p (
        {names}, quantity, cost, realized_pnl, fees, other_fees, last_trade
    )
    SELECT {values}, 0, 0, 0, 0, '{{}}', '' FROM {source} ORDER BY 1, 2, 3
    ON CONFLICT (copy_id, market_id, side) DO UPDATE SET remainder = excluded.remainder,
        leader_symbol = excluded.leader_symbol, leader_side = excluded.leader_side,
        leader_opened_at = coalesce(excluded.leader_opened_at, p.leader_opened_at), updated_at = excluded.updated_at
"""
# At the time of the newest fact: whatever is traded from now on comes after it, whichever clock tells it.
ADJUST = """
    WITH locked AS (
        SELECT p.*, n.quantity AS true_quantity FROM replication_copyposition p
        JOIN json_to_recordset(%(rows)s) AS n(copy_id bigint, market_id bigint, side text, quantity numeric)
            ON (p.copy_id, p.market_id, p.side) = (n.copy_id, n.market_id, n.side)
        ORDER BY p.copy_id, p.market_id, p.side FOR NO KEY UPDATE OF p
    ), made AS (
        INSERT INTO replication_copyadjustment
            (copy_id, market_id, side, quantity_before, quantity, cost, reason, time)
        SELECT copy_id, market_id, side, quantity, true_quantity, round(cost * true_quantity / quantity, 28),
            %(reason)s, coalesce(last_time, %(now)s)
        FROM locked WHERE abs(true_quantity) < abs(quantity)
        RETURNING id, copy_id, market_id, side, quantity, cost, time
    )
    UPDATE replication_copyposition p SET quantity = made.quantity, cost = made.cost, last_time = made.time,
        last_trade = '~' || lpad(made.id::text, 63, '0'), updated_at = %(now)s,
        opened_at = CASE WHEN made.quantity <> 0 THEN p.opened_at END, to_tell = true
    FROM made WHERE (p.copy_id, p.market_id, p.side) = (made.copy_id, made.market_id, made.side)
"""


class Stored(NamedTuple):
    """Orders of decisions that were stored, and the decision of each copy; none of one that had decided already."""

    orders: list[NewOrder]
    intents: Mapping[int, int]


def decisions_store(signal: Signal, decided: Sequence[Decided], attempts: Mapping[int, int], *, insert: bool) -> Stored:
    """Store decisions and positions; return the orders that are to be written in the same transaction."""
    if not decided:
        return Stored([], {})
    now = timezone.now()
    rows = [_intent_row(signal, each, now) for each in decided]
    if insert:
        ids = insert_rows("replication_copyintent", INTENT_COLUMNS, rows, mostly_new=True, returning="id, copy_id")
    else:
        ids = run(REPLAN, [json_rows(rows)])
    intents = {copy_id: pk for pk, copy_id in ids}
    stored = [each for each in decided if each.follower.copy_id in intents]
    _store_positions(signal, stored, now)
    _adjust(stored, now)
    return Stored(_orders(signal, stored, intents, attempts), intents)


def _intent_row(signal: Signal, each: Decided, now: datetime) -> dict[str, Any]:
    decision = each.decision
    final = decision.state == SKIPPED
    return {
        "signal_id": signal.id,
        "copy_id": each.follower.copy_id,
        "market_id": each.market.id if each.market else None,
        "side": decision.side,
        "exits": decision.exits,
        "state": decision.state,
        "code": decision.code or "",
        "message": decision.message,
        "numbers": decision.numbers,
        "capped": [_cap(cap) for cap in decision.caps],
        "wanted_quantity": decision.wanted,
        "quantity": decision.quantity,
        "worth": decision.worth,
        "filled_quantity": 0,
        "attempts": 1,
        "detected_at": signal.detected_at,
        "planned_at": now,
        "finished_at": now if final else None,
        "updated_at": now,
    }


def _cap(cap: Cap) -> dict[str, str | None]:
    limit = None if cap.limit is None else plain_digits(cap.limit)
    return {"code": cap.code, "from": plain_digits(cap.before), "to": plain_digits(cap.after), "limit": limit}


def _store_positions(signal: Signal, stored: Sequence[Decided], now: datetime) -> None:
    rows = [
        {
            "copy_id": each.follower.copy_id,
            "market_id": each.market.id,
            "side": each.decision.side,
            "leader_symbol": signal.symbol,
            "leader_side": signal.side,
            "remainder": each.decision.remainder,
            "leader_opened_at": signal.event_time if _opens(each, signal.event_time) else None,
            "updated_at": now,
        }
        for each in stored
        if each.market is not None and _changes_position(each, signal.event_time)
    ]
    if rows:
        new = as_table(BEGUN_COLUMNS, rows, key="copy_id")
        names, values = ", ".join(BEGUN_COLUMNS), ", ".join(new.values.values())
        run(UPSERT_POSITIONS.format(names=names, values=values, source=new.source), new.parameters)


def _changes_position(each: Decided, at: datetime) -> bool:
    """Whether the row of the position is missing, or says something else: mostly trades will change it, not this."""
    follower, decision = each.follower, each.decision
    if decision.remainder != follower.state.remainder:
        return True
    return bool(decision.orders) and (follower.held_side != decision.side or _opens(each, at))


def _opens(each: Decided, at: datetime) -> bool:
    """Whether an entry is the first of its position, in time as well: late ones may have been before those held.

    Else nothing is held but what is less than a step, or under way.
    """
    assert each.market is not None
    if each.decision.exits:
        return False
    state = each.follower.state
    if each.decision.orders and state.opened_at is not None and at < state.opened_at:
        return True
    return not each.follower.entering and (not state.held or abs(state.held) < (each.market.quantity_step or 0))


def _adjust(stored: Sequence[Decided], now: datetime) -> None:
    rows = [
        {
            "copy_id": each.follower.copy_id,
            "market_id": each.market.id,
            "side": each.follower.held_side,
            "quantity": each.true_quantity,
        }
        for each in stored
        if each.market is not None and each.true_quantity is not None
    ]
    if rows:
        run(ADJUST, {"rows": json_rows(rows), "reason": CLOSED_ELSEWHERE, "now": now})


def _orders(
    signal: Signal, stored: Sequence[Decided], intents: Mapping[int, int], attempts: Mapping[int, int]
) -> list[NewOrder]:
    known = signal.detected_at if signal.source == SignalSource.CATCH_UP else signal.event_time
    age = timezone.now() - known  # one for all, so that what it makes the same for all travels once
    return [
        _order(signal, each, order, intents[each.follower.copy_id], attempts.get(each.follower.copy_id, 1), number, age)
        for each in stored
        for number, order in enumerate(each.decision.orders)
    ]


def order_name(signal_id: int, copy_id: int, attempt: int, number: int) -> str:
    """Return the client order id of an order: the same for the same decision, always."""
    name = f"{signal_id}:{copy_id}:{attempt}:{number}"
    return sha1(NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()[:NAME_LENGTH]


def _order(
    signal: Signal, each: Decided, order: OrderPlan, intent_id: int, attempt: int, number: int, age: timedelta
) -> NewOrder:
    exits, market = each.decision.exits, each.market
    assert market is not None, "an order has a market"
    return NewOrder(
        client_order_id=order_name(signal.id, each.follower.copy_id, attempt, number),
        account_id=each.follower.account_id,
        market_id=market.id,
        origin=COPY,
        cause_id=intent_id,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        time_in_force=order.time_in_force or "",
        position_side=order.position_side,
        reduce_only=order.reduce_only,
        closes=exits,
        attempts_allowed=_attempts(order) if exits else ENTRY_ATTEMPTS,
        send_within=SEND_EXITS_WITHIN if exits else _entry_within(each, attempt, age),
    )


def _entry_within(each: Decided, attempt: int, age: timedelta) -> timedelta:
    """Return how long an entry may be sent: until the trade is too old for the copy, unless a person asks for it."""
    if attempt > 1:
        return SEND_ENTRIES_WITHIN
    left = each.follower.terms.max_signal_age_seconds * SECOND - age
    return max(min(left, SEND_ENTRIES_WITHIN), NO_TIME)


def _attempts(order: OrderPlan) -> int:
    """Return how often an exit may be sent as it is: once, where the venue would let it sell what was sold meanwhile.

    After that it is planned anew, by what is held then.
    """
    keeps_to_held = order.reduce_only or order.position_side != PositionSide.BOTH
    return EXIT_ATTEMPTS if keeps_to_held else 1
