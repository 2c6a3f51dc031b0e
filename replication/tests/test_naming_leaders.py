"""Leaders are named by their number, or by platform and the id there, as the public reads of leaders tell it."""

from typing import Any

import pytest

from orders.models import TradingAccount
from replication.models import Copy
from replication.tests.api_kit import as_user, get, paths, post
from replication.tests.kit import follow, make_master, paper_account, price_is
from tests.factories import make_leader
from traders.models import LeaderStatus, LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]
WRITES = ("masters/follow", "copies/", "copies/preview")


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def watched() -> LeadTrader:
    return make_leader(status=LeaderStatus.APPROVED)


@pytest.fixture
def account() -> TradingAccount:
    return paper_account()


def named(leader: LeadTrader) -> dict[str, Any]:
    return {"platform": leader.platform, "lead_id": leader.external_id}


def number_of(leader: LeadTrader, path: str) -> dict[str, Any]:
    return {"master_id" if path.startswith("masters") else "trader_id": leader.pk}


def test_a_leader_found_in_the_ranking_is_followed_and_left_by_the_id_at_its_platform(watched, account):
    client = as_user(account.user)
    followed = post(client, "masters/follow", named(watched), status=201)["data"]
    assert followed["master_id"] == watched.pk
    left = post(client, "masters/unfollow", named(watched))["data"]
    assert (left["master_id"], [copy["state"] for copy in left["copies"]]) == (watched.pk, ["ended"])


def test_a_copy_is_thought_through_and_begun_by_the_id_at_the_platform(watched, account):
    client = as_user(account.user)
    body = {**named(watched), "ratio": "1"}
    assert post(client, "copies/preview", body)["data"]["trader_id"] == watched.pk
    assert post(client, "copies/", body)["data"]["trader_id"] == watched.pk


def test_leaders_of_another_platform_are_listed_with_the_number_that_follows_them(watched, client):
    make_leader(status=LeaderStatus.CANDIDATE)
    master, _ = make_master()
    answer = get(client, "masters/", platform="binance")
    assert [(row["master_id"], row["platform"], row["lead_id"]) for row in answer["data"]] == [
        (watched.pk, "binance", watched.external_id)
    ]
    assert answer["meta"]["total"] == 1
    for ordering in ("success_rate", "pnl"):
        rows = get(client, "masters/", platform="binance", ordering=ordering)["data"]
        assert [row["master_id"] for row in rows] == [watched.pk]
    assert [row["master_id"] for row in get(client, "masters/")["data"]] == [master.pk]
    assert paths(get(client, "masters/", platform="Binance!", status=400)) == {"platform"}


@pytest.mark.parametrize("path", [*WRITES, "masters/unfollow"])
def test_a_body_that_names_no_leader_half_of_one_or_one_twice_is_told_so(watched, account, path):
    client, number = as_user(account.user), number_of(watched, path)
    settings = {} if path == "masters/unfollow" else {"ratio": "1"}
    wrong = {
        next(iter(number)): [{}, {**number, **named(watched)}, {**number, "platform": "binance"}],
        "platform": [{"lead_id": watched.external_id}, {"platform": "B!", "lead_id": "1"}],
        "lead_id": [{"platform": "binance"}, {"platform": "binance", "lead_id": ""}],
    }
    for field, bodies in wrong.items():
        for body in bodies:
            assert paths(post(client, path, {**settings, **body}, status=400)) == {field}, body
    assert not Copy.objects.exists()


@pytest.mark.parametrize("path", WRITES)
def test_an_id_that_the_platform_does_not_have_and_a_blocked_leader_are_404(account, path):
    client, blocked = as_user(account.user), make_leader(status=LeaderStatus.BLOCKED)
    for lead_id in (blocked.external_id, "none", "a\0b"):
        post(client, path, {"platform": "binance", "lead_id": lead_id, "ratio": "1"}, status=404)
    post(client, path, {"platform": "elsewhere", "lead_id": blocked.external_id, "ratio": "1"}, status=404)


def test_a_leader_who_was_blocked_since_can_still_be_left(watched, account):
    follow(watched, account)
    LeadTrader.objects.filter(pk=watched.pk).update(status=LeaderStatus.BLOCKED)
    left = post(as_user(account.user), "masters/unfollow", named(watched))["data"]
    assert [copy["state"] for copy in left["copies"]] == ["ended"]
