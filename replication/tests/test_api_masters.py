"""Masters are found, followed and left; what copies came to is shown to those whose they are."""

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from orders.models import TradingAccount
from replication.models import Copy
from replication.services.people import person_register
from replication.tests.callers import code, data, get, post, problems, statements
from replication.tests.kit import D, follow, held, lead, make_master, paper_account, price_is
from tests.factories import make_account, make_leader, make_user
from traders.models import LeaderStatus, LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]
LIST, FOLLOW, UNFOLLOW, FOLLOWING = (
    "/api/masters/",
    "/api/masters/follow",
    "/api/masters/unfollow",
    "/api/masters/following",
)


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def leader() -> LeadTrader:
    return make_master()[0]


def wish(leader: LeadTrader, **values: Any) -> dict[str, Any]:
    return {"master_id": leader.pk, "copy_strategy": "FIXED_RATIO", "ratio": 1.0, **values}


class TestFollowing:
    def test_a_copy_begins_on_the_account_that_suits(self, leader):
        account = paper_account()
        copy = data(post(account.user, FOLLOW, wish(leader)), 201)
        assert (
            copy.items()
            >= {
                "master_id": leader.pk,
                "master": leader.nickname,
                "platform": "house",
                "account_id": account.pk,
                "state": "active",
                "is_active": True,
                "copy_strategy": "FIXED_RATIO",
                "ratio": "1",
                "max_slippage_percent": "1",
                "max_signal_age_seconds": 60,
                "tiers": [],
                "trading_hours": None,
                "ended_at": None,
            }.items()
        )

    def test_all_settings_are_taken(self, leader):
        user = paper_account().user
        given = {
            "copy_strategy": "MULTIPLIER_TIERS",
            "tiers": [{"from": 0, "multiplier": "1.5"}, {"from": "1000", "multiplier": 0.5}],
            "ratio": None,
            "inverted": True,
            "allocated": "5000",
            "max_order": "1000",
            "max_symbol": 2000,
            "max_exposure": "4000",
            "max_positions": 3,
            "max_leverage": "2",
            "max_daily_loss": "100",
            "max_drawdown_percent": "40",
            "max_slippage_percent": None,
            "max_signal_age_seconds": 30,
            "allowed_symbols": ["btcusdt"],
            "denied_symbols": ["ETHUSDT"],
            "minimum_policy": "accumulate",
            "trading_hours": {"zone": "Asia/Kolkata", "days": [0, 4], "from": "09:15", "to": "15:30"},
        }
        copy = data(post(user, FOLLOW, wish(leader, **given)), 201)
        assert copy["tiers"] == [{"from": "0", "multiplier": "1.5"}, {"from": "1000", "multiplier": "0.5"}]
        assert copy["trading_hours"] == given["trading_hours"]
        assert copy["allowed_symbols"] == ["BTCUSDT"]
        same = ("inverted", "allocated", "max_order", "max_exposure", "max_positions", "max_leverage", "max_daily_loss",
                "max_drawdown_percent", "max_slippage_percent", "max_signal_age_seconds", "minimum_policy")  # fmt: skip
        assert {name: copy[name] for name in same} == {name: given[name] for name in same}

    def test_a_fixed_ratio_without_one_is_one_to_one(self, leader):
        user = paper_account().user
        assert data(post(user, FOLLOW, {"master_id": leader.pk}), 201)["ratio"] == "1"

    @pytest.mark.parametrize("misspelt", [{"strategy": "FIXED_AMOUNT", "fixed_amount": 50}, {"max_daily_los": 5}])
    def test_a_setting_that_there_is_not_is_refused_and_nobody_copied_without_it(self, leader, misspelt):
        answer = post(paper_account().user, FOLLOW, wish(leader, **misspelt))
        assert problems(answer) == {next(iter(misspelt)): "is no field here"}
        assert not Copy.objects.exists()

    def test_so_it_is_where_one_follows_no_longer(self, leader):
        copy = follow(leader)
        answer = post(copy.account.user, UNFOLLOW, {"master_id": leader.pk, "close_all": True})
        assert problems(answer) == {"close_all": "is no field here"}
        assert Copy.objects.get().state == "active"

    def test_a_leader_of_another_platform_is_followed_in_the_same_way(self):
        watched = make_leader(status=LeaderStatus.APPROVED)
        copy = data(post(make_user(), FOLLOW, wish(watched)), 201)
        assert (copy["platform"], copy["master_id"]) == ("binance", watched.pk)

    def test_the_named_account_is_taken(self, leader):
        user = paper_account().user
        second = paper_account(user)
        assert data(post(user, FOLLOW, wish(leader, account=second.pk)), 201)["account_id"] == second.pk

    @pytest.mark.parametrize("name", ["account", "account_id"])
    def test_real_money_follows_only_where_its_account_is_named(self, leader, name):
        live = make_account(mode="live", live_enabled=True)
        chosen = data(post(live.user, FOLLOW, wish(leader)), 201)["account_id"]
        assert TradingAccount.objects.get(pk=chosen).mode == "paper"
        assert data(post(live.user, FOLLOW, wish(leader, **{name: live.pk})), 201)["account_id"] == live.pk

    def test_two_accounts_are_not_guessed_between(self, leader):
        user = paper_account().user
        names = {"account": paper_account(user).pk, "account_id": paper_account(user).pk}
        assert set(problems(post(user, FOLLOW, wish(leader, **names)))) == {"account_id"}

    def test_an_unknown_or_blocked_leader_is_not_there(self):
        blocked = make_leader(status=LeaderStatus.BLOCKED)
        for number in (blocked.pk, 10**12):
            assert code(post(make_user(), FOLLOW, {"master_id": number})) == (404, "NOT_FOUND")

    def test_somebody_elses_account_is_not_there(self, leader):
        assert code(post(make_user(), FOLLOW, wish(leader, account=make_account().pk))) == (404, "NOT_FOUND")

    def test_who_is_not_open_to_be_copied_and_oneself_is_refused(self, leader):
        candidate = make_leader(status=LeaderStatus.CANDIDATE)
        assert code(post(make_user(), FOLLOW, wish(candidate))) == (409, "CONFLICT")
        assert code(post(leader.user, FOLLOW, wish(leader))) == (409, "CONFLICT")

    def test_following_again_says_that_one_does(self, leader):
        user = paper_account().user
        post(user, FOLLOW, wish(leader))
        answer = post(user, FOLLOW, wish(leader, ratio=2))
        assert code(answer) == (409, "CONFLICT")
        assert "already" in answer.json()["error"]["message"]
        assert Copy.objects.get().ratio == 1

    def test_twice_at_the_same_time_is_one_copy(self, leader):
        user = paper_account().user
        found: list[int] = []

        def begin() -> None:
            found.append(post(user, FOLLOW, wish(leader)).status_code)
            connection.close()

        threads = [threading.Thread(target=begin) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [201, 409, 409, 409]

    def test_nobody_follows_without_saying_who_they_are(self, leader):
        assert code(post(None, FOLLOW, wish(leader))) == (401, "NOT_AUTHENTICATED")


@pytest.mark.django_db
class TestBadSettings:
    @pytest.fixture
    def leader(self) -> LeadTrader:
        return make_leader(status=LeaderStatus.APPROVED)

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"copy_strategy": "ALL_IN"}, "copy_strategy"),
            ({"copy_strategy": "PERCENTAGE"}, "percentage"),
            ({"copy_strategy": "FIXED_QUANTITY"}, "fixed_quantity"),
            ({"copy_strategy": "PERCENTAGE", "percentage": 101}, "percentage"),
            ({"ratio": 0}, "ratio"),
            ({"ratio": "Infinity"}, "ratio"),
            ({"ratio": "1e31"}, "ratio"),
            ({"max_order": 10, "max_symbol": 5}, "max_order"),
            ({"tiers": [{"from": -1, "multiplier": 1}]}, "tiers[0].from"),
            ({"tiers": [{"from": 1, "multiplier": "NaN"}]}, "tiers[0].multiplier"),
            ({"max_positions": 0}, "max_positions"),
            ({"max_signal_age_seconds": 0}, "max_signal_age_seconds"),
            ({"max_signal_age_seconds": 2_592_001}, "max_signal_age_seconds"),
            ({"trading_hours": {"zone": "Mars", "days": [0], "from": "09:00", "to": "10:00"}}, "trading_hours.zone"),
            ({"trading_hours": {"zone": "UTC", "days": [0], "from": "9", "to": "10:00"}}, "trading_hours.from"),
            ({"allowed_symbols": ["A"], "denied_symbols": ["a"]}, "denied_symbols"),
            ({"master_id": None}, "master_id"),
            ({"master_id": "1"}, "master_id"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_begins(self, leader, change, path):
        assert path in problems(post(make_user(), FOLLOW, wish(leader) | change))
        assert not Copy.objects.exists()


class TestUnfollowing:
    def test_what_is_held_stays_ones_own(self):
        leader, account = make_master()
        copy = follow(leader)
        lead(account, "BUY", "0.1")
        stopped = data(post(copy.account.user, UNFOLLOW, {"master_id": leader.pk}))
        assert [each["state"] for each in stopped["copies"]] == ["ended"]
        lead(account, "SELL", "0.1")
        assert held(copy) == D("0.1")
        assert copy.account.holdings.get().quantity == D("0.1")

    def test_all_is_closed_first_where_that_is_wanted(self):
        leader, account = make_master()
        copy = follow(leader)
        lead(account, "BUY", "0.1")
        body = {"master_id": leader.pk, "close": True}
        assert data(post(copy.account.user, UNFOLLOW, body))["copies"][0]["state"] == "stopping"
        assert data(post(copy.account.user, UNFOLLOW, body))["copies"][0]["state"] == "stopping"

    def test_whom_one_does_not_follow_is_not_there(self, leader):
        other = follow(leader)
        assert code(post(make_user(), UNFOLLOW, {"master_id": leader.pk})) == (404, "NOT_FOUND")
        other.refresh_from_db()
        assert other.state == "active"

    def test_one_may_come_back(self, leader):
        user = paper_account().user
        for _ in range(2):
            data(post(user, FOLLOW, wish(leader)), 201)
            data(post(user, UNFOLLOW, {"master_id": leader.pk}))
        assert code(post(user, UNFOLLOW, {"master_id": leader.pk})) == (404, "NOT_FOUND")
        assert Copy.objects.count() == 2


class TestWhomIFollow:
    def test_copies_are_shown_with_what_they_came_to(self):
        leader, account = make_master()
        copy = follow(leader)
        follow(leader)
        lead(account, "BUY", "0.1")
        lead(account, "SELL", "0.1")
        answer = get(copy.account.user, FOLLOWING)
        assert answer["meta"] == {"total": 1, "limit": 50, "offset": 0}
        results = answer["data"][0]["results"]
        assert (results["copied"], results["skipped"], results["failed"]) == (2, 0, 0)
        assert (results["success_rate"], results["open_positions"]) == ("100", 0)
        assert results["asset"] == "USDT"
        assert D(results["fees"]) > 0
        assert results["latency"]["count"] == 2

    def test_those_that_ended_are_told_apart(self, leader):
        user = paper_account().user
        post(user, FOLLOW, wish(leader))
        post(user, UNFOLLOW, {"master_id": leader.pk})
        assert [row["state"] for row in get(user, FOLLOWING)["data"]] == ["ended"]
        assert get(user, f"{FOLLOWING}?is_active=true")["data"] == []
        assert len(get(user, f"{FOLLOWING}?is_active=false")["data"]) == 1
        get(user, f"{FOLLOWING}?is_active=yes", 400)

    def test_many_take_no_more_statements_than_one(self):
        user = paper_account().user
        follow(make_master()[0], user.trading_accounts.get())
        few = statements(lambda: get(user, FOLLOWING))
        for _ in range(4):
            follow(make_master()[0], paper_account(user))
        assert statements(lambda: get(user, FOLLOWING)) == few


class TestMasters:
    def test_anybody_sees_who_may_be_followed_and_how_they_do(self):
        leader, account = make_master(balance=10_000)
        follow(leader)
        lead(account, "BUY", "0.1")
        lead(account, "SELL", "0.1")
        entry = get(None, LIST)["data"][0]
        assert (
            entry.items()
            >= {
                "master_id": leader.pk,
                "nickname": leader.nickname,
                "featured": False,
                "followers": 1,
                "total_orders": 2,
                "success_rate": "100",
                "pnl_asset": "USDT",
                "running_days": 0,
            }.items()
        )
        assert entry["average_latency_ms"] == entry["latency"]["average_ms"] > 0
        assert D(entry["realized_pnl"]) < 0
        assert D(entry["roi_percent"]) == (D(entry["realized_pnl"]) / 100).quantize(D("0.0001"), "ROUND_DOWN")

    def test_only_masters_who_are_open_to_be_copied_are_listed(self, leader):
        make_leader(status=LeaderStatus.FEATURED)
        paused, _ = make_master()
        LeadTrader.objects.filter(pk=paused.pk).update(status=LeaderStatus.PAUSED)
        answer = get(None, LIST)
        assert [row["master_id"] for row in answer["data"]] == [leader.pk]
        assert answer["meta"]["total"] == 1

    def test_a_name_to_log_in_with_is_not_shown_where_there_is_a_full_one(self):
        person_register(
            username="login_name", email="a@example.test", password="Password123!", role="MASTER", full_name="Ada"
        )
        assert "login_name" not in str(get(None, LIST))

    def test_the_best_come_first_by_the_figure_that_is_asked_for(self):
        popular, _ = make_master()
        busy, account = make_master()
        old, _ = make_master()
        LeadTrader.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=9))
        follow(popular)
        lead(account, "BUY", "0.01")
        first = {name: get(None, f"{LIST}?ordering={name}&limit=1")["data"][0]["master_id"] for name in
                 ("followers", "total_orders", "running_days")}  # fmt: skip
        assert first == {"followers": popular.pk, "total_orders": busy.pk, "running_days": old.pk}
        assert [row["master_id"] for row in get(None, f"{LIST}?offset=2")["data"]] == [old.pk]
        for name in ("success_rate", "latency", "pnl", "roi"):
            assert len(get(None, f"{LIST}?ordering={name}")["data"]) == 3
        get(None, f"{LIST}?ordering=beauty", 400)

    def test_many_masters_take_no_more_statements_than_one(self, leader):
        few = statements(lambda: get(None, LIST))
        for _ in range(4):
            make_master()
        assert statements(lambda: get(None, LIST)) == few


def test_whoever_has_no_account_that_suits_gets_one_on_paper(leader):
    copy = data(post(make_user(), FOLLOW, wish(leader)), 201)
    account = TradingAccount.objects.get(pk=copy["account_id"])
    assert (account.mode, account.venue) == ("paper", "binanceusdm")
    assert isinstance(copy["results"]["value"], str) or account.equity is None
    assert Decimal(copy["ratio"]) == 1
