"""Doing one thing while another is at it, each on a connection of its own."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from copytrade.lib.sql import run

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
LONGEST_SECONDS = 10


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the test."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


def beside(pool: ThreadPoolExecutor, job: Callable[[], Any]) -> Future[Any]:
    """Begin a job on a connection of its own."""

    def closing() -> Any:
        try:
            return job()
        finally:
            connection.close()

    return pool.submit(closing)


def until_somebody_waits(unless: Future[Any] | None = None) -> None:
    """Return once a transaction of this database waits for another one, or what may do so is done."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (unless and unless.done()) and not run(WAITING):
        assert time.monotonic() < deadline
        run("SELECT pg_stat_clear_snapshot()")
