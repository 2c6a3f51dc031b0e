"""What became of orders, told to the decisions that they carry out; and what waited for them goes on."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import json_rows, run
from copytrade.realtime.services import messages_publish
from replication.engine.booking import copy_fills_book, copy_fills_take
from replication.engine.planning import intents_replan
from replication.models import Copy, CopyIntent, Signal
from replication.services.messages import failing_messages, intent_messages
from replication.services.stopping import waiting_end
from replication.vocabulary import UNDER_WAY, CopyState, IntentState, Reason, SignalState

logger = logging.getLogger(__name__)

LARGEST_BATCH = 1_000
# Codes of orders that were not sent since the account was not allowed to; what only closes waits until it is.
BLOCKS = ("ACCOUNT_PAUSED", "LIVE_TRADING_OFF", "TRADING_HALTED")
# After so many attempts its owner is told that an exit does not succeed, and what can be done; it goes on being tried.
TELL_AFTER = 6
LONGEST_PAUSE = timedelta(minutes=5)
# Of what no venue refused: it goes on soon after the account may send again.
LONGEST_BLOCKED_PAUSE = timedelta(minutes=1)
STILL_TRIED = (
    "It is tried again every few minutes until it is closed. You can have it tried at once, close the position by hand "
    "at the venue, or stop the copy and keep it."
)
TAKEN_OVER = "A later exit of this position closes this as well."
UNFINISHED = frozenset({IntentState.WAITING, IntentState.PARTIAL, IntentState.FAILED, IntentState.SKIPPED})
# An order counts as over when it is final and all that it filled is booked, here as well. Slippage is positive where
# the price was worse than the leader's: higher for a buyer. Coins may be counted by the thousand on either side.
SETTLE = """
    WITH told AS (
        SELECT o.cause_id, bool_and(o.state IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED')
                AND o.filled_quantity <= o.booked_quantity
                AND NOT EXISTS (SELECT FROM orders_fill f WHERE f.order_id = o.id AND f.awaits_copy)) AS over,
            sum(o.filled_quantity) AS filled, min(o.sent_at) AS sent_at, min(o.acknowledged_at) AS acknowledged_at,
            max(o.finished_at) AS finished_at, (array_agg(o.reason_code ORDER BY o.id DESC))[1] AS code,
            (array_agg(o.reason ORDER BY o.id DESC))[1] AS reason, (array_agg(o.side))[1] = 'BUY' AS buy,
            CASE WHEN sum(o.filled_quantity) > 0 THEN
                sum(o.average_price * o.filled_quantity) FILTER (WHERE o.average_price IS NOT NULL)
                / nullif(sum(o.filled_quantity) FILTER (WHERE o.average_price IS NOT NULL), 0) END AS average
        FROM orders_order o WHERE o.cause_id = ANY(%(intents)s) GROUP BY o.cause_id
    ), judged AS (
        SELECT i.id, t.*, i.state AS before, i.filled_quantity AS filled_before,
            s.price / coalesce(substring(s.base_asset FROM %(thousands)s)::numeric, 1)
                * coalesce(substring(m.base_asset FROM %(thousands)s)::numeric, 1) AS leader_price,
            CASE WHEN NOT t.over THEN 'planned' WHEN t.filled >= i.quantity THEN 'filled'
                WHEN i.exits AND i.state IN ('planned', 'waiting') AND c.state <> 'ended' THEN 'waiting'
                WHEN t.filled > 0 THEN 'partial' ELSE 'failed' END AS state,
            i.attempts >= %(tell_after)s AND t.code <> ALL(%(blocks)s) AS failing
        FROM replication_copyintent i JOIN told t ON t.cause_id = i.id JOIN replication_signal s ON s.id = i.signal_id
        JOIN replication_copy c ON c.id = i.copy_id
        LEFT JOIN markets_market m ON m.id = i.market_id
        WHERE i.state = 'planned' OR t.filled > i.filled_quantity
    )
    UPDATE replication_copyintent i SET state = j.state, filled_quantity = j.filled, average_price = j.average,
        slippage_percent = CASE WHEN j.leader_price > 0 AND j.average IS NOT NULL THEN
            round((j.average / j.leader_price - 1) * 100 * CASE WHEN j.buy THEN 1 ELSE -1 END, 10) END,
        code = CASE WHEN j.state IN ('failed', 'waiting') THEN left(j.code, 40)
            WHEN j.state = 'partial' AND i.code = '' THEN left(j.code, 40) ELSE i.code END,
        message = CASE WHEN j.state = 'waiting' AND j.failing
                THEN concat_ws('. ', nullif(rtrim(left(j.reason, 300), ' .'), ''), %(still_tried)s::text)
            WHEN j.state IN ('failed', 'waiting', 'partial') AND j.reason <> '' THEN j.reason ELSE i.message END,
        sent_at = j.sent_at, acknowledged_at = j.acknowledged_at,
        filled_at = CASE WHEN j.filled > 0 AND j.state <> 'planned' THEN coalesce(i.filled_at, j.finished_at) END,
        finished_at = CASE WHEN j.state NOT IN ('planned', 'waiting') THEN coalesce(i.finished_at, %(now)s) END,
        attempts = i.attempts + CASE WHEN j.state = 'waiting' AND j.before = 'planned' THEN 1 ELSE 0 END,
        updated_at = %(now)s
    FROM judged j WHERE j.id = i.id
    RETURNING i.id, i.state, i.exits, trim_scale(i.quantity), trim_scale(i.filled_quantity), j.before,
        trim_scale(j.filled_before), j.failing AND i.state = 'waiting' AND i.attempts = %(tell_after)s + 1
