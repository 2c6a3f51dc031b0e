"""Facts of leaders into signals: each fact once, in the order in which the leader traded.

A fact that waits is marked by whoever stored it; taking the mark off and writing the signal is one transaction. One
that cannot be taken up is set aside, and holds up no other.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import insert_rows, run
from copytrade.lib.wire import plain_digits
from replication.engine.asides import Fact, facts_part, facts_set_aside, waiting_facts
from replication.engine.books import Book
from replication.engine.seen_events import event_books
from replication.engine.seen_fills import fill_books
from replication.engine.trades import Change, changes_of_doubtful
from replication.engine.unseen import Found, with_unseen
from replication.vocabulary import SignalSource, SignalState
from traders.models import LeadTrader

logger = logging.getLogger(__name__)

# `OFFSET 0` lets accounts be looked up one by one: young tables are read whole otherwise.
WAITING = """
    SELECT DISTINCT e.trader_id FROM traders_tradeevent e WHERE e.awaits_copy
        AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.event_id = e.id AND x.again_at > now())
    UNION
    SELECT l.trader_id FROM replication_leaderaccount l WHERE EXISTS (
        SELECT FROM orders_fill f JOIN orders_order o ON o.id = f.order_id
        WHERE f.account_id = l.account_id AND f.awaits_copy AND o.cause_id IS NULL
            AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.fill_id = f.id AND x.again_at > now())
        OFFSET 0)
"""
LOCK = "SELECT * FROM traders_leadtrader WHERE id = %s FOR NO KEY UPDATE"
# Whoever stores a trade does not wait for who holds the leader: that one takes it up, or is followed by one who does.
LOCK_IF_FREE = """
    SELECT t.* FROM traders_leadtrader t JOIN replication_leaderaccount l ON l.trader_id = t.id
    WHERE l.account_id = %s FOR NO KEY UPDATE OF t SKIP LOCKED
