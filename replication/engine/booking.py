"""Trades of copies' orders into what each copy holds and what it realised on each day."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any, TypeVar

import msgspec

from copytrade.lib.sql import as_table, inserting, numbers, run, texts, update_rows
from markets.selectors.known import markets_known
from orders.accounting import (
    EXACT,
    ZERO,
    AdjustmentFact,
    Fact,
    FactKey,
    FillFact,
    Position,
    Terms,
    booked,
    in_order,
    is_late,
    newest,
)
from orders.services.booking import terms_of

# Each trade is taken up once: by whoever turns its mark off. A side is that of the position, which hedging accounts
# tell and the decision knows. Trades of leaders have marks of their own kind.
TAKE = """
    WITH waiting AS (
        SELECT w.id, o.cause_id FROM orders_fill w JOIN orders_order o ON o.id = w.order_id
        WHERE w.awaits_copy AND o.cause_id IS NOT NULL {which} ORDER BY w.id LIMIT %(limit)s
        FOR UPDATE OF w SKIP LOCKED
    ), taken AS (
        UPDATE orders_fill f SET awaits_copy = false FROM waiting w WHERE f.id = w.id
        RETURNING w.cause_id, f.market_id, f.time, f.venue_trade_id, f.side, f.price, f.quantity, f.fee, f.fee_asset
    )
    SELECT i.copy_id, t.market_id, i.side, t.time, t.venue_trade_id, t.side = 'BUY', trim_scale(t.price),
        trim_scale(t.quantity), trim_scale(t.fee), t.fee_asset, t.cause_id
    FROM taken t JOIN replication_copyintent i ON i.id = t.cause_id
"""
KEYS = "unnest(%s::bigint[], %s::bigint[], %s::text[]) AS key(copy_id, market_id, side)"
LOCK_POSITIONS = f"""
    SELECT p.id, p.copy_id, p.market_id, p.side, trim_scale(p.quantity), trim_scale(p.cost), trim_scale(p.realized_pnl),
        trim_scale(p.fees), p.other_fees::text, p.opened_at, p.last_time, p.last_trade
    FROM replication_copyposition p
    JOIN {KEYS} ON (p.copy_id, p.market_id, p.side) = (key.copy_id, key.market_id, key.side)
    ORDER BY p.copy_id, p.market_id, p.side FOR NO KEY UPDATE OF p
"""
FILLS = f"""
    SELECT key.copy_id, key.market_id, key.side, f.time, f.venue_trade_id, f.side = 'BUY', trim_scale(f.price),
        trim_scale(f.quantity), trim_scale(f.fee), f.fee_asset
    FROM {KEYS} JOIN replication_copyintent i ON i.copy_id = key.copy_id AND i.side = key.side
    JOIN orders_order o ON o.cause_id = i.id
    JOIN orders_fill f ON f.order_id = o.id AND f.market_id = key.market_id AND NOT f.awaits_copy
"""
ADJUSTMENTS = f"""
    SELECT a.copy_id, a.market_id, a.side, a.id, a.time, trim_scale(a.quantity), trim_scale(a.cost)
    FROM {KEYS} JOIN replication_copyadjustment a
        ON (a.copy_id, a.market_id, a.side) = (key.copy_id, key.market_id, key.side)
"""
ADD_TO_DAYS = """
    ORDER BY 1, 2 ON CONFLICT (copy_id, date) DO UPDATE
        SET realized_pnl = d.realized_pnl + excluded.realized_pnl, fees = d.fees + excluded.fees
"""
DAY_COLUMNS = {"copy_id": "bigint", "date": "date", "realized_pnl": "numeric", "fees": "numeric"}
POSITION_COLUMNS = {
    "quantity": "numeric",
    "cost": "numeric",
    "realized_pnl": "numeric",
    "fees": "numeric",
    "other_fees": "jsonb",
    "opened_at": "timestamptz",
    "last_time": "timestamptz",
    "last_trade": "text",
    "to_tell": "boolean",
    "updated_at": "timestamptz",
}
LARGEST_BATCH = 2_000
Key = tuple[int, int, str]
KeyT = TypeVar("KeyT")


class Day(msgspec.Struct):
    """What one day brought."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO


Days = dict[date, Day]


@dataclass(frozen=True, slots=True)
class Taken:
    """Trades that were taken up and are booked in the same transaction, and the decisions that they belong to."""

    facts: Mapping[Key, Sequence[FillFact]]
    intents: frozenset[int]


class Locked(msgspec.Struct, frozen=True):
    """A position whose row is locked; `newest` is its last fact."""

    pk: int
    position: Position
    newest: FactKey | None


def copy_fills_take(order_ids: Sequence[int] | None) -> Taken:
    """Take up trades of these orders, or a batch of whichever wait. Needs a transaction."""
    which = "" if order_ids is None else "AND w.order_id = ANY(%(orders)s)"
    rows = run(TAKE.format(which=which), {"orders": numbers(order_ids or ()), "limit": LARGEST_BATCH})
    facts: dict[Key, list[FillFact]] = defaultdict(list)
    for copy_id, market_id, side, *trade, _ in rows:
        facts[copy_id, market_id, side].append(_fill(*trade))
    return Taken(facts, frozenset(row[-1] for row in rows))


def copy_facts_book(facts: Mapping[Key, Sequence[FillFact]], *, now: datetime) -> None:
    """Add trades to positions and days; a position that has newer ones already is counted anew.

    Needs the transaction in which they were taken up, with their decisions locked. Statements do not grow with trades.
    """
    if not facts:
        return
    markets = market_ids_of(facts)
    terms, steps = terms_by_market(markets), steps_by_market(markets)
    positions = positions_lock(facts)
    late = [key for key, locked in positions.items() if is_late(facts[key], locked.newest)]
    every = copy_facts_of(late) if late else {}
    rows, days = [], defaultdict[int, Days](_no_days)
    with localcontext(EXACT):  # once for all of them: it takes as long as a trade
        for key, locked in positions.items():
            new, law, brought = facts[key], terms[key[1]], days[key[0]]
            if key in every:
                after, more = _recount(law, every[key], new)
                _add(brought, more)
            else:
                after = _walked(law, new, locked.position, brought)
            rows.append(position_row(locked.pk, after, newest(every.get(key, new)), now, steps[key[1]]))
    update_rows("replication_copyposition", POSITION_COLUMNS, rows)
    _store_days({(copy_id, day): sums for copy_id, brought in days.items() for day, sums in brought.items()})


def positions_lock(keys: Collection[Key]) -> dict[Key, Locked]:
    """Return the locked rows of these positions, always in the same order."""
    found = {}
    for row in run(LOCK_POSITIONS, _arrays(keys)):
        pk, copy_id, market_id, side, quantity, cost, realized, fees, other_fees, opened_at, last_time, last_trade = row
        newest = None if last_time is None else FactKey(last_time, len(last_trade), last_trade)
        position = Position(quantity, cost, realized, fees, _fees(other_fees), opened_at)
        found[copy_id, market_id, side] = Locked(pk, position, newest)
    return found


def copy_facts_of(keys: Collection[Key]) -> dict[Key, list[Fact]]:
    """Return all that was booked for these positions, in two statements."""
    found: dict[Key, list[Fact]] = {key: [] for key in keys}
    wanted = _arrays(keys)
    for copy_id, market_id, side, *trade in run(FILLS, wanted):
        found[copy_id, market_id, side].append(_fill(*trade))
    for copy_id, market_id, side, *values in run(ADJUSTMENTS, wanted):
        found[copy_id, market_id, side].append(adjustment_fact(*values))
    return found


def adjustment_fact(pk: int, time: datetime, quantity: Decimal, cost: Decimal) -> AdjustmentFact:
    """Return an adjustment as the accounting has it; at equal times it comes after the trades."""
    return AdjustmentFact(time, f"~{pk:063}", quantity, cost)


def walk(terms: Terms, facts: Sequence[Fact], start: Position | None = None) -> tuple[Position, Days]:
    """Return the position after facts, in their own order, and what they brought on each UTC day."""
    days = _no_days()
    with localcontext(EXACT):
        return _walked(terms, facts, start or Position(), days), days


