"""What became of orders, told to the decisions that they carry out; and what waited for them goes on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter

from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import json_rows, look_up_by_number, numbers, run
from copytrade.realtime.services import messages_publish
from orders.accounting import FillFact
from replication.engine.booking import Key, copy_facts_book, copy_fills_take
from replication.engine.resuming import NOT_REFUSED, waiting_resume
from replication.models import Signal
from replication.services.messages import IntentRow, failing_messages, intents_told
from replication.vocabulary import UNDER_WAY, SignalState

LARGEST_BATCH = 1_000
# After so many orders that its venue refused, its owner is told that an exit does not succeed, and what can be done; it
# goes on being tried.
TELL_AFTER = 6
STILL_TRIED = (
    "It is tried again every few minutes until it is closed. You can have it tried at once, close the position by hand "
    "at the venue, or stop the copy and keep it."
)
REFUSED = "o.state <> 'FILLED' AND o.reason_code <> ALL(%(not_refused)s)"
# Venues end orders without a word: immediate ones that nobody met at their price, above all.
NOT_FILLED, ENDED_UNFILLED = "NOT_FILLED", "The venue ended this order before all of it was filled."
UNFINISHED = "('waiting', 'partial', 'failed', 'skipped')"
# An order counts as over when it is final and all that it filled is booked, here as well. Slippage is positive where
# the price was worse than the leader's: higher for a buyer. Coins may be counted by the thousand on either side. Of
# several orders the newest says why that was not filled; those of the last attempt say when. What an exit did not close
# is owed: what it left before is counted against that. Numbers that are only told are read as text.
SETTLE = f"""
    WITH told AS (
        SELECT i.id, i.signal_id, i.copy_id, i.market_id, i.state, i.exits, i.quantity, i.filled_quantity,
            bool_and(o.state IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED')
                AND o.filled_quantity <= o.booked_quantity
                AND NOT EXISTS (SELECT FROM orders_fill f WHERE f.order_id = o.id AND f.awaits_copy)) AS over,
            sum(o.filled_quantity) AS filled, min(o.sent_at) FILTER (WHERE o.created_at >= i.planned_at) AS first_sent,
            min(o.acknowledged_at) FILTER (WHERE o.created_at >= i.planned_at) AS first_acknowledged,
            max(o.finished_at) FILTER (WHERE o.created_at >= i.planned_at AND o.filled_quantity > 0) AS last_filled,
            count(*) FILTER (WHERE {REFUSED}) AS refused,
            coalesce(nullif((array_agg(o.reason_code ORDER BY o.state = 'FILLED', o.id DESC))[1], ''),
                %(not_filled)s::text) AS why,
            (array_agg(o.reason ORDER BY o.state = 'FILLED', o.id DESC))[1] AS reason,
            (array_agg(o.side))[1] = 'BUY' AS buy,
            sum(o.average_price * o.filled_quantity)
                / nullif(sum(o.filled_quantity) FILTER (WHERE o.average_price IS NOT NULL), 0) AS average
        FROM replication_copyintent i JOIN orders_order o ON o.cause_id = i.id
        WHERE i.id = ANY(%(intents)s) GROUP BY i.id
    ), judged AS (
        SELECT i.id, i.state AS before, i.filled_quantity AS filled_before, i.filled, i.average, i.buy, i.why, i.reason,
            i.first_sent, i.first_acknowledged, i.last_filled,
            coalesce(nullif(i.reason, ''), %(ended_unfilled)s::text) AS words,
            CASE WHEN s.base_asset = m.base_asset THEN s.price
                ELSE s.price / coalesce(substring(s.base_asset FROM %(thousands)s)::numeric, 1)
                    * coalesce(substring(m.base_asset FROM %(thousands)s)::numeric, 1) END AS leader_price,
            CASE WHEN NOT i.over THEN 'planned' WHEN i.filled >= i.quantity THEN 'filled'
                WHEN i.exits AND i.state IN ('planned', 'waiting') AND c.state <> 'ended' THEN 'waiting'
                WHEN i.filled > 0 THEN 'partial' WHEN i.why = 'CANCELED_UNSENT' THEN 'skipped'
                ELSE 'failed' END AS state,
            i.refused >= %(tell_after)s AND i.why <> ALL(%(not_refused)s) AS failing,
            a.user_id, s.trader_id, s.symbol AS leader_symbol, m.symbol AS market_symbol, s.action
        FROM told i JOIN replication_signal s ON s.id = i.signal_id
        JOIN replication_copy c ON c.id = i.copy_id JOIN orders_tradingaccount a ON a.id = c.account_id
        LEFT JOIN markets_market m ON m.id = i.market_id
        WHERE i.state = 'planned' OR i.filled > i.filled_quantity
    )
    UPDATE replication_copyintent i SET state = j.state, filled_quantity = j.filled, average_price = j.average,
        slippage_percent = CASE WHEN j.leader_price > 0 THEN
            round((j.average / j.leader_price - 1) * 100 * CASE WHEN j.buy THEN 1 ELSE -1 END, 10) END,
        code = CASE WHEN j.state IN ('failed', 'skipped', 'waiting') OR (j.state = 'partial' AND i.code = '') THEN j.why
            ELSE i.code END,
        message = CASE WHEN j.state = 'waiting' AND j.failing
                THEN concat_ws('. ', nullif(rtrim(left(j.words, 300), ' .'), ''), %(still_tried)s::text)
            WHEN j.state = 'partial' AND j.reason = '' AND i.message <> '' THEN i.message
            WHEN j.state NOT IN ('planned', 'filled') THEN j.words ELSE i.message END,
        sent_at = j.first_sent, acknowledged_at = j.first_acknowledged,
        filled_at = CASE WHEN j.state <> 'planned' THEN coalesce(i.filled_at, j.last_filled) END,
        finished_at = CASE WHEN j.state NOT IN ('planned', 'waiting') THEN coalesce(i.finished_at, %(now)s) END,
        attempts = i.attempts + CASE WHEN j.state = 'waiting' AND j.before = 'planned' THEN 1 ELSE 0 END,
        updated_at = %(now)s
    FROM judged j WHERE j.id = i.id
    RETURNING j.user_id, i.id, i.signal_id, i.copy_id, j.trader_id, j.leader_symbol, j.market_symbol, i.side, j.action,
        i.state, i.code, i.message, trim_scale(i.quantity)::text, trim_scale(i.filled_quantity)::text,
        trim_scale(i.average_price)::text, trim_scale(i.slippage_percent)::text, i.detected_at, i.finished_at,
        CASE WHEN i.exits THEN trim_scale(
            CASE WHEN i.state IN {UNFINISHED} THEN i.quantity - i.filled_quantity ELSE 0 END
            - CASE WHEN j.before IN {UNFINISHED} THEN i.quantity - j.filled_before ELSE 0 END) END,
        CASE WHEN j.failing AND i.state = 'waiting' AND j.before = 'planned' THEN (
            SELECT count(*) FROM orders_order o WHERE o.cause_id = i.id AND {REFUSED} AND o.created_at < i.planned_at
        ) < %(tell_after)s ELSE false END
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
        SELECT unnest(%(intents)s::bigint[])
        UNION SELECT cause_id FROM orders_order WHERE id = ANY(%(orders)s::bigint[]))
    ORDER BY id FOR NO KEY UPDATE
