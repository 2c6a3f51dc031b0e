"""Leverage that was told once counts until another is told, also while nothing is held."""

import pytest

from orders.models import Holding, TradingAccount
from orders.services.leverage import account_set_leverage
from orders.services.sync import accounts_sync
from replication.models import CopyIntent, Signal
from replication.tests.kit import D, decision, follow, held, lead, make_master, paper_account, price_is, settle
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def set_leverage(account: TradingAccount, leverage: int) -> None:
    account_set_leverage(account=account, market=make_market(), leverage=leverage, actor=account.user)


def test_opening_and_increasing_spend_the_same_part_of_the_funds():
    """The leader spends 2.5 % at 20x; the follower at 5x orders a quarter of it, for the same margin."""
    leader, account = make_master(balance=10_000)
    follower = paper_account(balance=10_000)
    set_leverage(follower, 5)
    follow(leader, follower, strategy="EQUITY_PROPORTIONAL", ratio=None)

    lead(account, "BUY", "0.1")
    accounts_sync(accounts=[account, follower])
    lead(account, "BUY", "0.1")

    opening, increase = CopyIntent.objects.order_by("pk")
    assert opening.quantity == D("0.025")
    assert increase.quantity == pytest.approx(D("0.025"), abs=D("0.001"))


def test_a_leader_who_was_flat_opens_with_the_leverage_it_had():
    leader, account = make_master(balance=10_000)
    follow(leader)
    set_leverage(account, 7)
    for side in ("BUY", "SELL", "BUY"):
        lead(account, side, "0.1")
        accounts_sync(accounts=[account])

    assert [(signal.action, signal.leverage) for signal in Signal.objects.order_by("pk")] == [
        ("OPEN", 7),
        ("CLOSE", 7),
        ("OPEN", 7),
    ]


def test_a_leader_who_set_none_opens_with_that_of_its_paper_account():
    leader, account = make_master()
    follow(leader)

    lead(account, "BUY", "0.1")

    assert Signal.objects.get().leverage == 20


def test_a_leader_who_holds_both_sides_has_one_leverage_for_them():
    leader, account = make_master()
    TradingAccount.objects.filter(pk=account.pk).update(hedge_mode=True)
    account.refresh_from_db()
    follow(leader)
    set_leverage(account, 7)

    lead(account, "SELL", "0.1", position_side="SHORT")

    assert Signal.objects.get().leverage == 7


def test_a_leader_on_spot_has_none():
    price_is(market=make_market(venue="binance"))
    leader, account = make_master(venue="binance")
    follow(leader)

    lead(account, "BUY", "0.1", market=make_market(venue="binance"))

    assert Signal.objects.get().leverage is None


def test_funds_are_enough_for_what_the_leverage_of_the_market_allows():
    """10,000 at 5x; at the paper account's own 20x the venue would refuse the whole order."""
    leader, account = make_master()
    follower = paper_account(balance=10_000)
    set_leverage(follower, 5)
    copy = follow(leader, follower)

    lead(account, "BUY", "2")

    made = decision(copy)
    assert (made.state, [cap["code"] for cap in made.capped]) == ("filled", ["FUNDS"])
    assert D("0.8") < held(copy) < 1


def test_what_is_held_when_a_copy_begins_has_the_leverage_that_was_set():
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.1")
    Holding.objects.update(leverage=None)
    set_leverage(account, 7)
    copy = follow(leader, copy_open_positions=True)
    settle()

    assert Signal.objects.get(copy=copy).leverage == 7


def test_what_is_held_when_a_copy_begins_has_the_leverage_of_the_paper_account():
    leader, account = make_master()
    lead(account, "BUY", "0.1")
    copy = follow(leader, copy_open_positions=True)
    settle()

    assert Signal.objects.get(copy=copy).leverage == 20
