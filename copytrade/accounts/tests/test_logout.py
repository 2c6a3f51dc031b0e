"""Logging out at the API: the login of a refresh token ends, and the session."""

import json
from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import User
from copytrade.accounts.tokens import Tokens, tokens_for_user, tokens_refresh
from copytrade.lib.errors import LoginRefused
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return make_user(username="ada")


@pytest.fixture
def tokens(ada: User) -> Tokens:
    return tokens_for_user(user=ada)


def log_out(client: Client, body: Any = None, **more: Any) -> Any:
    """Log out; return the response."""
    data = "" if body is None else json.dumps(body)
    return client.post("/api/users/logout", data, content_type="application/json", **more)


def is_in(client: Client) -> bool:
    return client.get("/api/users/me").status_code == 200


def test_the_login_of_the_token_ends_with_all_that_came_of_it(client: Client, tokens: Tokens):
    newer = tokens_refresh(refresh=tokens.refresh)
    answer = log_out(client, {"refresh_token": tokens.refresh})
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": None})
    with pytest.raises(LoginRefused):
        tokens_refresh(refresh=newer.refresh)


def test_other_logins_go_on(client: Client, ada: User, tokens: Tokens):
    other = tokens_for_user(user=ada)
    log_out(client, {"refresh_token": tokens.refresh})
    assert tokens_refresh(refresh=other.refresh)


def test_an_access_token_that_has_expired_hinders_nobody(client: Client, tokens: Tokens):
    answer = log_out(client, {"refresh_token": tokens.refresh}, headers={"Authorization": "Bearer expired"})
    assert answer.status_code == 200


def test_a_session_ends_without_a_body(client: Client, ada: User):
    client.force_login(ada)
    assert log_out(client).status_code == 200
    assert not is_in(client)


def test_a_session_and_a_token_end_together(client: Client, ada: User, tokens: Tokens):
    client.force_login(ada)
    log_out(client, {"refresh_token": tokens.refresh})
    assert not is_in(client)
    with pytest.raises(LoginRefused):
        tokens_refresh(refresh=tokens.refresh)


def test_a_page_of_elsewhere_ends_no_session(ada: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert log_out(client).status_code == 403
    assert is_in(client)


def test_a_wrong_token_is_answered_the_same_again_and_again(client: Client, tokens: Tokens):
    for token in ("wrong", tokens.access, tokens.refresh, tokens.refresh):
        assert log_out(client, {"refresh_token": token}).status_code == 200


@pytest.mark.parametrize("body", [None, {}, {"refresh_token": 5}, []])
def test_without_a_session_the_token_is_needed(client: Client, body: Any):
    answer = log_out(client, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
