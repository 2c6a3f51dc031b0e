"""What an API key is good for: its scopes, and the user that it acts for."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError
from django.test import Client
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from copytrade.accounts.authentication import find_key_holder
from copytrade.accounts.models import ApiKey, Scope
from copytrade.accounts.permissions import IsPerson, IsStaff, MayRead, MayReadOrTrade, MayTrade
from copytrade.accounts.services import api_key_create, api_key_revoke
from copytrade.lib.errors import InvalidInput
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db


class View(APIView):
    """Tells who asked."""

    permission_classes: Any = [MayTrade]
    throttle_classes = []

    def get(self, request: Any) -> Response:
        return Response({"user": request.user.pk})

    post = get


def ask(permission: Any, method: str = "get", *, key: str | None = None, user: Any = None) -> Any:
    """Return the answer of a view with the permission."""
    headers = {} if key is None else {"X-API-Key": key}
    request = getattr(APIRequestFactory(), method)("/", headers=headers)
    if user is not None:
        force_authenticate(request, user)
    return View.as_view(permission_classes=[permission])(request)


def problem_paths(**values: Any) -> list[str]:
    """Return the paths of what is wrong with a wished key."""
    with pytest.raises(InvalidInput) as refusal:
        api_key_create(**{"name": "n8n", **values})
    return [problem["path"] for problem in refusal.value.details["errors"]]


@pytest.mark.parametrize("scope", ["trade", "read"])
def test_a_key_acts_for_its_user(scope: str) -> None:
    user = make_user()
    _, key = api_key_create(name="n8n", scopes=[scope], user=user)
    assert ask(MayRead, key=key).data == {"user": user.pk}


def test_who_may_trade_may_read() -> None:
    _, key = api_key_create(name="n8n", scopes=["trade"], user=make_user())
    for permission in (MayRead, MayTrade, MayReadOrTrade):
        assert ask(permission, key=key).status_code == 200
    assert ask(MayReadOrTrade, "post", key=key).status_code == 200


def test_who_may_read_may_not_trade_and_is_told_which_scope_is_missing() -> None:
    _, key = api_key_create(name="n8n", scopes=["read"], user=make_user())
    assert ask(MayReadOrTrade, key=key).status_code == 200
    for answer in (ask(MayTrade, key=key), ask(MayReadOrTrade, "post", key=key)):
        assert answer.status_code == 403
        assert "lacks the scope `trade`" in answer.data["error"]["message"]


@pytest.mark.parametrize("with_user", [True, False])
@pytest.mark.parametrize("permission", [MayRead, MayTrade, MayReadOrTrade, IsStaff])
def test_a_key_that_only_pushes_is_403_elsewhere_even_with_a_user(permission: Any, with_user: bool) -> None:
    _, key = api_key_create(name="scraper", scopes=["ingest"], user=make_staff() if with_user else None)
    answer = ask(permission, key=key)
    assert answer.status_code == 403
    assert "lacks the scope" in answer.data["error"]["message"]


def test_the_key_of_the_environment_only_pushes(settings: Any) -> None:
    settings.INGEST_API_KEY = "an-ingest-key-for-tests-only"
    assert ask(MayTrade, key=settings.INGEST_API_KEY).status_code == 403
    holder = find_key_holder(settings.INGEST_API_KEY)
    assert holder is not None
    assert holder.scopes == {"ingest"}


@pytest.mark.parametrize("scopes", [["trade"], ["read"], ["ingest"], ["ingest", "read", "trade"]])
def test_no_key_stands_for_a_person_whatever_its_scopes(scopes: list[str]) -> None:
    user = make_staff()
    _, key = api_key_create(name="n8n", scopes=scopes, user=user)
    answer = ask(IsPerson, "post", key=key)
    assert (answer.status_code, answer.data["error"]["code"]) == (403, "PERMISSION_DENIED")
    assert "An API key may not do this" in answer.data["error"]["message"]
    assert ask(IsPerson, "post", user=user).status_code == 200


@pytest.mark.parametrize("permission", [MayRead, MayTrade, MayReadOrTrade, IsStaff, IsPerson])
def test_nobody_is_401(permission: Any) -> None:
    assert ask(permission).status_code == 401
    assert ask(permission, user=AnonymousUser()).status_code in {401, 403}


@pytest.mark.parametrize("permission", [MayRead, MayTrade, MayReadOrTrade])
def test_users_need_no_scope(permission: Any) -> None:
    assert ask(permission, user=make_user()).status_code == 200


def test_staff_is_let_in_by_login_or_by_a_key_with_the_right_scope() -> None:
    staff = make_staff()
    _, reads = api_key_create(name="looks", scopes=["read"], user=staff)
    _, trades = api_key_create(name="acts", scopes=["trade"], user=staff)
    assert ask(IsStaff, "post", user=staff).status_code == 200
    assert ask(IsStaff, key=reads).status_code == 200
    assert ask(IsStaff, "post", key=reads).status_code == 403
    assert ask(IsStaff, "post", key=trades).status_code == 200


def test_people_who_are_no_staff_are_403_where_staff_is_needed() -> None:
    user = make_user()
    _, key = api_key_create(name="acts", scopes=["trade"], user=user)
    for answer in (ask(IsStaff, user=user), ask(IsStaff, key=key)):
        assert (answer.status_code, answer.data["error"]["message"]) == (403, "Only staff may do this.")


def test_the_key_of_somebody_who_is_not_active_any_more_is_401() -> None:
    user = make_user()
    _, key = api_key_create(name="n8n", scopes=["trade"], user=user)
    user.is_active = False
    user.save()
    answer = ask(MayRead, key=key)
    assert (answer.status_code, answer.data["error"]["code"]) == (401, "AUTHENTICATION_FAILED")


def test_a_revoked_key_is_401() -> None:
    row, key = api_key_create(name="n8n", scopes=["trade"], user=make_user())
    api_key_revoke(key=row, actor=make_staff())
    assert ask(MayRead, key=key).status_code == 401


@pytest.mark.parametrize("scopes", [["trade"], ["read"], ["ingest", "trade"]])
def test_a_key_that_acts_for_a_user_is_not_made_without_one(scopes: list[str]) -> None:
    assert problem_paths(scopes=scopes) == ["user"]
    assert not ApiKey.objects.exists()


def test_a_key_for_nothing_for_something_unknown_or_for_somebody_inactive_is_not_made() -> None:
    assert problem_paths(scopes=[]) == ["scopes"]
    assert problem_paths(scopes=["withdraw"]) == ["scopes"]
    assert problem_paths(scopes=["trade"], user=make_user(is_active=False)) == ["user"]


def test_the_database_refuses_a_key_that_acts_for_nobody() -> None:
    with pytest.raises(IntegrityError, match="personal_keys_have_a_user"):
        ApiKey.objects.create(name="n8n", prefix="x", secret_sha256="x", scopes=[Scope.TRADE])


def test_a_key_still_pushes_without_a_user(client: Client) -> None:
    _, key = api_key_create(name="scraper", scopes=["ingest"])
    answer = client.post("/ingest/binance-copytrade", "{}", "application/json", headers={"X-API-Key": key})
    assert answer.status_code == 400  # let in, and its empty body refused


def test_a_key_that_only_trades_does_not_push(client: Client) -> None:
    _, key = api_key_create(name="n8n", scopes=["trade"], user=make_user())
    answer = client.post("/ingest/binance-copytrade", "{}", "application/json", headers={"X-API-Key": key})
    assert answer.status_code == 403
    assert "`ingest`" in answer.json()["error"]["message"]
