"""How many logins may fail: of a person from one address, from an address, and of a person from everywhere."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client

from copytrade.accounts.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _two_may_fail(settings: Any) -> None:
    settings.LOGIN_RATE_LIMIT_MAX = 2


@pytest.fixture
def ada() -> User:
    return make_user(username="ada", email="ada@example.test", password=PASSWORD)


def login(name: str = "ada", password: str = "wrong", address: str = "10.0.0.1") -> Any:
    """Log in from an address; return the response."""
    body = json.dumps({"username": name, "password": password})
    return Client().post("/api/users/login", body, content_type="application/json", REMOTE_ADDR=address)


def statuses(*names: str, **more: str) -> list[int]:
    return [login(name, **more).status_code for name in names]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_name_has_a_budget_at_an_address_whether_it_exists_or_not(ada: User, name: str):
    assert statuses(name, name, name) == [401, 401, 429]
    assert statuses(name.upper()) == [429]


def test_beyond_it_the_right_password_is_refused_and_told_when_to_come_back(ada: User):
    statuses("ada", "ada")
    answer = login(password=PASSWORD)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (429, "THROTTLED")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert error["details"] == {"retry_after_seconds": int(answer["Retry-After"])}
    assert f"try again in {answer['Retry-After']} second" in error["message"]


def test_who_fails_elsewhere_keeps_nobody_out(ada: User):
    assert statuses(*["ada"] * 10, address="6.6.6.6")[-1] == 429
    assert login(password=PASSWORD).status_code == 200


def test_the_name_and_the_address_of_a_person_share_a_budget(ada: User):
    assert statuses("ada", "ADA@example.test", "ada", "ada@example.test") == [401, 401, 429, 429]


def test_what_succeeds_is_not_counted(ada: User):
    assert {login(password=PASSWORD).status_code for _ in range(8)} == {200}
    assert statuses("ada", "ada", "ada") == [401, 401, 429]


def test_an_address_has_three_times_the_budget_for_all_names(ada: User):
    assert statuses(*[f"guess{number}" for number in range(7)]) == [401] * 6 + [429]
    assert login(password=PASSWORD, address="10.0.0.9").status_code == 200


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_person_has_ten_times_the_budget_from_all_addresses(ada: User, name: str):
    for number in range(10):
        assert statuses(name, name, name, address=f"10.0.1.{number}") == [401, 401, 429]
    assert statuses(name, address="10.0.2.1") == [429]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_while_redis_is_away_failures_are_counted_nevertheless(
    ada: User, settings: Any, caplog: pytest.LogCaptureFixture, name: str
):
    settings.REDIS_URL = NOWHERE
    assert statuses(name, name, name, name) == [401, 401, 429, 429]
    assert login(password=PASSWORD, address="10.0.0.9").status_code == 200
    assert "Each process counts failed logins by itself" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_do_not_pass_the_budget_together(ada: User):
    def guess(_: int) -> int:
        try:
            return int(login().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(guess, range(8))) == [401] * 2 + [429] * 6


def test_what_no_request_asks_for_is_not_counted(ada: User):
    assert {authenticate(username="ada", password="wrong") for _ in range(4)} == {None}
    assert authenticate(username="ada", password=PASSWORD) == ada


def test_a_wrong_body_is_told_so_and_not_counted():
    for _ in range(4):
        assert Client().post("/api/users/login", "[]", content_type="application/json").status_code == 400
