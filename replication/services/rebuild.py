"""Positions and days of copies counted anew from the facts, to show that counting as we go comes to the same."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import insert_rows, numbers, run, update_rows
from orders.accounting import Fact
from replication.engine.booking import (
    DAY_COLUMNS,
    POSITION_COLUMNS,
    Day,
    Key,
    Locked,
    add_days,
    copy_facts_of,
    day_rows,
    market_ids_of,
    position_row,
    positions_lock,
    steps_by_market,
    terms_by_market,
    walk,
)
from replication.models import Copy, CopyDay

# Positions are begun under the account only: once it is locked, these are all of them.
LOCK_ACCOUNTS = """
    SELECT id FROM orders_tradingaccount WHERE id IN (SELECT account_id FROM replication_copy WHERE id = ANY(%s))
    ORDER BY id FOR NO KEY UPDATE
"""
POSITIONS = "SELECT copy_id, market_id, side FROM replication_copyposition WHERE copy_id = ANY(%s)"
LARGEST_BATCH = 200
Sums = dict[tuple[int, date], Day]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What differed from the facts: positions as (copy, market, side), days as (copy, date)."""

    positions: list[Key]
    days: list[tuple[int, date]]


def copies_rebuild(*, copy_id: int | None = None) -> Wrong:
    """Count what one copy, or all, hold and realised from their trades and adjustments; return what was different.

    Trades that wait to be booked are left to the booking. Copies are counted some at a time, each time in a transaction
    in which nobody plans for them.
    """
    every = Copy.objects.order_by("pk").values_list("pk", flat=True)
    copies = list(every) if copy_id is None else [copy_id]
    wrong = Wrong([], [])
    for start in range(0, len(copies), LARGEST_BATCH):
        found = _rebuild(numbers(copies[start : start + LARGEST_BATCH]))
        wrong.positions.extend(found.positions)
        wrong.days.extend(found.days)
    return wrong


@transaction.atomic
def _rebuild(copies: str) -> Wrong:
    run(LOCK_ACCOUNTS, [copies])
    locked = positions_lock([(copy, market, side) for copy, market, side in run(POSITIONS, [copies])])
    positions, days = _recount(locked, copy_facts_of(locked))
    return Wrong(positions, _store_days(days, {copy for copy, _, _ in locked}))


def _recount(locked: Mapping[Key, Locked], facts: Mapping[Key, list[Fact]]) -> tuple[list[Key], Sums]:
    now, markets = timezone.now(), market_ids_of(locked)
    terms, steps = terms_by_market(markets), steps_by_market(markets)
    days: Sums = defaultdict(Day)
    wrong, rows = [], []
    for key, was in locked.items():
        position, brought = walk(terms[key[1]], facts[key])
        newest = max((fact.key for fact in facts[key]), default=None)
        add_days(days, key[0], brought)
        if (position, newest) != (was.position, was.newest):
            wrong.append(key)
            rows.append(position_row(was.pk, position, newest, now, steps[key[1]]))
    update_rows("replication_copyposition", POSITION_COLUMNS, rows)
    return wrong, days


def _store_days(days: Sums, copies: Collection[int]) -> list[tuple[int, date]]:
    stored = {(row.copy_id, row.date): row for row in CopyDay.objects.filter(copy__in=copies)}
    same = {key for key, row in stored.items() if (row.realized_pnl, row.fees) == _of(days, key)}
    wrong = sorted((days.keys() | stored.keys()) - same)
    CopyDay.objects.filter(pk__in=[stored[key].pk for key in wrong if key in stored]).delete()
    insert_rows("replication_copyday", DAY_COLUMNS, day_rows({key: days[key] for key in wrong if key in days}))
    return wrong


def _of(days: Sums, key: tuple[int, date]) -> tuple[object, object]:
    return (days[key].realized, days[key].fees) if key in days else (None, None)
