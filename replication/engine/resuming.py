"""What waited for other orders, or for its account, is planned anew: ever more rarely where it does not succeed."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import numbers, run
from copytrade.realtime.services import messages_publish
from replication.engine.apart import NOT_DECIDED, TRIED_AGAIN, aside_mark, failure_of
from replication.engine.planning import intents_replan
from replication.models import Copy, Signal
from replication.services.messages import intent_messages
from replication.services.stopping import waiting_end
from replication.vocabulary import UNDECIDED, CopyState, Reason

logger = logging.getLogger(__name__)

LARGEST_BATCH = 1_000
MOST_TRIES = 64  # of one signal at a time
# Codes of orders that were not sent since the account was not allowed to; what only closes waits until it is.
BLOCKS = ("ACCOUNT_PAUSED", "LIVE_TRADING_OFF", "TRADING_HALTED")
# Those, and what a venue answers that has no time, or nobody answers: of the order itself nothing was refused.
NOT_REFUSED = (*BLOCKS, "VENUE_DOWN", "VENUE_BUSY", "RATE_LIMITED", "NEVER_ARRIVED")
LONGEST_PAUSE = timedelta(minutes=5)
# Of what no venue refused: it goes on soon after the account may send again, or the venue answers.
LONGEST_BLOCKED_PAUSE = timedelta(minutes=1)
TAKEN_OVER = "A later exit of this position closes this as well."
WAITING_COPIES = """
    SELECT DISTINCT i.copy_id FROM replication_copyintent i WHERE i.id = ANY(%s) AND EXISTS (
        SELECT FROM replication_copyintent w WHERE w.copy_id = i.copy_id AND w.state = 'waiting')
