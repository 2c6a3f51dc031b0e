"""Several copies on one account: each has its own position, and what one has under way the others count."""

import pytest

from orders.models import Order, TradingAccount
from replication.engine import running
from replication.engine.running import fan_out
from replication.models import CopyIntent
from replication.services.copies import copy_stop
from replication.tests.kit import (
    D,
    decision,
    follow,
    held,
    lead,
    make_master,
    paper_account,
    price_is,
    send_nothing,
    settle,
    trade,
)

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def follower():
    return paper_account()


@pytest.fixture
def masters():
    return make_master(), make_master()


def test_two_leaders_of_one_symbol_are_two_positions(follower, masters):
    (one, first), (two, second) = masters
    copies = [follow(one, follower), follow(two, follower, ratio=D(2))]
    lead(first, "BUY", "0.1")
    lead(second, "BUY", "0.1")
    assert [held(copy) for copy in copies] == [D("0.1"), D("0.2")]

    lead(first, "SELL", "0.1")

    assert [held(copy) for copy in copies] == [0, D("0.2")]
    assert follower.holdings.get().quantity == D("0.2")


def test_the_opposite_of_what_another_leader_holds_is_refused(follower, masters):
    """PITFALLS 18."""
    (one, first), (two, second) = masters
    copies = [follow(one, follower), follow(two, follower)]
    lead(first, "BUY", "0.1")

    lead(second, "SELL", "0.1")

    refused = decision(copies[1])
    assert (refused.state, refused.code) == ("skipped", "OPPOSITE_LEADER")
    assert one.nickname in refused.message
    assert follower.holdings.get().quantity == D("0.1")


def test_the_opposite_of_what_another_leader_is_just_opening_is_refused(follower, masters, monkeypatch):
    (one, first), (two, second) = masters
    copies = [follow(one, follower), follow(two, follower)]
    trade(first, "BUY", "0.1")
    trade(second, "SELL", "0.1")
    send_nothing(monkeypatch)

    fan_out()

    assert sorted(CopyIntent.objects.values_list("state", "code")) == [("planned", ""), ("skipped", "OPPOSITE_LEADER")]
    assert len(copies) == 2


def test_a_hedging_account_holds_both_sides_for_two_leaders(follower, masters):
    (one, first), (two, second) = masters
    TradingAccount.objects.filter(pk=follower.pk).update(hedge_mode=True)
    copies = [follow(one, follower), follow(two, follower)]

    lead(first, "BUY", "0.1")
    lead(second, "SELL", "0.2")

    assert (held(copies[0]), held(copies[1], "SHORT")) == (D("0.1"), D("-0.2"))


def test_what_an_ended_copy_left_and_its_owner_closed_stands_in_nobodys_way(follower, masters):
    (one, first), (two, second) = masters
    copies = [follow(one, follower), follow(two, follower)]
    lead(first, "BUY", "0.1")
    copy_stop(copy=copies[0], close=False, actor=follower.user)
    lead(second, "SELL", "0.1")
    assert decision(copies[1]).code == "OPPOSITE_LEADER"

    trade(follower, "SELL", "0.1", origin="manual", reduce_only=True)
    lead(second, "SELL", "0.1")

    assert held(copies[1], "SHORT") == D("-0.1")


def test_two_quick_copies_see_what_the_other_has_under_way(follower, masters, monkeypatch):
    """PITFALLS 18: the balance was that from before the first of two quick copies."""
    (one, first), (two, second) = masters
    copies = [follow(one, follower), follow(two, follower)]
    TradingAccount.objects.filter(pk=follower.pk).update(max_worth=D(8_000))
    trade(first, "BUY", "0.1")
    trade(second, "BUY", "0.1")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        fan_out()

    running.chunk_execute(list(Order.objects.filter(state="PENDING").values_list("pk", flat=True)))

    assert sorted(held(copy) for copy in copies) == [D("0.06"), D("0.1")]
    cut = CopyIntent.objects.latest("pk")
    assert [(cap["code"], cap["from"], cap["to"]) for cap in cut.capped] == [("ACCOUNT_EXPOSURE", "0.1", "0.06")]


def test_two_quick_entries_of_one_copy_count_each_other(follower, masters, monkeypatch):
    (one, first), _ = masters
    copy = follow(one, follower, max_symbol=D(8_000))
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead_unsent(first, "0.1")
        lead_unsent(first, "0.1")

    running.chunk_execute(list(Order.objects.filter(state="PENDING").values_list("pk", flat=True)))

    assert held(copy) == D("0.16")


def lead_unsent(account, quantity):
    trade(account, "BUY", quantity)
    fan_out()


def test_the_position_counts_as_opened_by_the_first_of_two_quick_entries(follower, masters, monkeypatch):
    (one, first), _ = masters
    copy = follow(one, follower)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead_unsent(first, "0.1")
        opened = decision(copy).signal.event_time
        lead_unsent(first, "0.1")

    running.chunk_execute(list(Order.objects.filter(state="PENDING").values_list("pk", flat=True)))
    settle()

    assert held(copy) == D("0.2")
    assert copy.positions.get().leader_opened_at == opened


def test_a_position_that_just_opens_may_grow_whatever_the_most_positions(follower, masters, monkeypatch):
    (one, first), _ = masters
    copy = follow(one, follower, max_positions=1)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead_unsent(first, "0.1")

    lead(first, "BUY", "0.1")

    running.chunk_execute(list(Order.objects.filter(state="PENDING").values_list("pk", flat=True)))
    assert held(copy) == D("0.2")
    assert decision(copy).code == ""
