"""How many SQL statements requests need, counted as Django sends them, BEGIN and COMMIT included."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.load import PATH
from benchmarks.reports import Leader


def count_pushes(key: str) -> dict[str, int]:
    """Return the statements of a push by its size, for a new or a known leader: whichever needs more."""
    _push(key, _new_leader(1).report(1))  # what only the first request of a process or of a key needs
    small, large = _new_leader(10), _new_leader(20)
    counts = {
        "100+10": max(_push(key, small.report(100)) for _ in range(3)),
        "500+20": max(_push(key, large.report(500)) for _ in range(3)),
    }
    body = small.report(100)
    _push(key, body)
    return {**counts, "replay": _push(key, body)}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a request and the seconds that it took."""

    sql: str
    seconds: float


def statements_of(path: str) -> list[Statement]:
    """Return the statements of a GET."""
    timed: list[float] = []

    def watch(execute: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            timed.append(time.perf_counter() - started)

    with connection.execute_wrapper(watch), CaptureQueriesContext(connection) as captured:
        answer = _client().get(path)
    _expect_success(answer.status_code, answer.content)
    return [Statement(query["sql"], seconds) for query, seconds in zip(captured, timed, strict=True)]


def plan_of(statement: Statement) -> str:
    """Return a statement and its plan as it is carried out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement.sql}")
        plan = "\n".join(f"    {line}" for (line,) in cursor.fetchall())
    return f"  {statement.seconds * 1000:.1f} ms: {statement.sql}\n{plan}\n"


def _push(key: str, body: bytes) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = _client().post(PATH, body, content_type="application/json", headers={"X-API-Key": key})
    _expect_success(answer.status_code, answer.content)
    return len(captured)


def _client() -> Client:
    return Client(SERVER_NAME="localhost")


def _new_leader(positions: int) -> Leader:
    return Leader(uuid4().hex, positions)


def _expect_success(status: int, content: bytes) -> None:
    if status != 200:
        raise RuntimeError(f"{status}: {content[:500]!r}")
