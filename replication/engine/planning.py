"""Turning signals into decisions and orders: a chunk of copies in one transaction, however many there are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import localcontext
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY, is_contention
from copytrade.lib.sql import run
from copytrade.realtime.services import messages_publish
from markets.venues.registry import venues
from orders.executor.claiming import Taken, orders_write_taken
from orders.services.writing import orders_write_many
from replication.engine.deciding import Decided, decide, scene_of
from replication.engine.instruments import Instrument
from replication.engine.loading import Loaded, Question, followers_load
from replication.engine.mapping import markets_for
from replication.engine.places import Places
from replication.engine.storing import decisions_store
from replication.models import CopyIntent, Signal
from replication.services.messages import Told, decision_messages
from replication.sizing import CONTEXT
from replication.vocabulary import IntentState, SignalState

# Few first, so that orders leave early; then as many as were planned before, while those are on their way.
FIRST_CHUNK, SECOND_CHUNK, LARGEST_CHUNK = 50, 250, 750
NEXT = """
    SELECT s.* FROM replication_signal s WHERE state = 'pending' AND trader_id <> ALL(%(without)s)
        AND (%(leader)s::bigint IS NULL OR trader_id = %(leader)s) AND NOT EXISTS (
        SELECT FROM replication_signal o WHERE o.state = 'pending' AND o.trader_id = s.trader_id AND o.id < s.id)
    ORDER BY action IN ('OPEN', 'INCREASE'), id
"""
CLAIM = f"{NEXT} LIMIT 1 FOR UPDATE SKIP LOCKED"
TURN = "SELECT * FROM replication_signal WHERE id = %s AND state = 'pending' FOR UPDATE"
ADVANCE = """
    UPDATE replication_signal SET intents_count = %s, planned_copy_id = %s, state = %s, planned_at = %s WHERE id = %s
"""
LONGEST_TURN = "SET LOCAL lock_timeout = '1s'"
EVERY: Mapping[int, int] = MappingProxyType({})  # of all leaders as many as usual


@dataclass(frozen=True, slots=True)
class Planned:
    """The orders that a chunk wrote, how many copies were decided about, and whether the signal has more.

    Those in `taken` are this worker's to send; those in `waiting` are anybody's.
    """

    taken: Taken | None
    waiting: Sequence[int]
    copies: int
    more: bool


class SignalFailed(Exception):
    """A signal of this leader could not be planned for its next copies, at most `limit`; nothing was changed."""

    def __init__(self, signal: Signal, limit: int) -> None:
        super().__init__(f"Signal {signal.pk} of leader {signal.trader_id} could not be planned for {limit} copies.")
        self.signal_id, self.trader_id, self.limit = signal.pk, signal.trader_id, limit


def signal_plan_chunk(
    *,
    leader: int | None = None,
    expected: bool = False,
    without: Collection[int] = (),
    wait: bool = False,
    most: Mapping[int, int] = EVERY,
) -> Planned | None:
    """Plan some of the copies of the oldest signal that waits, of anybody or one leader; None where no signal does.

    One transaction: either the decisions, their orders and the mark of how far it is are there, or nothing. A signal
    that another worker plans just now is left to it, or with `wait` waited for, a second at most; leaders may be left
    out, or have at `most` so many copies planned. Whoever knows that one waits calls it `expected`, which saves a
    question. `SignalFailed` names the leader and how many copies were tried.
    """
    among = {"leader": leader, "without": list(without)}
    if not expected and not run(f"{NEXT} LIMIT 1", among):
        return None  # most often; asked outside a transaction, which would cost more than the question
    try:
        with transaction.atomic():
            signal = _claim(among, wait=wait)
            return None if signal is None else _plan(signal, most)
    except _NotYetError:
        return None


class _NotYetError(Exception):
    """Another worker is not done with the signal."""


def _plan(signal: Signal, most: Mapping[int, int]) -> Planned:
    usual = _usual_limit(signal)
    limit = min(usual, most.get(signal.trader_id, usual))
    try:
        return signal_plan_copies(signal, limit)
    except DATABASE_AWAY:
        raise
    except Exception as error:
        raise SignalFailed(signal, limit) from error


def _claim(among: Mapping[str, Any], *, wait: bool) -> Signal | None:
    if free := list(Signal.objects.raw(CLAIM, dict(among))):
        return free[0]
    while wait and (taken := run(f"{NEXT} LIMIT 1", among)):
        if mine := _turn(taken[0][0]):
            return mine
    return None


def _turn(pk: int) -> Signal | None:
    """Wait for the other worker's transaction and return the signal, None where it was the last one."""
    run(LONGEST_TURN)
    try:
        mine = list(Signal.objects.raw(TURN, [pk]))
    except DATABASE_AWAY as error:
        if is_contention(error):
            raise _NotYetError from error
        raise
    run("SET LOCAL lock_timeout TO DEFAULT")
    return mine[0] if mine else None


