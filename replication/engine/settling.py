"""What became of orders, told to the decisions that they carry out; and what waited for them goes on."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import run
from copytrade.realtime.services import messages_publish
from replication.engine.booking import copy_fills_book
from replication.engine.planning import intents_replan
from replication.models import CopyIntent, Signal
from replication.services.messages import intent_messages
from replication.vocabulary import IntentState, SignalState

LARGEST_BATCH = 1_000
# Codes of orders that were not sent since the account was not allowed to; what only closes waits until it is.
BLOCKS = ("ACCOUNT_PAUSED", "LIVE_TRADING_OFF", "TRADING_HALTED")
EXIT_ATTEMPTS = 6
# An order counts as over when it is final and all that it filled is booked. Slippage is positive where the price was
# worse than the leader's: higher for a buyer.
SETTLE = """
    WITH told AS (
        SELECT o.cause_id, bool_and(o.state IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED')
                AND o.filled_quantity <= o.booked_quantity) AS over,
            sum(o.filled_quantity) AS filled, min(o.sent_at) AS sent_at, min(o.acknowledged_at) AS acknowledged_at,
            max(o.finished_at) AS finished_at, (array_agg(o.reason_code ORDER BY o.id DESC))[1] AS code,
            (array_agg(o.reason ORDER BY o.id DESC))[1] AS reason, (array_agg(o.side))[1] = 'BUY' AS buy,
            CASE WHEN sum(o.filled_quantity) > 0 THEN
                sum(o.average_price * o.filled_quantity) FILTER (WHERE o.average_price IS NOT NULL)
                / nullif(sum(o.filled_quantity) FILTER (WHERE o.average_price IS NOT NULL), 0) END AS average
        FROM orders_order o WHERE o.cause_id = ANY(%(intents)s) GROUP BY o.cause_id
    ), judged AS (
        SELECT i.id, t.*, s.price AS leader_price, i.exits, i.quantity AS ordered,
            CASE WHEN NOT t.over THEN 'planned' WHEN t.filled >= i.quantity THEN 'filled'
                WHEN i.exits AND (t.filled = 0 OR s.action = 'CLOSE')
                    AND (i.attempts < %(exit_attempts)s OR t.code = ANY(%(blocks)s)) THEN 'waiting'
                WHEN t.filled > 0 THEN 'partial' ELSE 'failed' END AS state
        FROM replication_copyintent i JOIN told t ON t.cause_id = i.id JOIN replication_signal s ON s.id = i.signal_id
        WHERE i.state = 'planned' OR t.filled > i.filled_quantity
    )
    UPDATE replication_copyintent i SET state = j.state, filled_quantity = j.filled, average_price = j.average,
        slippage_percent = CASE WHEN j.leader_price > 0 AND j.average IS NOT NULL THEN
            round((j.average / j.leader_price - 1) * 100 * CASE WHEN j.buy THEN 1 ELSE -1 END, 10) END,
        code = CASE WHEN j.state IN ('failed', 'waiting') THEN left(j.code, 40)
            WHEN j.state = 'partial' AND i.code = '' THEN left(j.code, 40) ELSE i.code END,
        message = CASE WHEN j.state IN ('failed', 'waiting', 'partial') AND j.reason <> '' THEN j.reason
            ELSE i.message END,
        sent_at = j.sent_at, acknowledged_at = j.acknowledged_at,
        filled_at = CASE WHEN j.filled > 0 AND j.state <> 'planned' THEN coalesce(i.filled_at, %(now)s) END,
        finished_at = CASE WHEN j.state NOT IN ('planned', 'waiting') THEN coalesce(i.finished_at, %(now)s) END,
        attempts = i.attempts + CASE WHEN j.state = 'waiting' THEN 1 ELSE 0 END, updated_at = %(now)s
    FROM judged j WHERE j.id = i.id
    RETURNING i.id, i.state
"""
OWE = """
    UPDATE replication_copyposition p SET remainder = p.remainder - (i.quantity - i.filled_quantity),
        updated_at = %(now)s
    FROM replication_copyintent i WHERE i.id = ANY(%(intents)s) AND i.exits
        AND (p.copy_id, p.market_id, p.side) = (i.copy_id, i.market_id, i.side)
