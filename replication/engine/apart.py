"""Copies that cannot be planned, for a reason nobody thought of: told from the others, and passed over one by one."""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import run
from copytrade.realtime.services import messages_publish
from replication.engine.load_statements import CHOSEN, LOCK
from replication.engine.planning import SignalFailed, signal_plan_copies
from replication.models import Signal
from replication.services.messages import Told, decision_messages
from replication.vocabulary import EXITS, Action, IntentState, Reason, SignalState

logger = logging.getLogger(__name__)

MOST_PASSED = 20  # of a leader's copies in one round; what fails so often is looked at again by the next sweep
# A signal that can be planned for nobody keeps its leader waiting for so long: by then its entries are too old.
LONGEST_WAIT = timedelta(minutes=5)
EVERY_COPY = 2**31
LONGEST_ERROR = 500
NOT_DECIDED = "This trade could not be decided about, for a reason that nobody thought of; staff can see it."
TRIED_AGAIN = f"{NOT_DECIDED} It is tried again until it can be."
# Of an exit the market is that of the position, so that what comes later waits for it.
DECIDE = f"""
    WITH made AS (
        INSERT INTO replication_copyintent (signal_id, copy_id, market_id, side, exits, state, code, message, numbers,
            capped, quantity, worth, filled_quantity, attempts, detected_at, planned_at, finished_at, updated_at)
        SELECT %(signal)s, c.id, p.market_id,
            coalesce(p.side, CASE WHEN (%(side)s = 'LONG') <> c.inverted THEN 'LONG' ELSE 'SHORT' END), %(exits)s,
            %(state)s, %(code)s, %(message)s, '{{}}', '[]', 0, 0, 0, 1, %(detected_at)s, %(now)s,
            CASE WHEN NOT %(exits)s THEN %(now)s::timestamptz END, %(now)s
        FROM ({CHOSEN}) AS c LEFT JOIN LATERAL (
            SELECT market_id, side FROM replication_copyposition p WHERE p.copy_id = c.id AND %(exits)s
                AND p.leader_symbol = %(symbol)s AND p.leader_side = %(side)s ORDER BY p.quantity = 0, p.id DESC LIMIT 1
        ) p ON true
        ON CONFLICT DO NOTHING RETURNING id, copy_id, market_id, side
    )
    SELECT made.id, a.user_id, made.copy_id, m.symbol, made.side FROM made
    JOIN replication_copy c ON c.id = made.copy_id JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_market m ON m.id = made.market_id ORDER BY made.copy_id
"""
MARK = """
    INSERT INTO replication_copyaside (signal_id, copy_id, error, at) VALUES (%(signal)s, %(copy)s, %(error)s, %(now)s)
    ON CONFLICT DO NOTHING
"""


class Detour:
    """How a round goes on around what cannot be planned.

    Of each leader in `most` so many copies are planned at once: ever fewer, until the one that fails is alone and is
    passed over. Those in `left_out` have to wait for the next sweep.
    """

    def __init__(self) -> None:
        self.most: dict[int, int] = {}
        self.left_out: set[int] = set()
        self._passed = Counter[int]()

    def go_round(self, error: SignalFailed) -> None:
        """Have fewer copies tried next time, or pass over the one that was tried."""
        leader = error.trader_id
        if error.limit > 1:
            self.most[leader] = error.limit // 2
            return
        self.most.pop(leader, None)
        self._passed[leader] += 1
        if self._passed[leader] > MOST_PASSED or not _passed_over(error.signal_id):
            logger.error("Leader %s is left out until the next sweep", leader, exc_info=error)
            self.left_out.add(leader)


def failure_of(work: Callable[[], object]) -> Exception | None:
    """Return what happens when this is done, None where it goes well; nothing is changed. Needs a transaction."""
    try:
        with transaction.atomic():
            work()
            transaction.set_rollback(True)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (told once it is known whose it is)
        return error
    return None


def aside_mark(*, signal_id: int, copy_id: int | None, error: Exception) -> None:
    """Show staff what could not be planned (without a copy: for all that were left); once for each, never failing."""
    who = "Every copy that was left" if copy_id is None else f"Copy {copy_id}"
    logger.error("%s cannot be planned at signal %s", who, signal_id, exc_info=error)
    told = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR]
    values = {"signal": signal_id, "copy": copy_id, "error": told, "now": timezone.now()}
    _attempted(lambda: run(MARK, values))


def _passed_over(signal_id: int) -> bool:
    try:
        return next_copy_pass_over(signal_id=signal_id)
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("Signal %s cannot go on", signal_id)
        return False


@transaction.atomic
def next_copy_pass_over(*, signal_id: int) -> bool:
    """Pass over the copy whose turn it is at a signal, should it still not be possible to plan it.

    Where the signal can be planned for nobody, all its copies are passed over once it has waited for long. Return
    whether its leader may go on.
    """
    signal = _pending(signal_id)
    if signal is None:
        return True  # another worker has gone on with it, or does so now
    error = _failure(signal_id, 1)
    if error is None:
        return True
    shared = _failure(signal_id, 0)
    if shared is None:
        _pass_over(signal, 1, error)
    elif timezone.now() - signal.detected_at < LONGEST_WAIT:
        return False
    else:
        _pass_over(signal, EVERY_COPY, shared)
    return True


def _pending(signal_id: int) -> Signal | None:
    rows = Signal.objects.filter(pk=signal_id, state=SignalState.PENDING)
    return rows.select_for_update(skip_locked=True).first()


def _failure(signal_id: int, limit: int) -> Exception | None:
    signal = Signal.objects.get(pk=signal_id)  # planning changes it
    return failure_of(lambda: signal_plan_copies(signal, limit))


def _pass_over(signal: Signal, limit: int, error: Exception) -> None:
    which = {
        "trader": signal.trader_id,
        "after": signal.planned_copy_id,
        "only": None if signal.copy_id is None else [signal.copy_id],
        "limit": limit,
    }
    chosen = sorted(row[0] for row in run(LOCK, which))
    last = chosen[-1] if chosen else signal.planned_copy_id
    aside_mark(signal_id=signal.pk, copy_id=last if limit == 1 and chosen else None, error=error)
    _attempted(lambda: _decide(signal, {**which, "only": chosen}))
    signal.planned_copy_id = last
    signal.intents_count += len(chosen)
    if limit == EVERY_COPY:
        signal.state, signal.planned_at = SignalState.PLANNED, timezone.now()
    signal.save(update_fields=["planned_copy_id", "intents_count", "state", "planned_at"])


def _decide(signal: Signal, which: dict[str, Any]) -> None:
    """Write what owners read: entries are skipped, exits wait for the sweep. Little is read of the copy."""
    exits = Action(signal.action) in EXITS
    state, message = (IntentState.WAITING, TRIED_AGAIN) if exits else (IntentState.SKIPPED, NOT_DECIDED)
    values = {
        "signal": signal.pk,
        "symbol": signal.symbol,
        "side": signal.side,
        "exits": exits,
        "state": state,
        "code": Reason.NOT_DECIDED,
        "message": message,
        "detected_at": signal.detected_at,
        "now": timezone.now(),
    }
    told = [
        Told(pk, user_id, copy_id, symbol, side, state, Reason.NOT_DECIDED, message)
        for pk, user_id, copy_id, symbol, side in run(DECIDE, {**which, **values})
    ]
    messages_publish(decision_messages(signal, told))


def _attempted(work: Callable[[], object]) -> None:
    try:
        with transaction.atomic():
            work()
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("What was passed over cannot be told")
