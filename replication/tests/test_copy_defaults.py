"""A new copy begins with what was given, else what its account says, else its owner's plan, else the installation."""

import threading
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from copytrade.accounts.models import AuditEvent, User
from copytrade.billing.limits import LIMITS, NARROW_TO_WIDE
from copytrade.billing.models import Plan
from copytrade.billing.services import membership_set
from orders.models import TradingAccount
from replication.defaults import Defaults, Source, settings_filled
from replication.models import Copy, CopyDefaults
from replication.services.copies import copy_pause, copy_stop
from replication.services.refusing import CopyConflict
from replication.terms import CopySettings, settings_problems
from replication.tests.api_kit import as_user, get, patch, paths, post
from replication.tests.kit import D, follow, make_master, paper_account
from tests.factories import make_event, make_leader, make_market, make_plan
from traders.models import LeaderStatus

database = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _many_orders(settings: Any) -> None:
    settings.ORDER_RATE_LIMIT_MAX = 1_000


def give(user: User, **values: Any) -> Plan:
    plan = make_plan(**{"currency": "USDT", **values})
    membership_set(user=user, plan=plan, actor=None)
    return plan


def watched() -> Any:
    return make_leader(status=LeaderStatus.APPROVED)


def begun(account: TradingAccount, **body: Any) -> dict[str, Any]:
    """Begin a copy over HTTP; return its settings."""
    answer = post(
        as_user(account.user), "copies/", {"trader_id": watched().pk, "ratio": "1", "account_id": account.pk, **body}
    )
    settings: dict[str, Any] = answer["data"]["settings"]
    return settings


@database
class TestWhoHasTheWord:
    def test_without_plans_the_installation_has_it(self):
        settings = begun(paper_account())
        assert {name: settings[name] for name in LIMITS} == dict.fromkeys(LIMITS) | {
            "max_slippage_percent": "1",
            "max_signal_age_seconds": 60,
        }

    def test_what_was_given_comes_first_then_the_account_then_the_plan(self):
        account = paper_account()
        give(account.user, max_order=D(100), max_leverage=D(2), max_positions=3, max_slippage_percent=D("0.5"))
        CopyDefaults.objects.create(account=account, max_order=D(500), max_positions=7)
        settings = begun(account, max_positions=9)
        assert (settings["max_positions"], settings["max_order"], settings["max_leverage"]) == (9, "500", "2")
        assert (settings["max_slippage_percent"], settings["max_signal_age_seconds"]) == ("0.5", 60)

    def test_null_takes_a_limit_away(self):
        account = paper_account()
        give(account.user, max_order=D(100), max_slippage_percent=D("0.5"))
        settings = begun(account, max_order=None, max_slippage_percent=None)
        assert (settings["max_order"], settings["max_slippage_percent"]) == (None, None)

    def test_it_is_only_what_a_copy_begins_with(self):
        account = paper_account()
        plan = give(account.user, max_order=D(100))
        client = as_user(account.user)
        begun(account)
        copy = Copy.objects.get()
        assert patch(client, f"copies/{copy.pk}", {"max_order": "5000"})["data"]["settings"]["max_order"] == "5000"
        plan.max_order = D(7)
        plan.save()
        assert get(client, f"copies/{copy.pk}")["data"]["settings"]["max_order"] == "5000"

    def test_amounts_in_other_money_do_not_count(self):
        rupees, dollars = paper_account(venue="iifl"), paper_account(venue="binance")
        make_market(venue="binancecoinm")
        coins = paper_account(venue="binancecoinm", balance=1)
        for account in (rupees, dollars, coins):
            give(account.user, max_order=D(100), max_leverage=D(2), currency="USDC")
        found = [begun(account) for account in (rupees, dollars, coins)]
        assert [each["max_order"] for each in found] == [None, "100", "100"]
        assert {each["max_leverage"] for each in found} == {"2"}

    def test_masters_are_followed_with_them_too(self):
        account = paper_account()
        give(account.user, max_order=D(100), max_positions=3, max_signal_age_seconds=20)
        body = {"master_id": make_master()[0].pk, "max_positions": None, "max_signal_age_seconds": None}
        copy = post(as_user(account.user), "masters/follow", body, status=201)["data"]
        assert (copy["max_order"], copy["max_positions"], copy["max_signal_age_seconds"]) == ("100", None, 20)

    def test_the_preview_begins_as_the_copy_would(self):
        make_market()
        account = paper_account()
        give(account.user, max_order=D(1000))
        leader = make_leader(status=LeaderStatus.APPROVED, positions_visible=False)
        make_event(leader, kind="OPEN_LONG", amount=D("0.1"), price=D(50_000))
        client, body = as_user(account.user), {"trader_id": leader.pk, "ratio": "1"}
        assert [cap["limit"] for cap in post(client, "copies/preview", body)["data"]["trades"][0]["capped"]] == ["1000"]
        assert post(client, "copies/preview", {**body, "max_order": None})["data"]["capped"] == 0