"""
SIGNAL_COLUMNS = {
    "trader_id": "bigint",
    "copy_id": "bigint",
    "source": "text",
    "source_key": "text",
    "state": "text",
    "action": "text",
    "venue": "text",
    "symbol": "text",
    "base_asset": "text",
    "quote_asset": "text",
    "side": "text",
    "quantity": "numeric",
    "price": "numeric",
    "fraction": "numeric",
    "position_before": "numeric",
    "leader_equity": "numeric",
    "leverage": "numeric",
    "order_id": "bigint",
    "event_time": "timestamptz",
    "detected_at": "timestamptz",
    "planned_copy_id": "bigint",
    "intents_count": "integer",
    "numbers": "jsonb",
}
Turn = tuple[datetime, bool]
EARLIEST: Turn = (datetime.min.replace(tzinfo=UTC), False)
PART_COLUMNS = {"signal_id": "bigint", "event_id": "bigint", "fill_id": "bigint", "exits": "boolean"}


def signals_collect() -> int:
    """Turn all waiting facts into signals; return how many were written. Safe to run beside itself."""
    return sum(leader_signals_collect(trader_id=pk) for (pk,) in run(WAITING))


def leader_signals_collect(*, trader_id: int) -> int:
    """Turn a leader's waiting facts into signals; return how many were written. Safe to run beside itself.

    They must not hold up those of other leaders, nor one fact the leader's others: what goes wrong is logged.
    """
    for collect in (leader_collect, _collect_sound):
        try:
            return collect(trader_id=trader_id)
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("The trades of leader %s cannot be taken up together", trader_id)
    return 0


@transaction.atomic
def leader_collect(*, trader_id: int) -> int:
    """Turn the waiting facts of a leader into signals; one caller at a time. Return how many were written."""
    return _collect(_locked(trader_id))


def account_collect(*, account_id: int) -> int | None:
    """Do the same for who leads with an account, within the caller's transaction, which ends with what this raises.

    Return the leader whose signals were written, None where there was nothing or somebody else holds it.
    """
    for leader in LeadTrader.objects.raw(LOCK_IF_FREE, [account_id]):
        return leader.pk if _collect(leader) else None
    return None


@transaction.atomic
def _collect_sound(*, trader_id: int) -> int:
    """Turn those of the waiting facts into signals that can be, and set the others aside.

    Where not all were looked at, the next sweep goes on: what others did to a position is asked of all of them.
    """
    leader = _locked(trader_id)
    parted = facts_part(waiting_facts(trader_id), lambda facts: _failure(leader, facts))
    if parted.unsound:
        facts_set_aside(trader_id=trader_id, unsound=parted.unsound)
        if _failure(leader, parted.sound):
            return 0  # beside those that are set aside now: the next sweep finds out which of them
    return 0 if parted.unreached else _collect(leader, parted.sound)


def _failure(leader: LeadTrader, facts: Sequence[Fact]) -> Exception | None:
    """Return what happens when these facts are taken up; nothing is changed."""
    try:
        with transaction.atomic():
            _collect(leader, facts)
            transaction.set_rollback(True)
    except DATABASE_AWAY:
        raise
    except Exception as error:  # noqa: BLE001  (told once it is known whose it is)
        return error
    return None


def _locked(trader_id: int) -> LeadTrader:
    return LeadTrader.objects.raw(LOCK, [trader_id])[0]


def _collect(leader: LeadTrader, facts: Sequence[Fact] | None = None) -> int:
    turned = [
        *_turned(event_books(leader, only=_of(facts, SignalSource.EVENT)), SignalSource.EVENT),
        *_turned(fill_books(leader, only=_of(facts, SignalSource.FILL)), SignalSource.FILL),
    ]
    turned.sort(key=lambda each: each[0])
    found = with_unseen(leader, [each for _, each in turned])
    rows = [
        signal_row(leader=leader, source=source, key=key, change=change, book=book)
        for source, key, change, book in found
    ]
    return signals_write(rows, {each.source_key: each.change for each in found})


def _of(facts: Sequence[Fact] | None, source: SignalSource) -> list[int] | None:
    return None if facts is None else [fact.pk for fact in facts if fact.source == source]


def signals_write(rows: Sequence[Mapping[str, Any]], changes: Mapping[str, Change] | None = None) -> int:
    """Insert signals, in the order of their numbers, with the facts that they are made of; return how many are new."""
    written = insert_rows(
        "replication_signal", SIGNAL_COLUMNS, rows, unless_there=True, returning="id, source, source_key"
    )
    parts = [
        {
            "signal_id": pk,
            "event_id": fact if source == SignalSource.EVENT else None,
            "fill_id": fact if source == SignalSource.FILL else None,
            "exits": changes[key].exits,
        }
        for pk, source, key in written
        if changes is not None
        for fact in changes[key].fact_ids
    ]
    insert_rows("replication_signalpart", PART_COLUMNS, parts)
    return len(written)


def signal_row(
    *,
    leader: LeadTrader,
    source: SignalSource,
    key: str,
    change: Change,
    book: Book,
    copy_id: int | None = None,
) -> dict[str, Any]:
    """Return the columns of a signal."""
    return {
        "trader_id": leader.pk,
        "copy_id": copy_id,
        "source": source,
        "source_key": key,
        "state": SignalState.PENDING,
        "action": change.action,
        "venue": book.venue,
        "symbol": book.instrument.symbol,
        "base_asset": book.instrument.base_asset,
        "quote_asset": book.instrument.quote_asset,
        "side": change.side,
        "quantity": change.quantity,
        "price": change.price,
        "fraction": change.fraction,
        "position_before": change.position_before,
        "leader_equity": book.equity,
        "leverage": book.leverage,
        "order_id": change.order_id,
        "event_time": change.event_time,
        "detected_at": change.detected_at,
        "planned_copy_id": 0,
        "intents_count": 0,
        "numbers": _numbers(change, book),
    }


def _numbers(change: Change, book: Book) -> dict[str, Any]:
    """Return what planning asks of a signal beside its columns."""
    flags = {"superseded": change.superseded, "inverse": book.inverse, "in_doubt": change.in_doubt}
    flags["not_shown"] = not change.shown and not change.exits
    flags["part_of_order"] = change.order_id is not None and not change.exits and change.order_share != 1
    numbers: dict[str, Any] = {name: True for name, flag in flags.items() if flag}
    if change.order_share is not None and change.order_share < 1:
        numbers["order_share"] = plain_digits(change.order_share)
    return numbers


def _turned(books: Iterable[Book], source: SignalSource) -> list[tuple[Turn, Found]]:
    """Return changes with their turns: of one moment exits come first, but those of one position as it was traded."""
    found = []
    for book in books:
        turn = EARLIEST
        for change in changes_of_doubtful(book.trades, book.after, book.otherwise, step=book.step):
            turn = max(turn, (change.event_time, not change.exits))
            key = f"{source}:{change.fact_ids[0]}:{'exit' if change.exits else 'entry'}"
            found.append((turn, Found(source, key, change, book)))
    return found
