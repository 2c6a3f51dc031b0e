"""Funds can be taken from a copy as far as they are there, and its fall below its peak stays what it was."""

import pytest

from copytrade.lib.errors import InvalidInput
from replication.models import Copy, CopyFunds
from replication.selectors.copies import copy_results
from replication.services.copies import copy_funds_move
from replication.services.funding import WorthUnknown
from replication.services.protecting import copies_protect
from replication.tests.kit import D, follow, lead, make_master, price_is

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def master():
    return make_master()


def move(copy, amount):
    copy_funds_move(copy=copy, amount=D(amount), actor=copy.account.user)


def results(copy):
    return copy_results([Copy.objects.select_related("account", "trader").get(pk=copy.pk)])[0]


def test_what_a_copy_has_lost_cannot_be_taken(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000))
    lead(account, "BUY", "0.1")
    price_is(41_000)
    lead(account, "SELL", "0.1")
    worth = results(copy).value.value
    assert 90 < worth < 100

    for amount in ("-800", -worth):
        with pytest.raises(InvalidInput) as refused:
            move(copy, amount)
        assert f"more than 0 of {worth.normalize():f}" in str(refused.value.details)
    move(copy, "-90")

    assert results(copy).value.value == worth - 90
    assert list(CopyFunds.objects.order_by("pk").values_list("amount", flat=True)) == [1_000, -90]


def test_what_is_open_counts_as_well(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000))
    lead(account, "BUY", "0.1")
    price_is(41_000)

    with pytest.raises(InvalidInput):
        move(copy, "-800")


def test_a_gain_can_be_taken_no_further_than_what_is_allocated(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000))
    lead(account, "BUY", "0.1")
    price_is(60_000)

    with pytest.raises(InvalidInput):
        move(copy, "-1000")
    move(copy, "-999")


def test_funds_that_are_taken_are_no_fall(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000), max_drawdown_percent=D(30))
    lead(account, "BUY", "0.1")
    price_is(60_000)
    copies_protect()
    price_is(56_000)
    assert copies_protect() == 0
    fell = results(copy).drawdown_percent
    assert 20 < fell < 21

    move(copy, "-900")

    assert results(copy).drawdown_percent == fell
    assert copies_protect() == 0
    price_is(54_000)  # 200 of less than 700
    assert copies_protect() == 1


def test_a_rise_that_nobody_saw_yet_is_a_peak(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000), max_drawdown_percent=D(30))
    lead(account, "BUY", "0.1")
    price_is(60_000)

    move(copy, "-900")

    assert results(copy).peak == results(copy).value.value
    price_is(56_000)
    assert copies_protect() == 1


def test_without_a_fresh_price_funds_can_be_given_and_not_taken(master, settings):
    leader, account = master
    copy = follow(leader, allocated=D(1_000))
    lead(account, "BUY", "0.01")
    settings.PRICE_STALE_AFTER_SECONDS = -1

    with pytest.raises(WorthUnknown, match="no fresh price"):
        move(copy, "-1")
    move(copy, "1")

    assert Copy.objects.get(pk=copy.pk).allocated == 1_001


def test_a_loss_stays_the_same_money_where_funds_are_added(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000))
    lead(account, "BUY", "0.1")
    price_is(41_000)
    before = results(copy)

    move(copy, "1000")

    after = results(copy)
    assert after.peak - after.value.value == before.peak - before.value.value
    assert after.drawdown_percent < before.drawdown_percent
