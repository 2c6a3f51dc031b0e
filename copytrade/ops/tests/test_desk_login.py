"""Logging in to the desk: what fails is counted as at the API."""

from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import User
from tests.factories import make_staff

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def root(settings: Any) -> User:
    settings.LOGIN_RATE_LIMIT_MAX = 2
    return make_staff(username="root", email="root@example.test", password=PASSWORD)


def login(name: str = "root", password: str = "wrong", address: str = "10.0.0.1") -> Any:
    """Log in at the desk from an address; return the response."""
    body = {"username": name, "password": password}
    return Client().post("/admin/login/?next=/admin/", body, REMOTE_ADDR=address)


def test_who_fails_too_often_is_told_when_to_try_again():
    assert [login(name).status_code for name in ("root", "root@example.test")] == [200, 200]
    answer = login(password=PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    page = answer.content.decode()
    assert "Too many logins failed" in page
    assert f"try again in {answer['Retry-After']} second" in page


def test_failures_at_the_api_count_at_the_desk():
    for _ in range(2):
        Client().post("/api/users/login", {"username": "root", "password": "wrong"}, "application/json")
    assert login(address="127.0.0.1").status_code == 429


def test_right_passwords_are_let_in_however_often():
    assert {login(password=PASSWORD).status_code for _ in range(8)} == {302}
    assert login(password=PASSWORD)["Location"] == "/admin/"


def test_looking_at_the_page_is_not_counted():
    assert {Client().get("/admin/login/").status_code for _ in range(8)} == {200}
