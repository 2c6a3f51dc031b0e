"""What became lately of leaders' trades at those who copy: counted by the database, and kept for a minute."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib.sql import run
from replication.selectors.statistics import LATENCIES, LEADERS_OWN, Latency, latency_of, percent

logger = logging.getLogger(__name__)

RECENT = timedelta(days=30)
KEPT_SECONDS = 60
# Leader by leader and signal by signal (which OFFSET keeps apart): all is found by its index, whatever else there is.
DECIDED = f"""
    SELECT l.id, d.* FROM unnest(%s::bigint[]) AS l(id) CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE i.state IN ('filled', 'partial')),
            count(*) FILTER (WHERE i.state IN ('filled', 'partial', 'failed')), {LATENCIES}
        FROM replication_signal s CROSS JOIN LATERAL (
            SELECT i.state, i.attempts, i.detected_at, i.planned_at, i.acknowledged_at FROM replication_copyintent i
            WHERE i.signal_id = s.id OFFSET 0
        ) i WHERE s.trader_id = l.id AND s.detected_at >= %s AND {LEADERS_OWN}
    ) d
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """Of a leader's decisions of the last 30 days: how many were filled, of those that were tried, and how fast."""

    done: int
    tried: int
    latency: Latency

    @property
    def success_percent(self) -> Decimal | None:
        """Which part of what was tried was filled, wholly or in part."""
        return percent(self.done, self.tried)


def decided_lately(leaders: Sequence[int]) -> dict[int, Decided]:
    """Return the figures of leaders by their ids, at most a minute old; one statement at most, none if all are kept."""
    known = _kept(leaders)
    missing = [pk for pk in leaders if pk not in known]
    if missing:
        rows = run(DECIDED, [missing, timezone.now() - RECENT])
        fresh = {pk: Decided(done, tried, latency_of(*latency)) for pk, done, tried, *latency in rows}
        _keep(fresh)
        known |= fresh
    return known


def _kept(leaders: Sequence[int]) -> dict[int, Decided]:
    keys = {_key(pk): pk for pk in leaders}
    try:
        return {keys[key]: value for key, value in cache.get_many(keys).items()}
    except RedisError as error:
        logger.warning("Figures of leaders are counted anew, since Redis does not answer: %s", error)
        return {}


def _keep(fresh: dict[int, Decided]) -> None:
    try:
        cache.set_many({_key(pk): value for pk, value in fresh.items()}, timeout=KEPT_SECONDS)
    except RedisError as error:
        logger.warning("Figures of leaders are not kept, since Redis does not answer: %s", error)


def _key(pk: int) -> str:
    return f"decided:{pk}"
