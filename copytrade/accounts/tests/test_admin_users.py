"""People in the admin, and that everything there that can be added has a form."""

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from copytrade.accounts.backends import find_user
from copytrade.accounts.models import User
from tests.factories import make_staff

pytestmark = pytest.mark.django_db
ADD_USER = "/admin/accounts/user/add/"


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff()
    client.force_login(user)
    return user


def test_every_page_that_adds_something_opens(client: Client, staff: User):
    request = RequestFactory().get("/")
    request.user = staff
    pages = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
        for model, page in admin.site._registry.items()
        if page.has_add_permission(request)
    ]
    assert ADD_USER in pages
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_a_new_user_has_an_address_and_may_log_in(client: Client, staff: User):
    secret = "correct-horse-battery"
    data = {"username": "grace", "email": "grace@example.com", "password1": secret, "password2": secret}
    assert client.post(ADD_USER, data).status_code == 302
    assert User.objects.get(username="grace").email == "grace@example.com"
    assert Client().login(username="grace", password=secret)


def test_a_new_user_without_an_address_is_refused(client: Client, staff: User):
    data = {"username": "grace", "password1": "correct-horse-battery", "password2": "correct-horse-battery"}
    assert "This field is required." in client.post(ADD_USER, data).content.decode()
    assert not User.objects.filter(username="grace").exists()


def test_nobody_gets_a_name_that_reads_like_somebody_elses_address(client: Client, staff: User):
    secret = "correct-horse-battery"
    ada = User.objects.create_user("ada", "ada@example.com", secret)
    data = {"username": "Ada@example.com", "email": "eve@example.com", "password1": secret, "password2": secret}

    assert "own address" in client.post(ADD_USER, data).content.decode()
    eve = User.objects.create_user("eve", "eve@example.com", secret)
    page = reverse("admin:accounts_user_change", args=[eve.pk])
    assert "own address" in client.post(page, {"username": "ada@example.com", "email": eve.email}).content.decode()

    assert find_user("ada@example.com") == ada


def test_ones_own_address_may_be_the_name(client: Client, staff: User):
    secret = "correct-horse-battery"
    data = {"username": "eve@example.com", "email": "Eve@example.com", "password1": secret, "password2": secret}
    assert client.post(ADD_USER, data).status_code == 302
    assert User.objects.filter(username="eve@example.com").exists()
