"""Logging in for tokens: by name or address, as form or JSON, and nothing that tells who has an account."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework_simplejwt.tokens import AccessToken

from copytrade.accounts.models import User
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db
LOGIN = "/api/users/login"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def ada() -> User:
    return make_user(username="ada", email="Ada@Example.test", password="correct horse")


def login(client: Client, username: Any = "ada", password: Any = "correct horse", **more: Any) -> Any:
    """Log in with JSON; return the response."""
    body = json.dumps({"username": username, "password": password})
    return client.post(LOGIN, body, content_type="application/json", **more)


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).hashed += 1
        return super().encode(password, salt)


@pytest.fixture
def hasher(settings: Any) -> Iterator[type[CountingHasher]]:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    yield CountingHasher
    CountingHasher.hashed = 0


def test_a_login_answers_flat_as_oauth2_has_it(client: Client, ada: User, settings: Any) -> None:
    answer = login(client)
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("bearer", 900)
    assert answer["Cache-Control"] == "no-store"
    ada.refresh_from_db()
    assert ada.last_login is not None


@pytest.mark.parametrize("extra", ["", "&grant_type=password&scope=&client_id=&client_secret="])
def test_the_form_of_oauth2_is_taken_as_well(client: Client, ada: User, extra: str) -> None:
    answer = client.post(LOGIN, f"username=ada&password=correct%20horse{extra}", content_type=FORM)
    assert answer.status_code == 200
    assert answer.json()["access_token"]


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada@Example.test", "ada@example.TEST"])
def test_one_logs_in_by_name_or_by_address_in_whatever_case(client: Client, ada: User, name: str) -> None:
    assert login(client, name).status_code == 200


def test_the_token_says_who_asks(client: Client, ada: User) -> None:
    token = login(client).json()["access_token"]
    answer = client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"].items() >= {"id": ada.pk, "username": "ada", "email": "Ada@example.test"}.items()


def test_a_password_is_not_in_the_token(client: Client, ada: User) -> None:
    payload = str(AccessToken(login(client).json()["access_token"]).payload)
    assert ada.password not in payload
    assert "correct" not in payload


@pytest.mark.parametrize("name", ["ada", "nobody", "ada@example.test", "inactive"])
def test_who_may_not_come_in_gets_the_same_answer_after_the_same_work(
    client: Client, ada: User, hasher: type[CountingHasher], name: str
) -> None:
    make_user(username="inactive", is_active=False, password="correct horse")
    hasher.hashed = 0
    answer = login(client, name, "correct horse" if name == "inactive" else "wrong")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error"] == {
        "code": "AUTHENTICATION_FAILED",
        "message": "The name or the password is wrong, or this account is not active.",
        "details": {},
    }
    assert hasher.hashed == 1


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["username", "password"]),
        ({"username": "ada"}, ["password"]),
        ({"username": "", "password": "x"}, ["username"]),
        ({"username": "a" * 255, "password": "x" * 1025}, ["username", "password"]),
        ({"username": 5, "password": ["x"]}, ["username", "password"]),
        ({"username": "a\0da", "password": "\ud800"}, ["username", "password"]),
        ([], [""]),
        ("ada", [""]),
        (None, [""]),
    ],
)
def test_wrong_input_names_each_wrong_field(client: Client, body: Any, paths: list[str]) -> None:
    answer = client.post(LOGIN, json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert [problem["path"] for problem in answer.json()["error"]["details"]["errors"]] == paths


def test_a_body_that_is_no_json_is_400_and_another_type_415(client: Client) -> None:
    assert client.post(LOGIN, "{", content_type="application/json").status_code == 400
    assert client.post(LOGIN, "<a/>", content_type="application/xml").status_code == 415


def test_a_name_that_reads_like_the_address_of_another_is_taken_as_a_name(client: Client, ada: User) -> None:
    other = make_user(username="ada@example.test", password="another horse")
    assert login(client, "ada@example.test").status_code == 401
    token = login(client, "ada@example.test", "another horse").json()["access_token"]
    answer = client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"]["id"] == other.pk


def test_no_two_people_share_an_address(ada: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(email="ADA@example.test")


def test_staff_logs_in_to_the_admin_by_address(client: Client) -> None:
    make_staff(username="root", email="root@example.test", password="correct horse")
    answer = client.post("/admin/login/?next=/admin/", {"username": "root@example.test", "password": "correct horse"})
    assert answer.status_code == 302
