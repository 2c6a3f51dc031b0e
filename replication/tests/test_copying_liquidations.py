"""The paper account of a master is liquidated: nobody sent an order, and the followers are out soon."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.venues.base import PriceReport
from markets.venues.paper.feed import paper_match
from markets.venues.vocabulary import MarketKind
from orders.models import Order, Reconciliation
from orders.tasks import sweep
from replication.tests.kit import VENUE, D, decision, follow, held, lead, make_master, paper_account, price_is, settle

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def falls_to(price):
    price_is(price)
    value = D(price)
    report = PriceReport("BTCUSDT", MarketKind.USD_M, timezone.now(), last=value, bid=value, ask=value, mark=value)
    return paper_match(venue=VENUE, prices=[report])


def test_followers_close_what_the_master_was_liquidated_of():
    leader, account = make_master(balance=1_000)
    copy = follow(leader)
    lead(account, "BUY", "0.19")
    assert falls_to(44_000) == 1

    sweep()
    settle()

    assert account.holdings.get().quantity == 0
    assert (held(copy), decision(copy).signal.source, decision(copy).state) == (0, "fill", "filled")
    assert Order.objects.get(account=account, client_order_id__startswith="autoclose-").state == "FILLED"


def test_it_is_looked_for_once():
    leader, account = make_master(balance=1_000)
    lead(account, "BUY", "0.19")
    follow(leader)
    falls_to(44_000)
    sweep()
    Reconciliation.objects.update(started_at=timezone.now() + timedelta(seconds=3))

    sweep()

    assert Reconciliation.objects.filter(trigger="liquidation").count() == 1


def test_where_nobody_was_liquidated_nothing_is_compared():
    _, account = make_master(balance=1_000)
    lead(account, "BUY", "0.01")
    assert falls_to(44_000) == 0

    sweep()

    assert not Reconciliation.objects.exists()


def test_an_account_that_only_follows_is_found_as_well():
    leader, account = make_master()
    copy = follow(leader, paper_account(balance=1_000), ratio=D("0.5"))
    lead(account, "BUY", "0.38")
    assert falls_to(44_000) == 1

    sweep()

    assert copy.account.holdings.get().quantity == 0
