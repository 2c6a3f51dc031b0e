"""The pages of logging in and out: sessions for everybody, and nothing that tells who has an account."""

from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import User
from tests.factories import make_user

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"
WRONG = "The name or the password is wrong, or this account is not active."
BROWSER = {"Accept": "text/html"}


@pytest.fixture(autouse=True)
def ada() -> User:
    return make_user(username="ada", email="ada@example.test", password=PASSWORD)


def login(client: Client, username: str = "ada", password: str = PASSWORD, following: str = "") -> Any:
    """Send the form of the page; return the response."""
    return client.post("/login/", {"username": username, "password": password, "next": following})


def is_in(client: Client) -> bool:
    return client.get("/api/users/me").status_code == 200


@pytest.mark.parametrize("name", ["ada", "ADA@example.test"])
def test_somebody_who_is_no_staff_gets_a_session(client: Client, name: str):
    answer = login(client, name)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/api/users/me").json()["data"]["username"] == "ada"


def test_the_header_offers_to_log_in_and_then_to_log_out(client: Client):
    assert 'href="/login/"' in client.get("/plans/").content.decode()
    login(client)
    page = client.get("/plans/").content.decode()
    assert 'href="/login/"' not in page
    assert 'action="/logout/"' in page
    assert "csrfmiddlewaretoken" in page


def test_logging_out_ends_the_session_and_is_no_link(client: Client):
    login(client)
    assert client.get("/logout/").status_code == 405
    assert is_in(client)
    answer = client.post("/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert not is_in(client)


@pytest.mark.parametrize(
    ("following", "goes_to"),
    [
        ("/plans/", "/plans/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_it_leads_on_to_our_own_pages_only(client: Client, following: str, goes_to: str):
    page = client.get("/login/", {"next": following}).content.decode()
    assert ("evil" in page, "alert" in page) == (False, False)
    assert login(client, following=following)["Location"] == goes_to


@pytest.mark.parametrize("name", ["ada", "nobody", "ada@example.test", "inactive"])
def test_who_may_not_come_in_is_told_the_same(client: Client, name: str):
    make_user(username="inactive", is_active=False, password=PASSWORD)
    answer = login(client, name, PASSWORD if name == "inactive" else "wrong")
    assert (answer.status_code, WRONG in answer.content.decode()) == (200, True)
    assert not is_in(client)


@pytest.mark.parametrize("body", [{}, {"username": "ada"}, {"username": "a\0da", "password": "x"}])
def test_what_is_missing_is_told(client: Client, body: dict[str, str]):
    answer = client.post("/login/", body)
    assert (answer.status_code, "Write your username" in answer.content.decode()) == (200, True)


def test_a_password_is_not_sent_back(client: Client):
    assert "a-secret" not in login(client, password="a-secret").content.decode()


@pytest.mark.parametrize("path", ["/login/", "/logout/"])
def test_forms_of_elsewhere_are_refused(path: str):
    client = Client(enforce_csrf_checks=True)
    assert client.post(path, {"username": "ada", "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_who_fails_too_often_is_told_when_to_try_again(client: Client, settings: Any, name: str):
    settings.LOGIN_RATE_LIMIT_MAX = 2
    assert [login(client, name, "wrong").status_code for _ in range(2)] == [200, 200]
    answer = login(client, name)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "Too many logins failed" in answer.content.decode()


def test_nothing_keeps_the_page(client: Client):
    assert "no-store" in client.get("/login/")["Cache-Control"]


def test_pages_of_failures_do_not_ask_who_it_is(client: Client, django_assert_num_queries: Any):
    login(client)
    with django_assert_num_queries(0):
        assert client.get("/nothing/", headers=BROWSER).status_code == 404