"""
STALE = """
    SELECT DISTINCT o.cause_id FROM orders_order o JOIN replication_copyintent i ON i.id = o.cause_id
    WHERE i.state = 'planned' AND o.updated_at > i.updated_at LIMIT %s
"""
# Those that wait for nothing but their turn, the first one of each position with no order under way; those that
# failed before come back ever more rarely, and not all at once.
READY = """
    SELECT i.signal_id, i.copy_id FROM replication_copyintent i
    WHERE i.state = 'waiting' AND NOT EXISTS (
        SELECT FROM replication_copyintent o WHERE o.copy_id = i.copy_id AND o.market_id = i.market_id
            AND o.state IN ('waiting', 'planned') AND o.id < i.id AND (i.exits OR o.exits))
        AND (%(copies)s::bigint[] IS NULL OR i.copy_id = ANY(%(copies)s))
        AND (i.attempts = 1 OR i.updated_at + (0.8 + 0.4 * random()) * least(interval '1 minute',
            interval '0.5 second' * power(2, i.attempts)) < statement_timestamp())
    ORDER BY i.updated_at LIMIT %(limit)s FOR UPDATE OF i SKIP LOCKED
"""
FINISH = """
    UPDATE replication_signal s SET state = 'done', finished_at = %(now)s WHERE s.state = 'planned' AND NOT EXISTS (
        SELECT FROM replication_copyintent i WHERE i.signal_id = s.id AND i.state IN ('waiting', 'planned'))
"""


def orders_settle(order_ids: Sequence[int] | None = None) -> list[int]:
    """Book the trades of these orders of copies (or of those that wait) and judge their decisions.

    Return the ids of orders that were written for what waited and may be sent now. Safe to repeat, and to run beside
    itself. Must not run inside a transaction.
    """
    now = timezone.now()
    with transaction.atomic():
        intents = copy_fills_book(order_ids, now=now)
        intents |= _causes(order_ids)
        settled = _judge(intents, now) if intents else []
        messages_publish(intent_messages([pk for pk, _ in settled]))
    freed = [pk for pk, state in settled if state not in {IntentState.PLANNED, IntentState.WAITING}]
    return waiting_resume(freed) if freed else []


def waiting_resume(finished: Sequence[int] | None = None) -> list[int]:
    """Plan anew what waited for these decisions, or all that may go on; return the ids of the orders written."""
    with transaction.atomic():
        copies = None
        if finished is not None:
            copies = list(CopyIntent.objects.filter(pk__in=finished).values_list("copy_id", flat=True))
            if not CopyIntent.objects.filter(copy__in=copies, state=IntentState.WAITING).exists():
                return []
        ready = defaultdict(list)
        for signal_id, copy_id in run(READY, {"copies": copies, "limit": LARGEST_BATCH}):
            ready[signal_id].append(copy_id)
        signals = Signal.objects.select_related("trader", "order__market").in_bulk(ready)
        written: list[int] = []
        for signal_id, copy_ids in sorted(ready.items()):
            planned = intents_replan(signal=signals[signal_id], copy_ids=copy_ids)
            written += [pk for ids in planned.orders.values() for pk in ids]
        return written


def _judge(intents: set[int], now: datetime) -> list[tuple[Any, ...]]:
    """Bring decisions to the state of their orders; what a partial exit left over is owed by its position."""
    values = {"intents": sorted(intents), "blocks": list(BLOCKS), "exit_attempts": EXIT_ATTEMPTS, "now": now}
    settled = run(SETTLE, values)
    if owed := [pk for pk, state in settled if state == IntentState.PARTIAL]:
        run(OWE, {"intents": owed, "now": now})
    return settled


def signals_finish() -> None:
    """Mark the signals whose decisions are all final."""
    if Signal.objects.filter(state=SignalState.PLANNED).exists():
        run(FINISH, {"now": timezone.now()})


def _causes(order_ids: Sequence[int] | None) -> set[int]:
    if order_ids is not None:
        rows: list[tuple[Any, ...]] = run(
            "SELECT DISTINCT cause_id FROM orders_order WHERE id = ANY(%s) AND cause_id IS NOT NULL", [list(order_ids)]
        )
    else:
        rows = run(STALE, [LARGEST_BATCH])
    return {row[0] for row in rows}
