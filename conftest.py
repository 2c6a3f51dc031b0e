"""Fixtures for the tests of all apps."""

import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management.commands import flush
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client

from copytrade.lib.api import throttling
from markets.selectors.known import markets_forget
from tests.payloads import encode

INGEST_KEY = "an-ingest-key-for-tests-only"

# The same for all tests: to write them again takes longer than many a test.
WRITTEN_BY_MIGRATE = {"django_content_type", "auth_permission"}

Push = Callable[..., Any]


def _empty(
    self: DatabaseOperations, style: Any, tables: Sequence[str], *, reset_sequences: bool = False, **options: Any
) -> list[str]:
    """Return what empties the tables that hold rows: a test fills a few of a hundred, and TRUNCATE costs for each."""
    with self.connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(
                f"(SELECT '{table}' FROM {self.quote_name(table)} LIMIT 1)"
                for table in sorted(set(tables) - WRITTEN_BY_MIGRATE)
            )
        )
        filled = [table for (table,) in cursor.fetchall()]
    emptied = [f"DELETE FROM {self.quote_name(table)}" for table in filled]
    # Without triggers, foreign keys do not ask for an order.
    return ["SET session_replication_role = replica", *emptied, "SET session_replication_role = DEFAULT"]


@pytest.fixture(scope="session", autouse=True)
def _quick_to_empty() -> Iterator[None]:
    """Let tests with transactions of their own clean up in a few milliseconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", _empty)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Each test begins with full request budgets, and with markets of its own."""
    for cache in caches.all():
        cache.clear()
    markets_forget()


@pytest.fixture(autouse=True)
def _one_window() -> Iterator[None]:
    """Count the requests of a test in one window, in whichever second of a minute it begins."""
    began = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(throttling, "time", SimpleNamespace(time=lambda: began))
        yield


@pytest.fixture
def push(client: Client, settings: Any, db: None) -> Push:
    """Post a body (an object, or JSON text) to the ingest endpoint with a valid key; return the response."""
    settings.INGEST_API_KEY = INGEST_KEY

    def post(body: Any, **headers: str) -> Any:
        return client.post(
            "/ingest/binance-copytrade",
            data=encode(body),
            content_type="application/json",
            headers={"X-API-Key": INGEST_KEY, **headers},
        )

    return post


@pytest.fixture
def read(client: Client) -> Callable[[str], Any]:
    """Get a path; return the decoded answer of a 200."""

    def get(path: str) -> Any:
        response = client.get(path)
        assert response.status_code == 200, response.content
        return response.json()

    return get