"""
THOUSANDS = "^(1(?:000)+)[A-Z]"
# Those whose orders are over are looked at until they are judged, whatever the clocks of two workers said.
STALE = """
    SELECT i.id FROM replication_copyintent i WHERE i.state = 'planned' AND (
        EXISTS (SELECT FROM orders_order o WHERE o.cause_id = i.id AND o.updated_at > i.updated_at)
        OR NOT EXISTS (SELECT FROM orders_order o WHERE o.cause_id = i.id AND (
            o.state NOT IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED')
            OR o.filled_quantity > o.booked_quantity)))
    ORDER BY i.id LIMIT %s
"""
# Whoever changes decisions locks them before positions, in this order.
LOCK = """
    SELECT id FROM replication_copyintent WHERE id IN (
        SELECT unnest(%(intents)s::bigint[]) UNION SELECT cause_id FROM orders_order WHERE id = ANY(%(orders)s))
    ORDER BY id FOR NO KEY UPDATE
"""
OWE = """
    UPDATE replication_copyposition p SET remainder = p.remainder - n.owed, updated_at = %s
    FROM json_to_recordset(%s) AS n(intent_id bigint, owed numeric) JOIN replication_copyintent i ON i.id = n.intent_id
    WHERE (p.copy_id, p.market_id, p.side) = (i.copy_id, i.market_id, i.side)
"""
# An exit that does not succeed holds up no later one of its position, which closes what is owed as well. A later one
# that may be taken for a trade of an earlier position takes nothing over. Nobody is waited for: who holds a row is
# about to send its orders, or has ended it.
TAKE_OVER = """
    WITH taken AS (
        SELECT i.id FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
        WHERE i.state = 'waiting' AND i.exits AND i.attempts > 1
            AND (%(copies)s::bigint[] IS NULL OR i.copy_id = ANY(%(copies)s)) AND EXISTS (
            SELECT FROM replication_copyintent o JOIN replication_signal l ON l.id = o.signal_id
            WHERE o.copy_id = i.copy_id AND o.market_id = i.market_id AND o.side = i.side
                AND o.state = 'waiting' AND o.exits AND o.id > i.id AND l.event_time >= s.event_time)
        ORDER BY i.id FOR NO KEY UPDATE OF i SKIP LOCKED
    )
    UPDATE replication_copyintent i SET state = CASE WHEN i.filled_quantity > 0 THEN 'partial' ELSE 'skipped' END,
        code = %(code)s, message = %(message)s, finished_at = %(now)s, updated_at = %(now)s
    FROM taken WHERE taken.id = i.id RETURNING i.id
"""
# Those that wait for nothing but their turn, the first one of each position with no order under way; those that
# failed before come back ever more rarely, and not all at once. Entries that are not followed any more wait for nobody:
# they are about to be skipped.
READY = """
    SELECT i.signal_id, i.id FROM replication_copyintent i JOIN replication_copy c ON c.id = i.copy_id
    JOIN replication_signal s ON s.id = i.signal_id
    WHERE i.state = 'waiting' AND (NOT EXISTS (
        SELECT FROM replication_copyintent o WHERE o.copy_id = i.copy_id AND o.market_id = i.market_id
            AND o.state IN ('waiting', 'planned') AND o.id < i.id AND (i.exits OR o.exits))
        OR (NOT i.exits AND i.attempts = 1 AND (c.state <> 'active'
            OR s.event_time + make_interval(secs => c.max_signal_age_seconds) < statement_timestamp())))
        AND (%(copies)s::bigint[] IS NULL OR i.copy_id = ANY(%(copies)s))
        AND (i.attempts = 1 OR i.updated_at + (0.8 + 0.4 * random()) * least(
            CASE WHEN i.code = ANY(%(blocks)s) THEN %(blocked_pause)s ELSE %(pause)s END::interval,
            interval '0.5 second' * power(2, least(i.attempts, 10))) < statement_timestamp())
    ORDER BY i.updated_at LIMIT %(limit)s
"""
TAKE_UP = """
    SELECT copy_id FROM replication_copyintent WHERE id = ANY(%s) AND state = 'waiting'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
