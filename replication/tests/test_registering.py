"""Registering: an account with paper money, a profile for masters, and nothing told of who else is here."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client

from copytrade.accounts.models import AuditEvent, User
from copytrade.lib.errors import ApplicationError
from orders.models import TradingAccount
from replication.services.people import person_register
from tests.factories import make_user
from traders.models import LeadTrader

REGISTER = "/api/users/register"
MASTER = {
    "email": "master@example.com",
    "username": "master_trader",
    "password": "Password123!",
    "full_name": "Master Trader",
    "role": "MASTER",
    "iifl_account_id": "MASTER001",
}
FOLLOWER = {"email": "follower1@test.com", "username": "follower1", "password": "Password123!", "role": "FOLLOWER"}


@pytest.fixture(autouse=True)
def _spot(settings: Any) -> None:
    settings.PAPER_VENUE, settings.PAPER_BALANCE = "binance", Decimal(10_000)


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


def register(body: Any, **more: Any) -> Any:
    """Register; return the response."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Client().post(REGISTER, text, content_type="application/json", **more)


def problems(answer: Any) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {problem["path"]: problem["message"] for problem in answer.json()["error"]["details"]["errors"]}


@pytest.mark.django_db
class TestRegistering:
    def test_a_master_gets_an_account_with_money_and_a_profile(self):
        answer = register(MASTER)
        user = User.objects.get(username="master_trader")
        leader = LeadTrader.objects.get(platform="house", external_id=str(user.pk))
        assert answer.status_code == 201
        data = answer.json()["data"]
        assert data.pop("created_at").endswith("Z")
        assert data == {
            "id": user.pk,
            "username": "master_trader",
            "email": "master@example.com",
            "full_name": "Master Trader",
            "role": "MASTER",
            "iifl_account_id": "MASTER001",
            "balance": "10000",
            "balance_asset": "USDT",
            "master_id": leader.pk,
            "plan": None,
            "is_staff": False,
            "is_superuser": False,
        }
        assert (leader.nickname, leader.status, leader.user) == ("Master Trader", "approved", user)
        account = TradingAccount.objects.get(user=user)
        assert (account.name, account.mode, account.venue) == ("Paper", "paper", "binance")
        assert account.leads.trader == leader

    def test_a_follower_gets_an_account_and_no_profile(self):
        data = register(FOLLOWER).json()["data"]
        assert (data["role"], data["balance"], data["master_id"], data["full_name"]) == (
            "FOLLOWER",
            "10000",
            None,
            None,
        )
        assert not LeadTrader.objects.exists()
        assert TradingAccount.objects.get().equity == 10_000

    def test_who_says_no_role_is_a_follower(self):
        body = {name: FOLLOWER[name] for name in ("email", "username", "password")}
        assert register(body).json()["data"]["role"] == "FOLLOWER"

    def test_the_venue_and_the_money_are_configured(self, settings: Any):
        settings.PAPER_VENUE, settings.PAPER_BALANCE = "binanceusdm", Decimal("250.5")
        assert register(FOLLOWER).json()["data"]["balance"] == "250.5"
        settings.PAPER_BALANCE = Decimal(0)
        assert register({**FOLLOWER, "username": "poor", "email": "poor@test.com"}).json()["data"]["balance"] == "0"

    def test_the_money_is_of_the_venues_currency(self, settings: Any):
        settings.PAPER_VENUE = "iifl"
        data = register(FOLLOWER).json()["data"]
        assert (data["balance"], data["balance_asset"]) == ("10000", "INR")

    def test_a_master_without_a_full_name_is_known_by_the_username(self):
        register({**MASTER, "full_name": "  "})
        assert LeadTrader.objects.get().nickname == "master_trader"

    def test_who_registered_logs_in_with_the_form_and_is_who_they_are(self):
        person = register(FOLLOWER).json()["data"]
        form = "username=follower1&password=Password123!"
        tokens = Client().post("/api/users/login", form, content_type="application/x-www-form-urlencoded").json()
        me = Client().get("/api/users/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
        assert me.json()["data"] == person

    def test_it_is_audited_without_the_password(self):
        register(MASTER)
        event = AuditEvent.objects.get(action="user.register")
        assert (event.actor_name, event.changes) == ("master_trader", {"role": "MASTER"})
        assert "Password123!" not in str(list(AuditEvent.objects.values()))


@pytest.mark.django_db
class TestWrongInput:
    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("role", "ADMIN", "staff appoint staff"),
            ("role", "BOSS", "MASTER or FOLLOWER"),
            ("role", "master", "MASTER or FOLLOWER"),
            ("email", "nobody", "no email address"),
            ("email", "a" * 250 + "@test.com", "characters"),
            ("username", "", "must not be empty"),
            ("username", "a b", "letters"),
            ("username", "somebody@example.com", "letters"),
            ("username", "a\0b", "letters"),
            ("full_name", "two\nlines", "visible"),
            ("iifl_account_id", "MASTER 1", "letters"),
            ("password", "short1!", "too short"),
            ("password", "password1234", "too common"),
            ("password", "8402938475", "entirely numeric"),
            ("password", "follower1!", "too similar to the username"),
            ("password", "with\0nothing99", "characters that are none"),
            ("password", 5, "must be a text"),
        ],
    )
    def test_a_wrong_field_is_named_with_what_is_wrong(self, field: str, value: Any, words: str):
        found = problems(register({**FOLLOWER, field: value}))
        assert found.keys() == {field}
        assert words in found[field]
        assert not User.objects.exists()

    def test_all_that_is_wrong_is_told_at_once(self):
        assert problems(register({"role": "ADMIN"})).keys() == {"email", "username", "password"}
        body = {"email": "nobody", "username": "a b", "password": "short", "role": "ADMIN"}
        assert problems(register(body)).keys() == {"email", "username", "password", "role"}

    def test_a_password_like_the_full_name_is_refused(self):
        found = problems(register({**MASTER, "full_name": "Augusta Lovelace", "password": "augustalovelace"}))
        assert "too similar to the full name" in found["password"]

    @pytest.mark.parametrize("body", ["", "{", "[]", '"x"', '{"username": "\\ud800"}'])
    def test_what_is_no_object_is_400(self, body: str):
        assert register(body).status_code == 400


