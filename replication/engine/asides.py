"""Trades of leaders that cannot be taken up: told from the sound ones, and set aside so that these go on."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from copytrade.lib.sql import insert_rows, json_rows, run
from replication.vocabulary import SignalSource

logger = logging.getLogger(__name__)

MOST_TRIES = 64  # at a time: the leader's row is locked meanwhile
FIRST_AFTER, LONGEST_AFTER = timedelta(minutes=1), timedelta(hours=1)
WAITING = f"""
    SELECT source, id FROM (
        SELECT '{SignalSource.EVENT}' AS source, e.id, e.event_time AS time FROM traders_tradeevent e
        WHERE e.trader_id = %(trader)s AND e.awaits_copy
            AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.event_id = e.id AND x.again_at > now())
        UNION ALL
        SELECT '{SignalSource.FILL}', f.id, f.time FROM orders_fill f JOIN orders_order o ON o.id = f.order_id
        WHERE f.awaits_copy AND o.cause_id IS NULL AND f.account_id IN (
                SELECT account_id FROM replication_leaderaccount WHERE trader_id = %(trader)s)
            AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.fill_id = f.id AND x.again_at > now())
    ) AS facts ORDER BY time, source, id
"""
AGAIN = """
    UPDATE replication_tradeaside x SET error = n.error, attempts = x.attempts + 1,
        again_at = %(now)s + least(%(first)s * 2 ^ least(x.attempts, 20), %(longest)s)
    FROM json_to_recordset(%(rows)s) AS n(event_id bigint, fill_id bigint, error text)
    WHERE x.event_id = n.event_id OR x.fill_id = n.fill_id
"""
COLUMNS = {
    "trader_id": "bigint",
    "event_id": "bigint",
    "fill_id": "bigint",
    "error": "text",
    "attempts": "integer",
    "since": "timestamptz",
    "again_at": "timestamptz",
}
LONGEST_ERROR = 500


class Fact(NamedTuple):
    """A trade as it is stored: of which kind, and its number."""

    source: SignalSource
    pk: int


@dataclass(slots=True)
class Parted:
    """Facts told apart: those that go together, what is wrong with the others, and those that were not reached."""

    sound: list[Fact] = field(default_factory=list)
    unsound: dict[Fact, Exception] = field(default_factory=dict)
    unreached: list[Fact] = field(default_factory=list)


def waiting_facts(trader_id: int) -> list[Fact]:
    """Return what waits of a leader, the oldest first, without what is set aside until later."""
    return [Fact(SignalSource(source), pk) for source, pk in run(WAITING, {"trader": trader_id})]


def facts_part(facts: Sequence[Fact], fails: Callable[[Sequence[Fact]], Exception | None]) -> Parted:
    """Tell those that fail from those that do not, by halves (pure but for `fails`).

    Each is tried with all that were found sound before it: of two that fail only together the later one is unsound.
    """
    parted, parts = Parted(), [list(facts)]
    for _ in range(MOST_TRIES):
        if not parts:
            break
        part = parts.pop()
        error = fails([*parted.sound, *part])
        if error is None:
            parted.sound += part
        elif len(part) == 1:
            parted.unsound[part[0]] = error
        else:
            half = len(part) // 2
            parts += [part[half:], part[:half]]
    parted.unreached = [fact for part in parts for fact in part]
    return parted


def facts_set_aside(*, trader_id: int, unsound: Mapping[Fact, Exception]) -> None:
    """Set facts of a leader aside, each time for twice as long as before; staff see them at the desk."""
    for fact, error in unsound.items():
        logger.error("Leader %s: %s %s is set aside", trader_id, fact.source, fact.pk, exc_info=error)
    now = timezone.now()
    rows = list(_rows(trader_id, unsound))
    values = {"rows": json_rows(rows), "now": now, "first": FIRST_AFTER, "longest": LONGEST_AFTER}
    run(AGAIN, values)
    new = [row | {"attempts": 1, "since": now, "again_at": now + FIRST_AFTER} for row in rows]
    insert_rows("replication_tradeaside", COLUMNS, new, unless_there=True)


def _rows(trader_id: int, unsound: Mapping[Fact, Exception]) -> Iterator[dict[str, object]]:
    for fact, error in unsound.items():
        yield {
            "trader_id": trader_id,
            "event_id": fact.pk if fact.source == SignalSource.EVENT else None,
            "fill_id": fact.pk if fact.source == SignalSource.FILL else None,
            "error": f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ERROR],
        }
