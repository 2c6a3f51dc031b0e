"""Tokens: whom they let in, when they end, and that a refresh token works once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.db import connection
from django.test import Client
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import AccessToken

from copytrade.accounts.models import UsedRefreshToken
from copytrade.accounts.services import api_key_create
from copytrade.accounts.tasks import used_tokens_prune
from copytrade.accounts.tokens import Tokens, bearer_of, tokens_for_user, tokens_refresh
from copytrade.lib.errors import LoginRefused
from tests.factories import make_user

pytestmark = pytest.mark.django_db
ME, REFRESH = "/api/users/me", "/api/users/refresh"
NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def me(client: Client, token: str, scheme: str = "Bearer") -> Any:
    """Return the answer to who the bearer of a token is."""
    return client.get(ME, headers={"Authorization": f"{scheme} {token}"})


def refresh(client: Client, token: Any) -> Any:
    """Return the answer to exchanging a refresh token."""
    return client.post(REFRESH, {"refresh_token": token}, content_type="application/json")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_token_lets_its_user_in(client: Client, scheme: str) -> None:
    user = make_user()
    assert me(client, tokens_for_user(user=user).access, scheme).json()["data"]["id"] == user.pk


def test_a_session_or_a_key_that_may_read_tells_who_one_is_too(client: Client) -> None:
    user = make_user()
    for scope in ("read", "trade"):
        _, key = api_key_create(name="n8n", scopes=[scope], user=user)
        assert client.get(ME, headers={"X-API-Key": key}).json()["data"]["id"] == user.pk
    client.force_login(user)
    assert client.get(ME).json()["data"]["id"] == user.pk


def test_a_key_that_only_pushes_is_403_and_nobody_401(client: Client) -> None:
    _, key = api_key_create(name="scraper", scopes=["ingest"], user=make_user())
    assert client.get(ME, headers={"X-API-Key": key}).status_code == 403
    answer = client.get(ME)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NOT_AUTHENTICATED")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("kind", ["nonsense", "a.b.c", "ä", "refresh", "unsigned", "signed by another", "extra words"])
def test_what_is_no_access_token_of_ours_is_401(client: Client, kind: str) -> None:
    tokens = tokens_for_user(user=make_user())
    payload = AccessToken(tokens.access).payload  # type: ignore[arg-type]
    text = {
        "refresh": tokens.refresh,
        "unsigned": jwt.encode(payload, "", algorithm="none"),
        "signed by another": jwt.encode(payload, "another-secret-of-more-than-32-characters", algorithm="HS256"),
        "extra words": f"{tokens.access} more",
    }.get(kind, kind)
    answer = me(client, text)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUTHENTICATION_FAILED")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_another_kind_of_authorization_is_nobody(client: Client) -> None:
    answer = me(client, "YTpi", "Basic")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "NOT_AUTHENTICATED")


def test_a_bad_token_is_refused_even_where_anybody_may_read(client: Client) -> None:
    assert client.get("/symbols", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_a_token_ends_after_its_time(client: Client, clock: Any) -> None:
    token = tokens_for_user(user=make_user()).access
    clock.shift(timedelta(minutes=14, seconds=59))
    assert me(client, token).status_code == 200
    clock.shift(timedelta(seconds=2))
    assert me(client, token).status_code == 401


def test_the_tokens_of_somebody_who_is_not_active_any_more_end(client: Client) -> None:
    user = make_user()
    tokens = tokens_for_user(user=user)
    user.is_active = False
    user.save()
    assert me(client, tokens.access).status_code == 401
    assert refresh(client, tokens.refresh).status_code == 401


def test_a_deleted_user_has_no_tokens(client: Client) -> None:
    user = make_user()
    tokens = tokens_for_user(user=user)
    user.delete()
    assert me(client, tokens.access).status_code == 401
    assert refresh(client, tokens.refresh).status_code == 401


def test_a_new_password_ends_the_tokens_of_before(client: Client) -> None:
    user = make_user()
    tokens = tokens_for_user(user=user)
    user.set_password("another horse")
    user.save()
    assert me(client, tokens.access).status_code == 401
    assert refresh(client, tokens.refresh).status_code == 401


def test_a_refresh_token_is_exchanged_for_new_tokens_in_the_envelope(client: Client) -> None:
    user = make_user()
    answer = refresh(client, tokens_for_user(user=user).refresh)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    tokens = answer.json()["data"]
    assert tokens.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert bearer_of(tokens["access_token"]).user == user
    assert refresh(client, tokens["refresh_token"]).status_code == 200


def test_a_login_that_is_refreshed_lives_on_and_one_that_is_not_ends(client: Client, clock: Any) -> None:
    lives = idle = tokens_for_user(user=make_user())
    for _ in range(3):
        clock.shift(timedelta(days=6))
        lives = tokens_refresh(refresh=lives.refresh)
    assert me(client, lives.access).status_code == 200
    assert refresh(client, idle.refresh).status_code == 401


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": None}, {"refresh_token": "x" * 4097}])
def test_a_missing_or_malformed_refresh_token_is_400(client: Client, body: Any) -> None:
    answer = client.post(REFRESH, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == "refresh_token"


def test_an_access_token_cannot_be_exchanged(client: Client) -> None:
    assert refresh(client, tokens_for_user(user=make_user()).access).status_code == 401


def test_a_refresh_token_that_comes_again_ends_its_login_and_no_other(client: Client) -> None:
    user = make_user()
    stolen, other = tokens_for_user(user=user), tokens_for_user(user=user)
    newest = tokens_refresh(refresh=stolen.refresh)
    for _ in range(2):
        answer = refresh(client, stolen.refresh)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AUTHENTICATION_FAILED")
    assert refresh(client, newest.refresh).status_code == 401
    assert refresh(client, other.refresh).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_exchanges_at_once_at_most_one_succeeds() -> None:
    user = make_user()
    tokens, ready = tokens_for_user(user=user), threading.Barrier(8)

    def exchange() -> Tokens | None:
        try:
            ready.wait(10)
            return tokens_refresh(refresh=tokens.refresh)
        except LoginRefused:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(exchange) for _ in range(8)]]
    assert sum(result is not None for result in results) <= 1


def test_used_tokens_are_forgotten_once_they_would_be_refused_anyway(clock: Any) -> None:
    tokens_refresh(refresh=tokens_for_user(user=make_user()).refresh)
    clock.shift(timedelta(days=6))
    later = tokens_for_user(user=make_user())
    tokens_refresh(refresh=later.refresh)
    clock.shift(timedelta(days=2))
    assert (used_tokens_prune(), used_tokens_prune()) == (1, 0)
    assert UsedRefreshToken.objects.count() == 1
    with pytest.raises(LoginRefused):
        tokens_refresh(refresh=later.refresh)


class Change(APIView):
    """Changes something."""

    throttle_classes = []

    def post(self, request: Any) -> Response:
        return Response()


def test_a_session_still_needs_its_csrf_token_and_a_token_or_a_key_none() -> None:
    user = make_user()
    browser = APIRequestFactory(enforce_csrf_checks=True)
    forged = browser.post("/")
    forged.user = user
    assert Change.as_view()(forged).status_code == 403
    token, (_, key) = tokens_for_user(user=user).access, api_key_create(name="n8n", scopes=["trade"], user=user)
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-API-Key": key}):
        assert Change.as_view()(browser.post("/", headers=headers)).status_code == 200