# What stumbles comes after everything else that waits.
PUT_BACK = """
    UPDATE replication_copyintent SET updated_at = statement_timestamp() WHERE id IN (
        SELECT id FROM replication_copyintent WHERE id = ANY(%s) AND state = 'waiting'
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
FINISH = """
    UPDATE replication_signal s SET state = 'done', finished_at = %(now)s WHERE s.state = 'planned' AND NOT EXISTS (
        SELECT FROM replication_copyintent i WHERE i.signal_id = s.id AND i.state IN ('waiting', 'planned'))
"""


class Settled(NamedTuple):
    """What a decision became, and what it was: the columns that `SETTLE` returns."""

    intent_id: int
    state: str
    exits: bool
    ordered: Decimal
    filled: Decimal
    before: str
    filled_before: Decimal
    to_tell: bool
    """Whether its owner is told now that it does not succeed."""

    @property
    def owed(self) -> Decimal:
        """Return how much more (less: negative) of the position is to be closed since this exit did not close it."""
        return self._missing(self.state, self.filled) - self._missing(self.before, self.filled_before)

    def _missing(self, state: str, filled: Decimal) -> Decimal:
        return self.ordered - filled if self.exits and state in UNFINISHED else Decimal(0)


def orders_settle(order_ids: Sequence[int] | None = None) -> list[int]:
    """Book the trades of these orders of copies (or of those that wait) and judge their decisions.

    Return the ids of orders that were written for what waited and may be sent now. Safe to repeat, and to run beside
    itself. Must not run inside a transaction.
    """
    now = timezone.now()
    with transaction.atomic():
        taken = copy_fills_take(order_ids)
        stale = [pk for (pk,) in run(STALE, [LARGEST_BATCH])] if order_ids is None else []
        intents = [pk for (pk,) in run(LOCK, {"intents": [*taken.intents, *stale], "orders": list(order_ids or ())})]
        copy_fills_book(taken, now=now)
        settled = _judge(intents, now) if intents else []
        told = intent_messages([each.intent_id for each in settled])
        messages_publish([*told, *failing_messages([each.intent_id for each in settled if each.to_tell])])
    freed = [each.intent_id for each in settled if each.state not in UNDER_WAY]
    return waiting_resume(freed) if freed else []


def waiting_resume(finished: Sequence[int] | None = None) -> list[int]:
    """Plan anew what waited for these decisions, or all that may go on; return the ids of the orders written.

    Each signal is a transaction of its own: what cannot be planned holds up nothing else.
    """
    copies = None
    if finished is not None:
        copies = list(CopyIntent.objects.filter(pk__in=finished).values_list("copy_id", flat=True))
        if not CopyIntent.objects.filter(copy__in=copies, state=IntentState.WAITING).exists():
            return []
    _take_over(copies)
    ready = defaultdict(list)
    values = {"blocks": list(BLOCKS), "pause": LONGEST_PAUSE, "blocked_pause": LONGEST_BLOCKED_PAUSE}
    for signal_id, intent_id in run(READY, {**values, "copies": copies, "limit": LARGEST_BATCH}):
        ready[signal_id].append(intent_id)
    signals = Signal.objects.select_related("trader").in_bulk(ready)
    written: list[int] = []
    for signal_id, intent_ids in sorted(ready.items()):
        try:
            written += _resume(signals[signal_id], intent_ids)
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("What waits at signal %s cannot be planned", signal_id)
            run(PUT_BACK, [intent_ids])
    return written


def _take_over(copies: Sequence[int] | None) -> None:
    values = {"copies": copies, "code": Reason.TAKEN_OVER, "message": TAKEN_OVER, "now": timezone.now()}
    with transaction.atomic():
        messages_publish(intent_messages([pk for (pk,) in run(TAKE_OVER, values)]))


@transaction.atomic
def _resume(signal: Signal, intent_ids: Sequence[int]) -> list[int]:
    copies = [copy_id for (copy_id,) in run(TAKE_UP, [list(intent_ids)])]
    if not copies:
        return []
    planned = intents_replan(signal=signal, copy_ids=copies)
    if planned.copies < len(copies):  # they ended while the last order of this was under way
        ended = Copy.objects.filter(pk__in=copies, state=CopyState.ENDED)
        waiting_end(copy_ids=list(ended.values_list("pk", flat=True)))
    return [pk for ids in planned.orders.values() for pk in ids]


def _judge(intents: Sequence[int], now: datetime) -> list[Settled]:
    """Bring decisions to the state of their orders; what an exit did not close is owed by its position."""
    values = {"blocks": list(BLOCKS), "tell_after": TELL_AFTER, "still_tried": STILL_TRIED, "thousands": THOUSANDS}
    values |= {"now": now}
    settled = [Settled._make(row) for row in run(SETTLE, values | {"intents": list(intents)})]
    owed = [{"intent_id": each.intent_id, "owed": each.owed} for each in settled if each.owed]
    if owed:
        run(OWE, [now, json_rows(owed)])
    return settled


def signals_finish() -> None:
    """Mark the signals whose decisions are all final."""
    if Signal.objects.filter(state=SignalState.PLANNED).exists():
        run(FINISH, {"now": timezone.now()})
