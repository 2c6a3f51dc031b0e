"""The figures of a leader count what the leader did, and how fast it was copied where no follower held it up."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from orders.models import TradingAccount
from replication.models import Copy, CopyIntent, CopyPosition, Signal
from replication.selectors.masters import copy_views
from replication.selectors.recent import Decided, decided_lately
from replication.selectors.statistics import Latency, Outcomes, leader_replication
from replication.selectors.summary import summary_of
from replication.services.copies import copy_position_close
from replication.services.retrying import decision_retry
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, settle

pytestmark = [pytest.mark.django_db(transaction=True)]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def master():
    return make_master()


@pytest.fixture
def told(master):
    """What is told of the master: of all their decisions, and of those in the list of masters."""

    def read() -> tuple[Outcomes, Decided]:
        cache.delete(f"decided:{master[0].pk}")
        since = timezone.now() - timedelta(days=30)
        return leader_replication(master[0].pk, since).outcomes, decided_lately([master[0].pk])[master[0].pk]

    return read


@pytest.fixture
def latencies(master):
    """How fast copying was, as the master, the list of masters, a follower and the list of their copies tell it."""

    def read(copy: Copy) -> list[Latency]:
        leader, account = master
        cache.delete(f"decided:{leader.pk}")
        copies = Copy.objects.filter(pk=copy.pk).select_related("account", "trader")
        whose = summary_of(user=account.user, since=None).master
        assert whose is not None
        return [
            whose.replication.latency,
            decided_lately([leader.pk])[leader.pk].latency,
            summary_of(user=copy.account.user, since=None).totals.latency,
            copy_views(list(copies))[0].latency,
        ]

    return read


def close(copy: Copy) -> None:
    copy_position_close(position=CopyPosition.objects.get(copy=copy), actor=copy.account.user)
    settle()


def long_ago(copy: Copy, **which: Any) -> None:
    """Let a follower's decisions, and the trades that they are about, be of yesterday."""
    intents = CopyIntent.objects.filter(copy=copy, **which)
    for rows in (Signal.objects.filter(intents__in=intents), intents):
        rows.update(**{name: F(name) - DAY for name in ("detected_at", "planned_at")})


def test_a_followers_own_close_is_none_of_the_leaders_trades(master, told):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    close(copy)

    assert held(copy) == 0
    outcomes, lately = told()
    assert (outcomes.total, lately.tried) == (1, 1)


def test_a_followers_own_close_that_fails_is_no_failure_of_the_leader(master, told):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    close(copy)
    CopyIntent.objects.filter(signal__source="stop").update(state="failed")

    outcomes, lately = told()

    assert (outcomes.success_percent, lately.success_percent) == (100, 100)


def test_what_a_leader_held_before_is_no_trade_of_now(master, told):
    leader, account = master
    lead(account, "BUY", "0.1")
    late = follow(leader, copy_open_positions=True)
    settle()

    assert held(late) == D("0.1")
    outcomes, lately = told()
    assert (outcomes.total, lately.tried) == (0, 0)


def test_the_leaders_own_exit_counts_for_whoever_follows(master, told):
    leader, account = master
    for _ in range(2):
        follow(leader)
    lead(account, "BUY", "0.1")
    lead(account, "SELL", "0.1")

    outcomes, lately = told()

    assert (outcomes.total, lately.tried) == (4, 4)


def test_a_paused_account_tells_nothing_of_how_fast_it_is(master, latencies):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    before = latencies(copy)
    TradingAccount.objects.filter(pk=copy.account_id).update(state="paused")
    lead(account, "SELL", "0.1")
    long_ago(copy, exits=True)
    TradingAccount.objects.filter(pk=copy.account_id).update(state="active")
    CopyIntent.objects.update(updated_at=F("updated_at") - DAY)
    settle()

    assert CopyIntent.objects.get(exits=True, state="filled", acknowledged_at__gt=F("detected_at") + DAY)
    assert [latency.count for latency in before] == [1] * 4
    assert latencies(copy) == before


def test_what_a_person_tries_again_tells_nothing_of_how_fast_it_is(master, latencies):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    CopyIntent.objects.update(state="failed", acknowledged_at=None, filled_quantity=0)
    CopyPosition.objects.update(quantity=0, cost=0)
    long_ago(copy)

    decision_retry(intent=decision(copy), actor=copy.account.user)
    settle()

    assert decision(copy).state == "filled"
    assert [latency.count for latency in latencies(copy)] == [0] * 4


@pytest.mark.parametrize(("seconds", "count"), [(2, 1), (20, 0)])
def test_waiting_for_an_order_of_before_counts_unless_something_held_that_up(master, latencies, seconds, count):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    later = timedelta(seconds=seconds)
    CopyIntent.objects.update(planned_at=F("planned_at") + later, acknowledged_at=F("planned_at") + later)

    assert [latency.count for latency in latencies(copy)] == [count] * 4