@pytest.mark.django_db
class TestTaken:
    @pytest.mark.parametrize("name", ["ada", "ADA"])
    def test_a_taken_name_is_told(self, name: str):
        make_user(username="ada")
        assert problems(register({**FOLLOWER, "username": name})) == {"username": "is taken: choose another"}

    @pytest.mark.parametrize("address", ["ada@example.test", "ADA@example.TEST"])
    def test_of_a_taken_address_nothing_is_said(self, address: str):
        make_user(email="ada@example.test")
        answer = register({**FOLLOWER, "email": address})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
        assert answer.json()["error"]["details"] == {}
        for word in ("address", "email", "taken", "exist"):
            assert word not in answer.json()["error"]["message"]

    def test_with_both_taken_only_the_name_is_told(self):
        make_user(username="ada", email="ada@example.test")
        body = {**FOLLOWER, "username": "ada", "email": "ada@example.test"}
        assert problems(register(body)).keys() == {"username"}

    @pytest.mark.parametrize("taken", [{}, {"username": "follower1"}, {"email": "follower1@test.com"}])
    def test_each_answer_comes_after_the_same_work(self, hasher: type[CountingHasher], taken: dict[str, str]):
        make_user(**taken)
        hasher.hashed = 0
        register(FOLLOWER)
        assert hasher.hashed == 1

    def test_who_is_refused_leaves_nothing_behind(self):
        make_user(email="follower1@test.com")
        register(FOLLOWER)
        assert not TradingAccount.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_registering_twice_makes_one(self):
        assert [register(FOLLOWER).status_code for _ in range(2)] == [201, 400]
        assert (User.objects.count(), TradingAccount.objects.count()) == (1, 1)


@pytest.mark.django_db
class TestBudget:
    def test_eleven_people_register_and_log_in_from_one_address_within_a_minute(self):
        for number in range(11):
            name = f"follower{number}"
            assert register({**FOLLOWER, "username": name, "email": f"{name}@test.com"}).status_code == 201
            body = {"username": name, "password": "Password123!"}
            assert Client().post("/api/users/login", body, content_type="application/json").status_code == 200

    def test_an_address_has_a_budget_of_registrations_however_they_end(self, settings: Any):
        settings.LOGIN_RATE_LIMIT_MAX = 1
        statuses = [register(FOLLOWER).status_code for _ in range(4)]
        assert statuses == [201, 400, 400, 429]
        body = {**FOLLOWER, "username": "other", "email": "other@test.com"}
        answer = register(body)
        assert answer.status_code == 429
        assert 1 <= int(answer["Retry-After"]) <= 60
        assert register(body, REMOTE_ADDR="10.0.0.9").status_code == 201


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def both(self, *calls: Callable[[], Any]) -> list[str]:
        """Return what came of calls that begin at the same moment."""
        ready = Barrier(len(calls))

        def run(call: Callable[[], Any]) -> str:
            try:
                ready.wait(timeout=10)
                call()
            except ApplicationError as error:
                return error.code.value
            else:
                return "made"
            finally:
                connection.close()

        with ThreadPoolExecutor(len(calls)) as pool:
            return sorted(pool.map(run, calls))

    def test_of_several_with_one_name_one_is_made(self):
        def one(number: int) -> Callable[[], User]:
            return lambda: person_register(**{**FOLLOWER, "email": f"f{number}@test.com"})

        assert self.both(*(one(number) for number in range(4))) == ["VALIDATION_ERROR"] * 3 + ["made"]
        assert (User.objects.count(), TradingAccount.objects.count()) == (1, 1)

    def test_of_several_with_one_address_one_is_made(self):
        def one(number: int) -> Callable[[], User]:
            return lambda: person_register(**{**MASTER, "username": f"master{number}"})

        assert self.both(*(one(number) for number in range(4))) == ["CONFLICT"] * 3 + ["made"]
        assert (User.objects.count(), LeadTrader.objects.count()) == (1, 1)
