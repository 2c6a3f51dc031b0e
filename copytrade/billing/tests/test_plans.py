"""Staff make plans and give them to people: what is impossible is refused, and each step is audited."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from copytrade.accounts.models import AuditEvent, User
from copytrade.billing.models import Membership, Plan
from copytrade.billing.selectors import plan_of
from copytrade.billing.services import membership_set, plan_save
from copytrade.lib.errors import InvalidInput
from tests.factories import make_plan, make_staff, make_user

pytestmark = pytest.mark.django_db
PLANS, MEMBERSHIPS = "/admin/billing/plan/", "/admin/billing/membership/"


@pytest.fixture
def staff(client: Client) -> User:
    user = make_staff(username="root")
    client.force_login(user)
    return user


def form(**values: Any) -> dict[str, Any]:
    return {"name": "Starter", "slug": "starter", "position": "1", **values}


def trail() -> list[tuple[str, str, Any]]:
    return list(AuditEvent.objects.order_by("pk").values_list("actor_name", "action", "changes"))


class TestWhoHasWhich:
    def test_a_plan_of_ones_own_comes_before_the_default_one_and_that_before_none(self) -> None:
        ada, bob = make_user(), make_user()
        assert plan_of(ada) is None
        default, own = make_plan(is_default=True), make_plan()
        for user, plan in ((ada, own), (bob, default)):
            membership_set(user=user, plan=plan, actor=None)
        assert (plan_of(ada), plan_of(bob), plan_of(make_user())) == (own, default, default)

    def test_giving_it_again_changes_nothing_and_taking_it_leaves_the_default_one(self) -> None:
        ada, default, own = make_user(), make_plan(is_default=True), make_plan(slug="own")
        for _ in range(2):
            membership_set(user=ada, plan=own, actor=None, reason="Paid.")
        membership_set(user=ada, plan=default, actor=None)
        for _ in range(2):
            membership_set(user=ada, plan=None, actor=None)
        assert plan_of(ada) == default
        changes = [["own"], ["own", default.slug], [default.slug]]
        assert [[slug for slug in change["plan"] if slug] for _, _, change in trail()] == changes

    def test_asking_takes_one_statement(self, django_assert_num_queries: Any) -> None:
        ada = make_user()
        membership_set(user=ada, plan=make_plan(), actor=None)
        with django_assert_num_queries(1):
            plan_of(ada)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("values", "path"),
        [
            ({"max_order": Decimal(-1), "currency": "USDT"}, "max_order"),
            ({"max_order": Decimal(0), "currency": "USDT"}, "max_order"),
            ({"max_drawdown_percent": Decimal(101)}, "max_drawdown_percent"),
            ({"max_positions": -1}, "max_positions"),
            ({"max_order": Decimal(10), "max_exposure": Decimal(5), "currency": "USDT"}, "max_order"),
            ({"max_order": Decimal(10)}, ""),
            ({"most_copies": -1}, "most_copies"),
            ({"writes_per_minute": 0}, "writes_per_minute"),
            ({"slug": "not a slug"}, "slug"),
        ],
    )
    def test_an_impossible_plan(self, values: dict[str, Any], path: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            plan_save(plan=Plan(**{"slug": "wrong", "name": "Wrong", **values}), actor=None)
        assert path in {problem["path"] for problem in refused.value.details["errors"]}
        assert not Plan.objects.exists()

    @pytest.mark.parametrize(
        ("values", "constraint"),
        [
            ({"is_default": True}, "billing_plan_one_default"),
            ({"max_leverage": -1}, "billing_plan_possible"),
            ({"max_slippage_percent": 51}, "billing_plan_possible"),
            ({"max_daily_loss": 5}, "billing_plan_money_has_currency"),
        ],
    )
    def test_by_the_database_as_well(self, values: dict[str, Any], constraint: str) -> None:
        make_plan(is_default=True)
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Plan.objects.create(slug="second", name="Second", **values)


class TestAtTheDesk:
    def test_a_plan_is_made_changed_and_deleted(self, client: Client, staff: User) -> None:
        made = client.post(f"{PLANS}add/", form(is_default="on", max_order="100.50", currency=" usdt "))
        assert made.status_code == 302, made.content
        plan = Plan.objects.get()
        assert (plan.max_order, plan.currency, plan.is_default) == (Decimal("100.5"), "USDT", True)
        page = client.get(f"{PLANS}{plan.pk}/change/").content.decode()
        assert 'value="100.5"' in page
        client.post(f"{PLANS}{plan.pk}/change/", form(max_order="100.5", currency="USDT", most_copies="2"))
        client.post(f"{PLANS}{plan.pk}/delete/", {"post": "yes"})
        assert not Plan.objects.exists()
        who, actions, changes = zip(*trail(), strict=True)
        assert (set(who), list(actions)) == ({"root"}, ["plan.create", "plan.change", "plan.delete"])
        assert changes[1] == {"is_default": [True, False], "most_copies": [None, 2]}

    def test_a_second_default_is_refused_with_a_sentence(self, client: Client, staff: User) -> None:
        make_plan(is_default=True)
        assert "take that from it first" in client.post(f"{PLANS}add/", form(is_default="on")).content.decode()

    def test_a_plan_that_somebody_has_stays(self, client: Client, staff: User) -> None:
        plan = make_plan()
        membership_set(user=make_user(), plan=plan, actor=None)
        client.post(f"{PLANS}{plan.pk}/delete/", {"post": "yes"})
        assert Plan.objects.get() == plan

    def test_plans_are_given_and_taken(self, client: Client, staff: User) -> None:
        ada, first, second = make_user(), make_plan(slug="first"), make_plan(slug="second")
        client.post(f"{MEMBERSHIPS}add/", {"user": ada.pk, "plan": first.pk})
        row = Membership.objects.get()
        client.post(f"{MEMBERSHIPS}{row.pk}/change/", {"plan": second.pk})
        assert plan_of(ada) == second
        assert ada.username in client.get(MEMBERSHIPS, {"q": ada.email}).content.decode()
        client.post(MEMBERSHIPS, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
        assert plan_of(ada) is None
        assert [change["plan"] for who, _, change in trail() if who == "root"] == [
            [None, "first"],
            ["first", "second"],
            ["second", None],
        ]