def terms_by_market(market_ids: Iterable[int]) -> dict[int, Terms]:
    """Return how markets settle."""
    return {pk: terms_of(market) for pk, market in markets_known(set(market_ids)).items()}


def steps_by_market(market_ids: Iterable[int]) -> dict[int, Decimal]:
    """Return the least that an order can close in markets, 0 where it is not known."""
    return {pk: market.quantity_step or ZERO for pk, market in markets_known(set(market_ids)).items()}


def market_ids_of(keys: Iterable[Key]) -> set[int]:
    """Return the markets of positions."""
    return {market_id for _, market_id, _ in keys}


def position_row(pk: int, position: Position, newest: FactKey | None, now: datetime, step: Decimal) -> dict[str, Any]:
    """Return the columns of a position; what is less than a step is as good as closed."""
    return {
        "id": pk,
        "quantity": position.quantity,
        "cost": position.cost,
        "realized_pnl": position.realized_pnl,
        "fees": position.fees,
        "other_fees": dict(position.other_fees),
        "opened_at": position.opened_at,
        "last_time": newest.time if newest else None,
        "last_trade": newest.trade if newest else "",
        "to_tell": not position.quantity or abs(position.quantity) < step,
        "updated_at": now,
    }


def add_days(days: dict[tuple[int, date], Day], copy_id: int, brought: Days) -> None:
    """Add what a position brought to what its copy did."""
    with localcontext(EXACT):
        _add(days, {(copy_id, day): sums for day, sums in brought.items()})


def day_rows(days: Mapping[tuple[int, date], Day]) -> list[dict[str, Any]]:
    """Return the columns of days."""
    return [
        {"copy_id": copy_id, "date": day, "realized_pnl": sums.realized, "fees": sums.fees}
        for (copy_id, day), sums in days.items()
    ]


def _store_days(days: Mapping[tuple[int, date], Day]) -> None:
    new = as_table(DAY_COLUMNS, day_rows(days), key="copy_id")
    run(inserting("replication_copyday AS d", DAY_COLUMNS, new) + ADD_TO_DAYS, new.parameters)


def _no_days() -> Days:
    return defaultdict(Day)


def _walked(terms: Terms, facts: Sequence[Fact], position: Position, days: Days) -> Position:
    """Return the position after facts; what they brought is added to days."""
    for fact in in_order(facts):
        after = booked(terms, position, fact)
        if isinstance(fact, FillFact):
            day = days[fact.time.astimezone(UTC).date()]
            day.realized += after.realized_pnl - position.realized_pnl
            day.fees += after.fees - position.fees
        position = after
    return position


def _add(days: dict[KeyT, Day], more: Mapping[KeyT, Day]) -> None:
    for key, sums in more.items():
        day = days[key]
        day.realized += sums.realized
        day.fees += sums.fees


def _recount(terms: Terms, every: Sequence[Fact], new: Sequence[FillFact]) -> tuple[Position, Days]:
    """Return the position after all facts, and by what each day differs from what it was without the new ones."""
    fresh = {(fact.key, fact.buy) for fact in new}
    old = [fact for fact in every if not isinstance(fact, FillFact) or (fact.key, fact.buy) not in fresh]
    position, brought = walk(terms, every)
    before = walk(terms, old)[1]
    with localcontext(EXACT):
        for day, sums in before.items():
            brought[day].realized -= sums.realized
            brought[day].fees -= sums.fees
    return position, brought


def _fill(
    time: datetime,
    trade: str,
    buy: bool,  # noqa: FBT001
    price: Decimal,
    quantity: Decimal,
    fee: Decimal,
    fee_asset: str,
) -> FillFact:
    return FillFact(time, trade, buy, price, quantity, fee, fee_asset)


def _fees(text: str) -> dict[str, Decimal]:
    return {} if text == "{}" else msgspec.json.decode(text, type=dict[str, Decimal])


def _arrays(keys: Collection[Key]) -> list[str]:
    return [
        numbers([copy_id for copy_id, _, _ in keys]),
        numbers([market_id for _, market_id, _ in keys]),
        texts([side for _, _, side in keys]),
    ]
