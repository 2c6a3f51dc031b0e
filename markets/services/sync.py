"""Handing work to a worker because staff asked for it, and what became of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from copytrade.lib.errors import ServiceUnavailable


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task: PENDING (waiting, or not known), STARTED, SUCCESS, FAILURE, RETRY or REVOKED; UNKNOWN without Redis."""

    id: str
    state: str
    result: Any = None
    error: str = ""


def task_send(send: Callable[[], Any]) -> str:
    """Return the id of the task that was sent; raises `ServiceUnavailable` where the queue does not answer."""
    try:
        return str(send().id)
    except OperationalError as error:
        raise ServiceUnavailable("The queue does not answer right now; send it again.") from error


def task_state(task_id: str) -> TaskState:
    """Return what is known of a task."""
    task: Any = AsyncResult(task_id)
    try:
        state, result = task.state, task.result
    except (RedisError, OSError):
        return TaskState(task_id, "UNKNOWN")
    if isinstance(result, BaseException):
        return TaskState(task_id, state, error=repr(result)[:500])
    return TaskState(task_id, state, result=result if state == "SUCCESS" else None)
