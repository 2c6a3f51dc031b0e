"""Whether the parts of this installation work."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.wire import iso_time
from copytrade.ops.signs_of_life import BEAT, EXECUTOR, WORKER, is_alive

OK, DOWN, UNKNOWN = "ok", "down", "unknown"
STARTED = time.monotonic()


@dataclass(frozen=True, slots=True)
class Health:
    """`ready`: requests can be answered. `status`: healthy, degraded (something beside is down) or unhealthy."""

    status: str
    ready: bool
    parts: dict[str, str]

    def report(self) -> dict[str, object]:
        """Return the flat answer of `/health`."""
        return {
            "status": self.status,
            "timestamp": iso_time(datetime.now(UTC)),
            "uptime": round(time.monotonic() - STARTED, 3),
            "version": settings.VERSION,
            "environment": settings.ENVIRONMENT,
            **self.parts,
        }


def check_health() -> Health:
    """Ask each part. Without the database nothing can be answered; without the others, less."""
    parts = {"database": _database(), **_redis_and_processes()}
    ready = parts["database"] == OK
    healthy = all(state == OK for state in parts.values())
    return Health("healthy" if healthy else "degraded" if ready else "unhealthy", ready, parts)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DATABASE_AWAY:
        return DOWN
    return OK


def _redis_and_processes() -> dict[str, str]:
    """Return the state of Redis, and of the processes that leave their marks in it."""
    try:
        cache.get("alive")
        return {"redis": OK} | {part: OK if is_alive(part) else DOWN for part in (WORKER, EXECUTOR, BEAT)}
    except (RedisError, OSError):
        return {"redis": DOWN} | dict.fromkeys((WORKER, EXECUTOR, BEAT), UNKNOWN)
