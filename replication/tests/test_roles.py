"""Masters and followers: who becomes one, by whom, and what is left of a profile."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import AuditEvent, Role, User
from copytrade.accounts.services import api_key_create
from copytrade.accounts.tokens import tokens_for_user
from orders.models import Balance, TradingAccount
from orders.services.accounts import account_close, account_create
from replication.models import Copy, LeaderAccount
from replication.services.people import person_register, person_set_role
from tests.factories import make_leader, make_staff, make_user
from traders.models import LeaderStatus, LeadTrader
from traders.services.leaders import leader_set_status

pytestmark = pytest.mark.django_db
LEAD, ME = "/api/users/me/master", "/api/users/me"


@pytest.fixture(autouse=True)
def _spot(settings: Any) -> None:
    settings.PAPER_VENUE, settings.PAPER_BALANCE = "binance", Decimal(10_000)


@pytest.fixture
def staff() -> User:
    return make_staff(username="root")


def make_person(role: str = "FOLLOWER", name: str = "ada") -> User:
    return person_register(username=name, email=f"{name}@example.test", password="Password123!", role=role)


def bearer(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens_for_user(user=user).access}"}


def lead(user: User) -> Any:
    return Client().post(LEAD, headers=bearer(user))


def me(user: User) -> Any:
    return Client().get(ME, headers=bearer(user)).json()["data"]


class TestMe:
    def test_the_balance_is_that_of_the_first_paper_account_as_of_its_last_sync(self):
        user = make_person()
        account_create(user=user, name="Second", venue="binanceusdm", actor=user, paper_balance=Decimal(7))
        assert me(user)["balance"] == "10000"
        Balance.objects.filter(account__name="Paper").update(total=Decimal("9876.5400"))
        assert me(user)["balance"] == "9876.54"

    def test_a_closed_account_does_not_count(self):
        user = make_person()
        account_create(user=user, name="Second", venue="binanceusdm", actor=user, paper_balance=Decimal(7))
        account_close(account=TradingAccount.objects.get(name="Paper"), actor=user)
        assert me(user)["balance"] == "7"

    def test_who_has_no_account_has_no_balance(self, staff: User):
        data = me(make_user())
        assert (data["balance"], data["balance_asset"], data["role"]) == (None, None, "FOLLOWER")
        assert me(staff)["role"] == "ADMIN"

    def test_others_accounts_and_profiles_are_not_mine(self):
        make_person("MASTER", "grace")
        data = me(make_user())
        assert (data["balance"], data["master_id"]) == (None, None)


class TestLeading:
    def test_a_follower_becomes_a_master_on_their_account(self):
        user = make_person()
        answer = lead(user)
        leader = LeadTrader.objects.get(user=user)
        assert answer.status_code == 200
        assert (answer.json()["data"]["role"], answer.json()["data"]["master_id"]) == ("MASTER", leader.pk)
        assert (leader.platform, leader.external_id, leader.status) == ("house", str(user.pk), "approved")
        assert LeaderAccount.objects.get().account == TradingAccount.objects.get()
        event = AuditEvent.objects.get(action="user.role")
        assert (event.actor, event.changes) == (user, {"role": ["FOLLOWER", "MASTER"]})

    def test_asking_again_changes_nothing(self):
        user = make_person()
        assert [lead(user).json()["data"]["role"] for _ in range(2)] == ["MASTER"] * 2
        assert AuditEvent.objects.filter(action="user.role").count() == LeadTrader.objects.count() == 1

    def test_who_has_no_account_gets_one(self):
        user = make_user()
        assert lead(user).json()["data"]["balance"] == "10000"
        assert LeaderAccount.objects.get().account.user == user

    def test_an_account_that_copies_somebody_does_not_lead(self):
        user = make_person()
        Copy.objects.create(account=TradingAccount.objects.get(), trader=make_leader())
        lead(user)
        assert LeaderAccount.objects.get().account.name == "Paper 2"

    def test_programs_may_not_ask_for_it_and_nobody_either(self):
        _, key = api_key_create(name="n8n", scopes=["trade"], user=make_person())
        assert Client().post(LEAD, headers={"X-API-Key": key}).status_code == 403
        assert Client().post(LEAD).status_code == 401
        assert not LeadTrader.objects.exists()


class TestStaffDecide:
    def test_who_is_no_master_any_longer_keeps_a_paused_profile(self, staff: User):
        user = make_person("MASTER")
        assert person_set_role(user=user, role=Role.FOLLOWER, actor=staff).role == "FOLLOWER"
        leader = LeadTrader.objects.get(user=user)
        assert (leader.status, leader.staff_note) == ("paused", "No longer a master.")
        assert me(user)["master_id"] == leader.pk

    def test_a_master_whom_staff_ended_does_not_bring_it_back_but_staff_do(self, staff: User):
        user = make_person("MASTER")
        person_set_role(user=user, role=Role.FOLLOWER, actor=staff)
        answer = lead(user)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
        person_set_role(user=user, role=Role.MASTER, actor=staff)
        assert LeadTrader.objects.get(user=user).status == "approved"
        assert LeaderAccount.objects.count() == 1

    def test_a_blocked_profile_stays_blocked_whatever_the_role(self, staff: User):
        user = make_person("MASTER")
        leader = LeadTrader.objects.get(user=user)
        leader_set_status(leader=leader, status=LeaderStatus.BLOCKED, actor=staff, reason="Fraud")
        for role in (Role.FOLLOWER, Role.MASTER):
            person_set_role(user=user, role=role, actor=staff)
        leader.refresh_from_db()
        assert (leader.status, leader.staff_note) == ("blocked", "Fraud")

    def test_the_role_that_somebody_has_changes_nothing(self, staff: User):
        user = make_person("MASTER")
        leader_set_status(
            leader=LeadTrader.objects.get(), status=LeaderStatus.PAUSED, actor=staff, reason="Being looked at"
        )
        person_set_role(user=user, role=Role.MASTER, actor=staff)
        assert LeadTrader.objects.get().status == "paused"
        assert not AuditEvent.objects.filter(action="user.role").exists()
