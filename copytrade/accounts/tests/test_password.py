"""A new password of one's own: who may set it, what it ends, and what goes on."""

import json
from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import AuditEvent, Scope, User
from copytrade.accounts.services import api_key_create
from copytrade.accounts.tokens import tokens_for_user, tokens_refresh
from copytrade.lib.errors import LoginRefused
from tests.factories import make_user

pytestmark = pytest.mark.django_db
OLD, NEW = "correct horse battery", "another horse battery"


@pytest.fixture
def ada() -> User:
    return make_user(username="ada", email="ada@example.test", password=OLD)


def change(client: Client, old: Any = OLD, new: Any = NEW, **headers: str) -> Any:
    """Ask for a new password; return the response."""
    body = json.dumps({"old_password": old, "new_password": new})
    return client.post("/api/users/me/password", body, content_type="application/json", headers=headers)


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens_for_user(user=user).access}"}


def status(client: Client, **headers: str) -> int:
    return client.get("/api/users/me", headers=headers).status_code


def test_the_new_password_lets_in_and_the_old_one_does_not(client: Client, ada: User):
    assert change(client, **bearer(ada)).status_code == 200
    assert Client().login(username="ada", password=NEW)
    assert not Client().login(username="ada", password=OLD)


def test_all_tokens_of_before_end_and_new_ones_are_answered(client: Client, ada: User):
    before, header = tokens_for_user(user=ada), bearer(ada)
    answer = change(client, **header)
    assert answer["Cache-Control"] == "no-store"
    assert status(client, Authorization=f"Bearer {answer.json()['data']['access_token']}") == 200
    assert status(client, **header) == 401
    with pytest.raises(LoginRefused):
        tokens_refresh(refresh=before.refresh)


def test_other_sessions_end_and_the_one_that_asks_goes_on(client: Client, ada: User):
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(ada)
    assert change(client).status_code == 200
    assert (status(client), status(elsewhere)) == (200, 401)


def test_who_asks_by_token_gets_no_session(client: Client, ada: User):
    change(client, **bearer(ada))
    assert "sessionid" not in client.cookies


def test_the_audit_trail_is_told(client: Client, ada: User):
    change(client, **bearer(ada))
    event = AuditEvent.objects.get(action="user.password")
    assert (event.actor, event.target, event.changes) == (ada, f"user:{ada.pk} ada", {})


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("wrong", NEW, "old_password"),
        (OLD, "short", "new_password"),
        (OLD, "1234567890123", "new_password"),
        (OLD, "ada@example.test", "new_password"),
        (None, NEW, "old_password"),
        (OLD, 5, "new_password"),
    ],
)
def test_a_wrong_old_or_a_weak_new_password_changes_nothing(client: Client, ada: User, old: Any, new: Any, path: str):
    answer = change(client, old, new, **bearer(ada))
    assert answer.status_code == 400
    assert {problem["path"] for problem in answer.json()["error"]["details"]["errors"]} == {path}
    assert Client().login(username="ada", password=OLD)
    assert not AuditEvent.objects.filter(action="user.password").exists()


def test_guessing_the_old_password_is_counted_as_logging_in(client: Client, ada: User, settings: Any):
    settings.LOGIN_RATE_LIMIT_MAX = 2
    header = bearer(ada)
    assert [change(client, "wrong", **header).status_code for _ in range(2)] == [400, 400]
    answer = change(client, **header)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_nobody_and_no_program_may(client: Client, ada: User):
    assert change(client).status_code == 401
    key = api_key_create(name="program", scopes=[Scope.TRADE], user=ada)[1]
    assert change(client, **{"X-API-Key": key}).status_code == 403


def test_a_page_of_elsewhere_changes_nothing(ada: User):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert change(client).status_code == 403
