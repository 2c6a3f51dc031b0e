"""Anybody sees the plans, over HTTP and on a page; who is logged in sees which one is theirs."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from copytrade.billing.services import membership_set
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def plans(settings: Any) -> list[Any]:
    settings.ORDER_RATE_LIMIT_MAX = 10
    starter = make_plan(
        slug="starter", name="Starter", position=1, is_default=True, max_order=Decimal("99.50"), currency="USDT"
    )
    return [starter, make_plan(slug="pro", name="Pro", position=2, most_copies=1200, writes_per_minute=30)]


def page(client: Client) -> str:
    response = client.get("/plans/", headers={"Accept": "text/html"})
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_all_plans_are_listed_with_what_they_give(client: Client, plans: list[Any]) -> None:
    starter, pro = client.get("/api/plans/").json()["data"]
    said = {name: value for name, value in starter["limits"].items() if value is not None}
    assert (starter["slug"], starter["is_default"], starter["currency"], said) == (
        *("starter", True, "USDT"),
        {"max_order": "99.5"},
    )
    assert (starter["most_copies"], starter["writes_per_minute"]) == (None, 10)
    assert (pro["most_copies"], pro["writes_per_minute"], pro["currency"]) == (1200, 30, None)


def test_the_page_says_it_in_words_and_which_one_is_the_visitors(client: Client, plans: list[Any]) -> None:
    shown = page(client)
    for text in ("up to 99.5 USDT an order", "1,200", "For everybody without another"):
        assert text in shown
    assert "Yours" not in shown
    ada = make_user()
    client.force_login(ada)
    assert page(client).index("Yours") < page(client).index("Pro")
    membership_set(user=ada, plan=plans[1], actor=None)
    assert page(client).index("Yours") > page(client).index("Pro")


def test_who_i_am_tells_my_plan(client: Client, plans: list[Any]) -> None:
    ada = make_user()
    client.force_login(ada)
    assert client.get("/api/users/me").json()["data"]["plan"] == "starter"
    membership_set(user=ada, plan=plans[1], actor=None)
    assert client.get("/api/users/me").json()["data"]["plan"] == "pro"


def test_without_plans_everybody_may_do_the_same(client: Client) -> None:
    client.force_login(make_user())
    assert client.get("/api/plans/").json() == {"success": True, "data": []}
    assert client.get("/api/users/me").json()["data"]["plan"] is None
    assert "No plans here" in page(client)
