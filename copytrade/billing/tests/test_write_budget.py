"""Orders and other trades have a budget a minute and user, and a larger one with a plan that says so."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.billing.services import membership_set
from copytrade.billing.throttling import WriteThrottle
from copytrade.lib.api import throttling
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ORDER_RATE_LIMIT_MAX = 2
    monkeypatch.setattr(throttling, "time", SimpleNamespace(time=lambda: 1_800_000_000.0))


def ask(user: User, method: str = "post") -> bool:
    request = Request(getattr(APIRequestFactory(), method)("/"))
    request.user = user
    return WriteThrottle().allow_request(request, APIView())


def test_writes_have_a_budget_per_user_and_reads_none() -> None:
    ada, bob = make_user(), make_user()
    asked = [ask(ada, method) for method in ("get", "post", "delete", "post", "put", "get")]
    assert asked == [True, True, True, False, False, True]
    assert ask(bob)


def test_a_plan_makes_it_larger_and_never_smaller() -> None:
    ada, bob, cy = make_user(), make_user(), make_user()
    for user, allowed in ((ada, 4), (bob, 1), (cy, None)):
        membership_set(user=user, plan=make_plan(writes_per_minute=allowed), actor=None)
    assert [sum(ask(user) for _ in range(6)) for user in (ada, bob, cy)] == [4, 2, 2]


def test_the_plan_is_asked_for_only_beyond_what_everybody_has_and_then_kept(django_assert_num_queries: Any) -> None:
    make_plan(is_default=True, writes_per_minute=10)
    ada = make_user()
    with django_assert_num_queries(0):
        assert all(ask(ada) for _ in range(2))
    with django_assert_num_queries(1):
        assert all(ask(ada) for _ in range(4))


def test_a_change_counts_once_what_was_kept_is_over() -> None:
    plan, ada = make_plan(is_default=True), make_user()
    assert [ask(ada) for _ in range(3)] == [True, True, False]
    plan.writes_per_minute = 5
    plan.save()
    assert not ask(ada)
    cache.delete(f"billing:writes:{ada.pk}")  # as after the seconds for which it is kept
    assert ask(ada)