"""
# What counted as over may be open at its venue after all: until it is over, nothing else does the same.
OPEN_AFTER_ALL = """
    EXISTS (SELECT FROM orders_order v WHERE v.cause_id = i.id
        AND v.state NOT IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED'))
"""
# An exit that does not succeed holds up no later one of its position, which closes what is owed as well. A later one
# that may be taken for a trade of an earlier position takes nothing over. What was never decided owes nothing yet: only
# a close takes it over. Nobody is waited for: who holds a row is about to send its orders, or has ended it.
TAKE_OVER = f"""
    WITH taken AS (
        SELECT i.id FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
        WHERE i.state = 'waiting' AND i.exits AND (i.attempts > 1 OR i.code = ANY(%(undecided)s))
            AND (%(copies)s::bigint[] IS NULL OR i.copy_id = ANY(%(copies)s)) AND EXISTS (
            SELECT FROM replication_copyintent o JOIN replication_signal l ON l.id = o.signal_id
            WHERE o.copy_id = i.copy_id AND o.market_id = i.market_id AND o.side = i.side
                AND o.state = 'waiting' AND o.exits AND o.id > i.id AND l.event_time >= s.event_time
                AND (i.attempts > 1 OR l.action = 'CLOSE')) AND NOT {OPEN_AFTER_ALL}
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
        AND (i.code <> 'NOT_DECIDED' OR i.updated_at + interval '10 seconds' < statement_timestamp())
        AND (i.attempts = 1 OR i.updated_at + (0.8 + 0.4 * random()) * least(
            CASE WHEN i.code = ANY(%(not_refused)s) THEN %(blocked_pause)s ELSE %(pause)s END::interval,
            interval '0.5 second' * power(2, least(i.attempts, 10))) < statement_timestamp())
    ORDER BY i.updated_at LIMIT %(limit)s
"""
# Accounts first, as whoever plans for a copy or stops it.
LOCK_ACCOUNTS = """
    SELECT id FROM orders_tradingaccount WHERE id IN (
        SELECT c.account_id FROM replication_copyintent i JOIN replication_copy c ON c.id = i.copy_id
        WHERE i.id = ANY(%s)) ORDER BY id FOR NO KEY UPDATE
"""
TAKE_UP = f"""
    SELECT i.copy_id FROM replication_copyintent i WHERE i.id = ANY(%s) AND i.state = 'waiting' AND NOT {OPEN_AFTER_ALL}
    ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED
"""
# What stumbles comes after everything else that waits. Where only one does, its owner reads so: of an entry nothing
# more comes, and no exit waits behind it.
PUT_BACK = """
    UPDATE replication_copyintent SET updated_at = statement_timestamp() WHERE id IN (
        SELECT id FROM replication_copyintent WHERE id = ANY(%s) AND state = 'waiting'
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
NOT_DECIDE = """
    UPDATE replication_copyintent SET code = %(code)s, message = CASE WHEN exits THEN %(tried)s ELSE %(message)s END,
        state = CASE WHEN exits THEN 'waiting' WHEN filled_quantity > 0 THEN 'partial' ELSE 'skipped' END,
        finished_at = CASE WHEN NOT exits THEN %(now)s END, updated_at = %(now)s
    WHERE id = %(intent)s AND state = 'waiting' AND code <> %(code)s RETURNING id, copy_id
"""


def waiting_resume(finished: Sequence[int] | None = None) -> list[int]:
    """Plan anew what waited for these decisions, or all that may go on; return the ids of the orders written.

    Each signal is a transaction of its own, and so is each half of one that fails: what cannot be planned holds up
    nothing else.
    """
    copies = None
    if finished is not None:
        copies = [pk for (pk,) in run(WAITING_COPIES, [numbers(finished)])]
        if not copies:
            return []
    _take_over(copies)
    ready = defaultdict(list)
    values = {"not_refused": list(NOT_REFUSED), "pause": LONGEST_PAUSE, "blocked_pause": LONGEST_BLOCKED_PAUSE}
    for signal_id, intent_id in run(READY, {**values, "copies": copies, "limit": LARGEST_BATCH}):
        ready[signal_id].append(intent_id)
    signals = Signal.objects.in_bulk(ready)
    written: list[int] = []
    for signal_id, intent_ids in sorted(ready.items()):
        written += _resume_apart(signals[signal_id], intent_ids)
    return written


def _resume_apart(signal: Signal, intent_ids: Sequence[int]) -> list[int]:
    """Plan these; those of which one stumbles in halves, down to the one. What is not reached comes first next time."""
    parts, written = [list(intent_ids)], list[int]()
    for _ in range(MOST_TRIES):
        if not parts:
            break
        part = parts.pop()
        try:
            written += _resume(signal, part)
        except DATABASE_AWAY:
            raise
        except Exception as error:
            logger.exception("What waits at signal %s cannot be planned", signal.pk)
            parts += _halves(signal, part, error, whole=len(part) == len(intent_ids))
    return written


def _halves(signal: Signal, intent_ids: Sequence[int], error: Exception, *, whole: bool) -> list[list[int]]:
    """Return what to try of those that fail: halves; nothing of one alone, nor where the signal fails for everybody."""
    with transaction.atomic():
        if whole and failure_of(lambda: intents_replan(signal=signal, copy_ids=[])) is not None:
            run(PUT_BACK, [intent_ids])
            return []
        if len(intent_ids) == 1:
            _not_decide(signal, intent_ids[0], error)
            return []
    half = len(intent_ids) // 2
    return [[*intent_ids[half:]], [*intent_ids[:half]]]


def _not_decide(signal: Signal, intent_id: int, error: Exception) -> None:
    run(PUT_BACK, [[intent_id]])
    values = {"intent": intent_id, "code": Reason.NOT_DECIDED, "tried": TRIED_AGAIN, "message": NOT_DECIDED}
    for pk, copy_id in run(NOT_DECIDE, {**values, "now": timezone.now()}):
        aside_mark(signal_id=signal.pk, copy_id=copy_id, error=error)
        messages_publish(intent_messages([pk]))


def _take_over(copies: Sequence[int] | None) -> None:
    told = {"code": Reason.TAKEN_OVER, "message": TAKEN_OVER, "now": timezone.now()}
    values = {**told, "copies": copies, "undecided": list(UNDECIDED)}
    with transaction.atomic():
        messages_publish(intent_messages([pk for (pk,) in run(TAKE_OVER, values)]))


@transaction.atomic
def _resume(signal: Signal, intent_ids: Sequence[int]) -> list[int]:
    run(LOCK_ACCOUNTS, [numbers(intent_ids)])
    copies = [copy_id for (copy_id,) in run(TAKE_UP, [numbers(intent_ids)])]
    if not copies:
        return []
    planned = intents_replan(signal=signal, copy_ids=copies)
    if planned.copies < len(copies):  # they ended while the last order of this was under way
        ended = Copy.objects.filter(pk__in=copies, state=CopyState.ENDED)
        waiting_end(copy_ids=list(ended.values_list("pk", flat=True)))
    return list(planned.waiting)
