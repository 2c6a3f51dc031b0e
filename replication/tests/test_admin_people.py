"""People at the desk: their accounts, their role, and a trail of what staff change of them."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from copytrade.accounts.models import AuditEvent, User
from copytrade.lib.errors import InvalidInput
from orders.models import TradingAccount
from replication.services.people import person_register
from tests.factories import make_staff, make_user
from traders.models import LeadTrader

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/user/"


@pytest.fixture(autouse=True)
def _spot(settings: Any) -> None:
    settings.PAPER_VENUE, settings.PAPER_BALANCE = "binance", Decimal(10_000)


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff(username="root", password="correct-horse-battery")
    client.force_login(user)
    return user


@pytest.fixture
def ada() -> User:
    return person_register(
        username="ada", email="ada@example.test", password="Password123!", role="FOLLOWER", full_name="Ada Lovelace"
    )


def act(client: Client, action: str, *users: User) -> str:
    """Run an action on people; return the page that follows."""
    body = {"action": action, "_selected_action": [user.pk for user in users]}
    return client.post(LIST, body, follow=True).content.decode()


def change(client: Client, user: User, **values: str) -> Any:
    """Change fields of a person's page; return the response."""
    fields = {"username": user.username, "email": user.email, "full_name": user.full_name, "is_active": "on"}
    formset = {"trading_accounts-TOTAL_FORMS": "0", "trading_accounts-INITIAL_FORMS": "0"}
    return client.post(f"{LIST}{user.pk}/change/", {**fields, **formset, **values})


def add(client: Client) -> Any:
    """Make a user, Grace; return the response."""
    secret = "correct-horse-battery"
    data = {"username": "grace", "email": "grace@example.com", "password1": secret, "password2": secret}
    return client.post(f"{LIST}add/", data)


def trail(action: str) -> list[tuple[str, str, Any]]:
    return [(event.actor_name, event.target, event.changes) for event in AuditEvent.objects.filter(action=action)]


def test_the_list_shows_names_and_roles_and_finds_them(client: Client, staff: User, ada: User):
    page = client.get(LIST, {"q": "lovelace", "role": "FOLLOWER"}).content.decode()
    assert "Ada Lovelace" in page
    assert "Follower" in page


def test_a_person_is_shown_with_their_accounts(client: Client, staff: User, ada: User):
    page = client.get(f"{LIST}{ada.pk}/change/").content.decode()
    assert "Ada Lovelace" in page
    assert "10000 USDT" in page


def test_staff_make_people_masters_and_followers_again(client: Client, staff: User, ada: User):
    assert "1 person is now master." in act(client, "make_masters", ada)
    leader = LeadTrader.objects.get(user=ada)
    assert (leader.nickname, leader.status) == ("Ada Lovelace", "approved")
    assert "1 person is now follower." in act(client, "make_followers", ada, staff)
    leader.refresh_from_db()
    assert leader.status == "paused"
    assert [actor for actor, _, _ in trail("user.role")] == ["root", "root"]


def test_who_may_only_look_changes_no_role(client: Client, ada: User):
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(viewer)
    act(client, "make_masters", ada)
    assert not LeadTrader.objects.exists()


def test_what_staff_change_is_told_from_what_to_what(client: Client, staff: User, ada: User):
    assert change(client, ada, is_staff="on", iifl_account_id="A1").status_code == 302
    changes = {"is_staff": [False, True], "iifl_account_id": ["", "A1"]}
    assert trail("user.change") == [("root", f"user:{ada.pk} ada", changes)]


def test_saving_a_page_unchanged_tells_nothing(client: Client, staff: User, ada: User):
    assert change(client, ada).status_code == 302
    assert trail("user.change") == []


def test_a_role_is_not_changed_by_the_form(client: Client, staff: User, ada: User):
    assert change(client, ada, role="MASTER").status_code == 302
    ada.refresh_from_db()
    assert ada.role == "FOLLOWER"


def test_a_user_whom_staff_make_is_told_and_has_a_paper_account(client: Client, staff: User):
    assert add(client).status_code == 302
    grace = User.objects.get(username="grace")
    assert trail("user.create") == [("root", f"user:{grace.pk} grace", {})]
    account = TradingAccount.objects.get(user=grace)
    assert (account.venue, account.mode) == ("binance", "paper")
    assert [actor for actor, _, _ in trail("account.create")] == ["root"]
    assert "10000 USDT" in client.get(f"{LIST}{grace.pk}/change/").content.decode()


def test_without_the_account_no_user_is_made(client: Client, staff: User, settings: Any):
    settings.PAPER_VENUE = "nowhere"
    with pytest.raises(InvalidInput):
        add(client)
    assert not User.objects.filter(username="grace").exists()


def test_a_password_that_staff_set_is_told_without_the_password(client: Client, staff: User, ada: User):
    secret = "another-horse-battery"
    data = {"password1": secret, "password2": secret, "usable_password": "true", "set-password": "1"}
    assert client.post(f"{LIST}{ada.pk}/password/", data).status_code == 302
    assert trail("user.password") == [("root", f"user:{ada.pk} ada", {})]
    assert Client().login(username="ada", password=secret)


def test_a_password_of_ones_own_is_told_once_it_is_changed(client: Client, staff: User):
    secret = "another-horse-battery"
    data = {"old_password": "wrong", "new_password1": secret, "new_password2": secret}
    assert client.post("/admin/password_change/", data).status_code == 200
    assert trail("user.password") == []
    answer = client.post("/admin/password_change/", {**data, "old_password": "correct-horse-battery"})
    assert answer.status_code == 302, answer.context["form"].errors
    assert trail("user.password") == [("root", f"user:{staff.pk} root", {})]
