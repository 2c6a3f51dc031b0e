"""Speaking to the API of copies in short words."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from copytrade.accounts.models import User


def as_user(user: User) -> Client:
    """Return a client that is logged in."""
    client = Client()
    client.force_login(user)
    return client


def get(client: Client, path: str, *, status: int = 200, **query: Any) -> Any:
    """Get a path below /api/; return the decoded answer."""
    response = client.get(f"/api/{path}", query)
    assert response.status_code == status, response.content
    return json.loads(response.content, parse_float=Decimal)


def post(client: Client, path: str, body: Any = None, *, status: int = 200) -> Any:
    """Post a body to a path below /api/; return the decoded answer."""
    return _send(client.post, path, body, status)


def patch(client: Client, path: str, body: Any, *, status: int = 200) -> Any:
    """Patch a path below /api/; return the decoded answer."""
    return _send(client.patch, path, body, status)


def paths(answer: Any) -> set[str]:
    """Return the fields that a refusal names."""
    return {problem["path"] for problem in answer["error"]["details"]["errors"]}


def statements(call: Callable[[], Any]) -> int:
    """Return how many statements a call takes."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def _send(send: Any, path: str, body: Any, status: int) -> Any:
    content = {} if body is None else {"data": json.dumps(body)}
    response = send(f"/api/{path}", content_type="application/json", **content)
    assert response.status_code == status, response.content
    return json.loads(response.content)