def _usual_limit(signal: Signal) -> int:
    planned = signal.intents_count
    return min(max(planned, SECOND_CHUNK), LARGEST_CHUNK) if planned else FIRST_CHUNK


def signal_plan_copies(signal: Signal, limit: int) -> Planned:
    """Plan the next copies of a signal whose row is locked, at most so many. Needs the transaction of the lock."""
    only = None if signal.copy_id is None else [signal.copy_id]
    loaded, decided = _decide(signal, Question(signal.planned_copy_id, limit, only), {})
    stored = decisions_store(signal, decided, {}, insert=True)
    taken, waiting = orders_write_taken(stored.orders)
    more = len(loaded.chosen) == limit
    _advance(signal, loaded.chosen, len(decided), more=more)
    _tell(signal, [each for each in decided if not each.decision.orders], stored.intents)
    return Planned(taken, waiting, len(decided), more)


def intents_replan(*, signal: Signal, copy_ids: Sequence[int]) -> Planned:
    """Decide anew about copies that wait at a signal (or are tried again by a person); needs a transaction."""
    rows = CopyIntent.objects.filter(signal=signal, copy__in=copy_ids, attempts__gt=1)
    attempts = dict(rows.values_list("copy_id", "attempts"))
    _, decided = _decide(signal, Question(only=sorted(copy_ids)), attempts)
    stored = decisions_store(signal, decided, attempts, insert=False)
    written = orders_write_many(stored.orders)
    _tell(signal, [each for each in decided if _is_over(each)], stored.intents)
    return Planned(None, [pk for pk in written if pk is not None], len(decided), more=False)


def _is_over(each: Decided) -> bool:
    return each.decision.state == IntentState.SKIPPED


def _tell(signal: Signal, decided: Sequence[Decided], intents: Mapping[int, int]) -> None:
    told = [_told(each, intents[each.follower.copy_id]) for each in decided if each.follower.copy_id in intents]
    messages_publish(decision_messages(signal, told))


def _told(each: Decided, pk: int) -> Told:
    decision, follower, symbol = each.decision, each.follower, each.market.symbol if each.market else None
    code = decision.code or ""
    return Told(pk, follower.user_id, follower.copy_id, symbol, decision.side, decision.state, code, decision.message)


def _decide(signal: Signal, question: Question, attempts: Mapping[int, int]) -> tuple[Loaded, list[Decided]]:
    now = timezone.now()
    instrument = Instrument(signal.symbol, signal.base_asset, signal.quote_asset)
    mapped = markets_for(instrument, venues())
    loaded = followers_load(signal, question, {venue: row.pk for venue, row in mapped.items()}, now=now)
    scene = scene_of(signal, loaded, {row.pk: row for row in mapped.values()}, now)
    places = Places(scene.prices)
    with localcontext(CONTEXT):
        return loaded, [decide(scene, each, places, attempts.get(each.copy_id, 1)) for each in loaded.followers]


def _advance(signal: Signal, chosen: Sequence[int], decided: int, *, more: bool) -> None:
    signal.intents_count += decided
    if chosen:
        signal.planned_copy_id = chosen[-1]
    if not more:
        signal.state, signal.planned_at = SignalState.PLANNED, timezone.now()
    run(ADVANCE, [signal.intents_count, signal.planned_copy_id, signal.state, signal.planned_at, signal.pk])
