"""Handing work to a worker because staff asked for it, and what became of it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery.result import AsyncResult
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from copytrade.lib.errors import NotFound, ServiceUnavailable
from copytrade.lib.redis import client

logger = logging.getLogger(__name__)

WAITING = "PENDING"  # what Celery says of a task that waits, and of every id that it has never heard of


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task: PENDING (it waits for a worker), STARTED, SUCCESS, FAILURE, RETRY or REVOKED; UNKNOWN without Redis."""

    id: str
    state: str
    result: Any = None
    error: str = ""


def task_send(send: Callable[[], Any]) -> str:
    """Return the id of the task that was sent; raises `ServiceUnavailable` where the queue does not answer."""
    try:
        task_id = str(send().id)
    except OperationalError as error:
        raise ServiceUnavailable("The queue does not answer right now; send it again.") from error
    _remember(task_id)
    return task_id


def task_state(task_id: str) -> TaskState:
    """Return what is known of a task; one that was never sent, or so long ago that it is forgotten, is `NotFound`.

    What was sent is remembered beside the queue, as long as results are kept: where Redis is wiped, the task that
    waited is gone as well, and nobody waits for it.
    """
    task: Any = AsyncResult(task_id)
    try:
        state, result = task.state, task.result
        known = state != WAITING or bool(client(settings.REDIS_URL).exists(_key(task_id)))
    except (RedisError, OSError):
        return TaskState(task_id, "UNKNOWN")
    if not known:
        raise NotFound(f"There is no task {task_id}, or it was sent more than a day ago.")
    if isinstance(result, BaseException):
        return TaskState(task_id, state, error=repr(result)[:500])
    return TaskState(task_id, state, result=result if state == "SUCCESS" else None)


def _remember(task_id: str) -> None:
    """Keep the id; without it the task is found as soon as a worker has begun it."""
    try:
        client(settings.REDIS_URL).set(_key(task_id), b"1", ex=settings.CELERY_RESULT_EXPIRES)
    except RedisError as error:
        logger.warning("Task %s was sent and not remembered, since Redis does not answer: %s", task_id, error)


def _key(task_id: str) -> str:
    return f"copytrade:task:{task_id}"
