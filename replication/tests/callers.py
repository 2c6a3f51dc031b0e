"""Asking the API as somebody, in short words; what is asked, and what the answer says."""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from copytrade.accounts.models import User


def client_of(user: User | None) -> Client:
    """Return a client that is logged in as somebody, or as nobody."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def post(user: User | None, path: str, body: Any = None, **headers: str) -> Any:
    """Post JSON as somebody, or as nobody; return the response."""
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client_of(user).post(path, text, content_type="application/json", headers=named)


def get(user: User | None, path: str, status: int = 200) -> Any:
    """Get a path as somebody; return the decoded answer."""
    answer = client_of(user).get(path)
    assert answer.status_code == status, answer.content
    return answer.json()


def data(answer: Any, status: int = 200) -> Any:
    """Return what is in an answer of this status."""
    assert answer.status_code == status, answer.content
    return answer.json()["data"]


def code(answer: Any) -> tuple[int, str]:
    """Return status and code of a failure."""
    return answer.status_code, answer.json()["error"]["code"]


def problems(answer: Any) -> dict[str, str]:
    """Return what is wrong with a body, by path."""
    assert answer.status_code == 400, answer.content
    return {problem["path"]: problem["message"] for problem in answer.json()["error"]["details"]["errors"]}


def statements(call: Callable[[], Any]) -> int:
    """Return how many statements a call takes."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)
