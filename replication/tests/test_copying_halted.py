"""While trading is halted for all but exits, copies close what they hold, also where the venue has no reduce-only."""

from dataclasses import replace

import pytest

from markets.venues import registry
from orders.models import Order, TradingHalt
from orders.tests import memory_venue
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.tests.callers import post
from replication.tests.kit import decision, follow, held, lead, make_master, paper_account, price_is
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shares(venue, monkeypatch):  # noqa: F811
    """A broker of shares: its orders say nothing of what they close."""
    info = replace(memory_venue.INFO, capabilities=replace(memory_venue.CAPABILITIES, reduce_only=False))
    monkeypatch.setattr(registry, "FIRST_CLASS", (*registry.FIRST_CLASS[:-1], info))
    registry.venues.cache_clear()
    price_is()
    price_is(market=make_market(venue="fake", kind="equity"))
    return venue


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_an_exit_is_sent_where_the_venue_has_no_reduce_only(shares, side):
    leader, account = make_master()
    copy = follow(leader, make_live_account())
    shares.next.append("with fills")
    lead(account, side, "0.1")
    word = "LONG" if side == "BUY" else "SHORT"
    assert abs(held(copy, word)) > 0
    TradingHalt.objects.create(scope="venue", venue="fake", reason="the news")

    shares.next.append("with fills")
    lead(account, "SELL" if side == "BUY" else "BUY", "0.1")

    order = Order.objects.get(cause_id=decision(copy).pk)
    assert (order.state, order.reduce_only, order.closes) == ("FILLED", False, True)
    assert held(copy, word) == 0


def test_an_entry_says_nothing_of_closing(shares):
    leader, account = make_master()
    copy = follow(leader, make_live_account())
    lead(account, "BUY", "0.1")

    assert Order.objects.get(cause_id=decision(copy).pk).closes is False


def test_no_request_of_a_master_says_that_its_order_closes():
    price_is()
    account = paper_account()
    body = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", "quantity": 0.01}

    for name in ("closes", "is_exit", "close"):
        post(account.user, "/api/orders/place", {**body, name: True})
    post(account.user, "/api/orders/place", body)

    assert Order.objects.exists()
    assert not Order.objects.filter(closes=True).exists()