@database
class TestHowManyCopies:
    def test_no_more_run_at_once_than_the_plan_says_paused_ones_too(self):
        account = paper_account()
        give(account.user, slug="two", most_copies=2)
        client = as_user(account.user)
        for _ in range(2):
            begun(account)
        first = Copy.objects.earliest("pk")
        copy_pause(copy=first, actor=account.user)
        body = {"trader_id": watched().pk, "ratio": "1"}
        error = post(client, "copies/", body, status=409)["error"]
        assert (error["code"], error["details"]) == ("CONFLICT", {"most": 2, "plan": "two"})
        assert "2 is the most" in error["message"]
        copy_stop(copy=first, close=False, actor=account.user)
        post(client, "copies/", body)

    def test_a_smaller_plan_ends_nothing(self):
        copy = follow(watched())
        give(copy.account.user, most_copies=0)
        with pytest.raises(CopyConflict):
            follow(watched(), copy.account)
        copy.refresh_from_db()
        assert copy.state == "active"

    def test_of_several_at_the_same_time_only_so_many_begin(self):
        user = paper_account().user
        give(user, most_copies=2)
        accounts = [paper_account(user) for _ in range(4)]
        leaders, found = [watched() for _ in accounts], []

        def begin(number: int) -> None:
            try:
                follow(leaders[number], accounts[number])
                found.append("begun")
            except CopyConflict:
                found.append("refused")
            finally:
                connection.close()

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == ["begun", "begun", "refused", "refused"]
        assert Copy.objects.count() == 2


@database
class TestAnAccountsOwn:
    def path(self, account: TradingAccount) -> str:
        return f"accounts/{account.pk}/copy-defaults"

    def test_its_owner_sets_them_and_sees_whose_word_each_is(self):
        account = paper_account()
        give(account.user, max_order=D(100), max_daily_loss=D(50))
        client, path = as_user(account.user), self.path(account)
        patch(client, path, {"max_order": "250.50", "max_positions": 4})
        data = patch(client, path, {"max_positions": None})["data"]
        assert data == get(client, path)["data"]
        assert data["asset"] == "USDT"
        assert data["own"] == dict.fromkeys(LIMITS) | {"max_order": "250.5"}
        assert {name: (data["begins_with"][name], who) for name, who in data["said_by"].items()} == {
            "max_order": ("250.5", "account"),
            "max_daily_loss": ("50", "plan"),
            "max_slippage_percent": ("1", "installation"),
            "max_signal_age_seconds": (60, "installation"),
        }
        trail = AuditEvent.objects.filter(action="account.copy_defaults").order_by("pk")
        assert [event.changes for event in trail] == [
            {"max_order": [None, "250.5"], "max_positions": [None, 4]},
            {"max_positions": [4, None]},
        ]

    def test_what_is_impossible_is_refused_with_what_is_there_already(self):
        account = paper_account()
        client, path = as_user(account.user), self.path(account)
        patch(client, path, {"max_symbol": "100"})
        assert paths(patch(client, path, {"max_order": "200", "max_leverage": "1001"}, status=400)) == {
            "max_order",
            "max_leverage",
        }
        for wrong in ({"max_order": 5}, {"max_positions": 0}, {"ratio": "1"}):
            patch(client, path, wrong, status=400)
        assert CopyDefaults.objects.get().max_order is None

    def test_nobody_elses_are_there(self):
        client, path = as_user(paper_account().user), self.path(paper_account())
        get(client, path, status=404)
        patch(client, path, {"max_order": "1"}, status=404)
        assert not CopyDefaults.objects.exists()


amounts = st.decimals(min_value=D("0.01"), max_value=D(1_000), places=2)
said = st.dictionaries(st.sampled_from(NARROW_TO_WIDE), amounts)


@given(given_ones=said, left_open=st.sets(st.sampled_from(LIMITS)), account=said, plan=said)
def test_defaults_change_nothing_that_was_given_and_make_nothing_wrong(given_ones, left_open, account, plan):
    settings = CopySettings(ratio=D(1), **{name: v for name, v in given_ones.items() if name not in left_open})
    sources = [Defaults(Source.ACCOUNT, account), Defaults(Source.PLAN, plan)]
    filled = settings_filled(settings, left_open, sources)
    for name in LIMITS:
        if name not in left_open:
            assert getattr(filled, name) == getattr(settings, name)
    if not list(settings_problems(settings)):
        assert not list(settings_problems(filled))
    for name in left_open & set(NARROW_TO_WIDE):
        assert (getattr(filled, name) is None) == (name not in {**account, **plan})


def test_a_default_is_fitted_to_what_was_given():
    sources = [Defaults(Source.PLAN, {"max_order": D(100), "max_symbol": D(200), "max_exposure": D(400)})]
    wide = settings_filled(CopySettings(max_order=D(300)), {"max_symbol", "max_exposure"}, sources)
    assert (wide.max_order, wide.max_symbol, wide.max_exposure) == (D(300), D(300), D(400))
    narrow = settings_filled(CopySettings(max_exposure=D(50)), {"max_order", "max_symbol"}, sources)
    assert (narrow.max_order, narrow.max_symbol, narrow.max_exposure) == (D(50), D(50), D(50))
