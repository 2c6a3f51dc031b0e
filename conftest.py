"""Fixtures for the tests of all apps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from tests.payloads import encode

INGEST_KEY = "an-ingest-key-for-tests-only"

Push = Callable[..., Any]


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    """Each test begins with full request budgets."""
    cache.clear()


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
