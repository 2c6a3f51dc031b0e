"""A master's trades are done for those who follow, in each one's own size."""

import pytest

from markets.models import PaperAccount
from orders.models import Order
from replication.models import CopyIntent, Signal
from replication.services.refusing import CopyConflict
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is, settle, trade
from replication.vocabulary import IntentState

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_an_opening_trade_is_copied_in_each_followers_ratio():
    leader, account = make_master()
    one, half = follow(leader), follow(leader, ratio=D("0.5"))

    lead(account, "BUY", "0.1")

    assert (held(one), held(half)) == (D("0.1"), D("0.05"))
    assert decision(one).state == IntentState.FILLED, (decision(one).code, decision(one).message)
    assert Signal.objects.get().state == "done"


def test_a_reduction_closes_the_same_part_of_what_the_follower_has():
    leader, account = make_master()
    copy = follow(leader, ratio=D(2))
    lead(account, "BUY", "0.1")

    lead(account, "SELL", "0.025")

    assert held(copy) == D("0.15")
    assert decision(copy).signal.fraction == D("0.25")


def test_a_full_close_leaves_nothing():
    leader, account = make_master()
    copy = follow(leader, ratio=D("0.333"))
    lead(account, "BUY", "0.1")
    lead(account, "BUY", "0.05")

    lead(account, "SELL", "0.15")

    assert held(copy) == 0
    assert copy.account.holdings.get().quantity == 0


def test_a_turn_closes_the_long_position_and_opens_a_short_one():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    lead(account, "SELL", "0.3")
    settle()

    assert (held(copy), held(copy, "SHORT")) == (0, D("-0.2"))
    assert copy.account.holdings.get().quantity == D("-0.2")


def test_a_trade_is_copied_once_however_often_the_work_is_done():
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.1")

    settle()

    assert Order.objects.filter(origin="copy").count() == CopyIntent.objects.count() == 1


def test_what_happened_before_somebody_followed_is_not_copied():
    leader, account = make_master()
    trade(account, "BUY", "0.1")
    copy = follow(leader)

    settle()

    assert held(copy) == 0
    assert not CopyIntent.objects.exists()


def test_an_account_that_leads_copies_nobody():
    leader, _ = make_master()
    _, leading = make_master()

    with pytest.raises(CopyConflict, match="copies nobody"):
        follow(leader, leading)


def test_a_leader_who_is_long_and_short_at_once_is_followed_one_way_only():
    leader, account = make_master()
    account.hedge_mode = True
    account.save()
    PaperAccount.objects.filter(key=str(account.key)).update(settings={"hedge_mode": True})
    copy = follow(leader)
    lead(account, "BUY", "0.1", position_side="LONG")

    lead(account, "SELL", "0.1", position_side="SHORT")

    assert (held(copy), held(copy, "SHORT")) == (D("0.1"), 0)
    assert decision(copy).code == "OPPOSITE_LEADER"


def test_many_followers_take_no_more_statements_than_few(django_assert_max_num_queries):
    leader, account = make_master()
    copies = [follow(leader, paper_account()) for _ in range(30)]
    order = trade(account, "BUY", "0.01")

    from replication.engine.running import fan_out

    with django_assert_max_num_queries(90):
        fan_out()

    assert {held(copy) for copy in copies} == {D("0.01")}
    assert order.pk
