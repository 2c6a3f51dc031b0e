"""Signs of life of the processes that nobody can ask: workers and beat leave a mark in the cache."""

import logging
import time

from celery import current_app
from celery.signals import heartbeat_sent, worker_ready
from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WORKER = "worker"
EXECUTOR = "executor"  # the worker that sends orders
ORDERS_QUEUE = "copy"
BEAT = "beat"
ALIVE_SECONDS = 30
MARK_EVERY_SECONDS = 5
_marked: dict[str, float] = {}


def mark_alive(part: str) -> None:
    """Leave a mark for this part, every few seconds at the most."""
    now = time.monotonic()
    if now - _marked.get(part, -MARK_EVERY_SECONDS) < MARK_EVERY_SECONDS:
        return
    try:
        cache.set(f"alive:{part}", 1, timeout=ALIVE_SECONDS)
        _marked[part] = now
    except RedisError as error:
        logger.warning("The %s leaves no sign of life, since Redis does not answer: %s", part, error)


def is_alive(part: str) -> bool:
    """Return whether the part left a mark within half a minute; raises RedisError without Redis."""
    return cache.get(f"alive:{part}") is not None


@worker_ready.connect
@heartbeat_sent.connect
def mark_worker(**_: object) -> None:
    """Mark a worker when it is ready and at each of its heartbeats, as what its queues make it."""
    queues = set(current_app.amqp.queues.consume_from)
    if ORDERS_QUEUE in queues:
        mark_alive(EXECUTOR)
    if queues != {ORDERS_QUEUE}:
        mark_alive(WORKER)
