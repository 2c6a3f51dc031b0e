"""Staff who look after people get no rights by that, nor anybody else's account."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from copytrade.accounts.models import User
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def helper(client: Client) -> User:
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    client.force_login(user)
    return user


def page(of: User, name: str = "change") -> str:
    return reverse(f"admin:accounts_user_{name}", args=[of.pk])


def sent(of: User, **values: str) -> dict[str, str]:
    return {"username": of.username, "email": of.email, "full_name": of.full_name, "is_active": "on", **values}


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_nobody_gives_rights_that_they_do_not_have(client: Client, helper: User, right: str):
    ada = make_user()
    for who in (helper, ada):
        assert client.post(page(who), sent(who, **{right: "on", "full_name": "Changed"})).status_code == 302

        who.refresh_from_db()
        assert who.full_name == "Changed"
    assert (helper.is_staff, helper.is_superuser, ada.is_staff, ada.is_superuser) == (True, False, False, False)


def test_groups_and_permissions_are_such_rights(client: Client, helper: User):
    one = str(Permission.objects.get(codename="delete_session").pk)

    client.post(page(helper), sent(helper, user_permissions=one))

    assert not helper.user_permissions.filter(codename="delete_session").exists()


def test_other_staff_are_seen_and_neither_changed_nor_deleted(client: Client, helper: User):
    boss = make_staff()

    assert client.get(page(boss)).status_code == 200
    for answer in (
        client.post(page(boss), sent(boss, email="mine@example.com")),
        client.post(page(boss, "delete"), {"post": "yes"}),
        client.post(reverse("admin:auth_user_password_change", args=[boss.pk]), {"password1": "a", "password2": "a"}),
    ):
        assert answer.status_code == 403

    assert User.objects.get(pk=boss.pk).email == boss.email


def test_the_role_of_other_staff_is_not_changed(client: Client, helper: User):
    boss, ada = make_staff(), make_user()
    chosen = {"action": "make_masters", "_selected_action": [str(boss.pk), str(ada.pk)]}

    answer = client.post(reverse("admin:accounts_user_changelist"), chosen, follow=True)

    assert "1 of them is staff" in answer.content.decode()
    assert [User.objects.get(pk=one.pk).role for one in (boss, ada)] == ["FOLLOWER", "MASTER"]


def test_no_key_is_made_that_trades_for_other_staff(client: Client, helper: User):
    helper.user_permissions.add(*Permission.objects.filter(content_type__model="apikey"))
    boss, ada = make_staff(), make_user()

    for who, expected in ((boss, 0), (ada, 1), (helper, 1)):
        client.post(reverse("admin:accounts_apikey_add"), {"name": "n8n", "scopes": ["trade"], "user": str(who.pk)})
        assert who.api_keys.count() == expected, who
