"""Copies are given no more funds than their account has, and size by no more than it is worth."""

from decimal import Decimal

import pytest

from copytrade.lib.errors import InvalidInput
from orders.models import TradingAccount
from replication.models import Copy
from replication.services.copies import copy_funds_move, copy_stop
from replication.tests.api_kit import as_user, paths, post
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is
from tests.factories import make_account

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def mine():
    return paper_account(balance=10_000)


def refused(**values):
    with pytest.raises(InvalidInput) as error:
        follow(make_master()[0], **values)
    return error.value.details["errors"]


def test_all_of_an_account_can_be_given(mine):
    copy = follow(make_master()[0], mine, allocated=D(10_000))

    assert (copy.allocated, copy.base_value) == (10_000, 10_000)


def test_more_than_an_account_is_worth_is_refused_with_what_it_is(mine):
    problems = refused(account=mine, allocated=D(1_000_000))

    assert problems == [{"path": "allocated", "message": "must be at most 10,000 USDT: the account is worth 10,000"}]
    assert not Copy.objects.exists()


def test_what_other_copies_have_is_not_given_twice(mine):
    follow(make_master()[0], mine, allocated=D(8_000))

    problems = refused(account=mine, allocated=D("2000.01"))

    assert problems[0]["message"] == (
        "must be at most 2,000 USDT: the account is worth 10,000, of which 8,000 belong to copies"
    )
    follow(make_master()[0], mine, allocated=D(2_000))


def test_a_copy_that_has_ended_and_one_of_the_whole_account_keep_nothing_for_themselves(mine):
    follow(make_master()[0], mine)
    ended = follow(make_master()[0], mine, allocated=D(8_000))
    copy_stop(copy=ended, close=False, actor=mine.user)

    assert follow(make_master()[0], mine, allocated=D(10_000)).allocated == 10_000


def test_what_a_copy_has_lost_is_gone_from_the_account_and_from_the_copy(mine):
    leader, account = make_master()
    follow(leader, mine, allocated=D(5_000))
    lead(account, "BUY", "0.1")
    price_is(40_000)
    lead(account, "SELL", "0.1")
    TradingAccount.objects.filter(pk=mine.pk).update(equity=D(9_000))

    message = refused(account=mine, allocated=D(9_000))[0]["message"]

    left = D(message.split(" ")[4].replace(",", ""))
    assert 5_000 <= left < 5_010  # and not 4,000; the fees are the copy's
    follow(make_master()[0], mine, allocated=left)


def test_funds_are_added_as_far_as_the_account_has_them(mine):
    copy = follow(make_master()[0], mine, allocated=D(9_000))
    client = as_user(mine.user)

    assert paths(post(client, f"copies/{copy.pk}/funds", {"amount": "1000.01"}, status=400)) == {"amount"}
    post(client, f"copies/{copy.pk}/funds", {"amount": "1000"})

    copy.refresh_from_db()
    assert copy.allocated == 10_000


def test_a_new_follower_is_told_at_once(mine):
    answer = post(
        as_user(mine.user), "masters/follow", {"master_id": make_master()[0].pk, "allocated": "10001"}, status=400
    )

    assert paths(answer) == {"allocated"}


def test_while_nobody_knows_what_an_account_is_worth_nothing_is_refused():
    account = make_account()

    copy = follow(make_master()[0], account, allocated=D(1_000_000))
    copy_funds_move(copy=copy, amount=D(1), actor=account.user)

    copy.refresh_from_db()
    assert (account.equity, copy.allocated) == (None, 1_000_001)


def test_no_order_is_sized_by_more_than_the_account_is_worth():
    leader, account = make_master()
    mine = paper_account(balance=1_000_000)
    copy = follow(leader, mine, strategy="PERCENTAGE", percentage=D(20), ratio=None, allocated=D(1_000_000))
    TradingAccount.objects.filter(pk=mine.pk).update(equity=D(10_000))

    lead(account, "BUY", "0.1")

    assert held(copy) == D("0.04")  # 20 % of 10,000 at 50,000
    assert Decimal(decision(copy).worth) == 2_000
