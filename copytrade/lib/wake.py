"""Waking background work from below: by the name of its task, once the rows that it looks for are committed.

A wake that gets lost costs seconds only: a schedule looks for the same rows.
"""

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from copytrade.lib.redis import client

logger = logging.getLogger(__name__)

KEPT_MILLISECONDS = 1_000


def wake_on_commit(task: str) -> None:
    """Send a task without arguments once the present transaction is committed, unless one is on its way already."""
    transaction.on_commit(lambda: wake(task), robust=True)


def wake(task: str, *, times: int = 1) -> None:
    """Send a task without arguments, for so many workers, unless one was sent that has not begun."""
    try:
        if client(settings.REDIS_URL).set(_mark(task), 1, nx=True, px=KEPT_MILLISECONDS):
            for _ in range(times):
                current_app.send_task(task)
    except (RedisError, OperationalError, OSError) as error:
        logger.warning("%s is not woken, since Redis does not answer; its schedule finds the work: %r", task, error)


def woken(task: str) -> None:
    """Say that a task has begun: whoever has work for it from now on sends another one."""
    try:
        client(settings.REDIS_URL).delete(_mark(task))
    except RedisError as error:
        logger.warning("The mark of %s is left to expire: %r", task, error)


def _mark(task: str) -> str:
    return f"copytrade:wake:{task}"