"""
OWE = """
    UPDATE replication_copyposition p SET remainder = p.remainder - n.owed, updated_at = %s
    FROM json_to_recordset(%s) AS n(intent_id bigint, owed numeric) JOIN replication_copyintent i ON i.id = n.intent_id
    WHERE (p.copy_id, p.market_id, p.side) = (i.copy_id, i.market_id, i.side)
"""
FINISH = """
    UPDATE replication_signal s SET state = 'done', finished_at = %(now)s WHERE s.state = 'planned' AND NOT EXISTS (
        SELECT FROM replication_copyintent i WHERE i.signal_id = s.id AND i.state IN ('waiting', 'planned'))
"""


class Settled(IntentRow, frozen=True, gc=False):
    """What a decision became: the columns that `SETTLE` returns."""

    owed: Decimal | None
    """How much more (less: negative) of the position is to be closed, where this is an exit."""
    to_tell: bool
    """Whether its owner is told now that it does not succeed."""


def orders_settle(order_ids: Sequence[int] | None = None) -> list[int]:
    """Book the trades of these orders of copies (or of those that wait) and judge their decisions.

    Return the ids of orders that were written for what waited and may be sent now. Safe to repeat, and to run beside
    itself. Must not run inside a transaction.
    """
    with transaction.atomic():
        if order_ids is not None:
            look_up_by_number()
        taken = copy_fills_take(order_ids)
        stale = [pk for (pk,) in run(STALE, [LARGEST_BATCH])] if order_ids is None else []
        wanted = {"intents": numbers([*taken.intents, *stale]), "orders": numbers(order_ids or ())}
        intents = [pk for (pk,) in run(LOCK, wanted)]
        settled = decisions_settle(intents, taken.facts)
    return settled_resume(settled)


def decisions_settle(intents: Sequence[int], facts: Mapping[Key, Sequence[FillFact]]) -> list[Settled]:
    """Book trades that were taken up, judge locked decisions by their orders and tell their owners.

    Needs a transaction.
    """
    now = timezone.now()
    copy_facts_book(facts, now=now)
    settled = _judge(intents, now) if intents else []
    told = intents_told(settled)
    messages_publish([*told, *failing_messages([each.id for each in settled if each.to_tell])])
    return settled


def settled_resume(settled: Sequence[Settled]) -> list[int]:
    """Plan what waited for those that are over; return the ids of the orders written."""
    over = [each.id for each in settled if each.state not in UNDER_WAY]
    return waiting_resume(over) if over else []


def _judge(intents: Sequence[int], now: datetime) -> list[Settled]:
    """Bring decisions to the state of their orders; what an exit did not close is owed by its position."""
    values = {
        "not_refused": list(NOT_REFUSED),
        "tell_after": TELL_AFTER,
        "still_tried": STILL_TRIED,
        "not_filled": NOT_FILLED,
        "ended_unfilled": ENDED_UNFILLED,
        "thousands": THOUSANDS,
        "now": now,
        "intents": numbers(intents),
    }
    rows = run(SETTLE, values)
    settled = [Settled(*row) for row in sorted(rows, key=itemgetter(1))]
    owed = [{"intent_id": each.id, "owed": each.owed} for each in settled if each.owed]
    if owed:
        run(OWE, [now, json_rows(owed)])
    return settled


def signals_finish() -> None:
    """Mark the signals whose decisions are all final."""
    if Signal.objects.filter(state=SignalState.PLANNED).exists():
        run(FINISH, {"now": timezone.now()})
