"""The paper account of a master is liquidated: nobody sent an order, and the followers are out soon."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from markets.venues.base import PriceReport
from markets.venues.paper.feed import paper_match
from markets.venues.vocabulary import MarketKind
from orders.models import Order, Reconciliation
from orders.services.liquidations import liquidations_find
from orders.tasks import liquidations
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

    liquidations()
    settle()

    assert account.holdings.get().quantity == 0
    assert (held(copy), decision(copy).signal.source, decision(copy).state) == (0, "fill", "filled")
    assert Order.objects.get(account=account, client_order_id__startswith="autoclose-").state == "FILLED"


def test_it_is_looked_for_once():
    leader, account = make_master(balance=1_000)
    lead(account, "BUY", "0.19")
    follow(leader)
    falls_to(44_000)
    liquidations()
    Reconciliation.objects.update(started_at=timezone.now() + timedelta(seconds=3))

    liquidations()

    assert Reconciliation.objects.filter(trigger="liquidation").count() == 1


def test_where_nobody_was_liquidated_nothing_is_compared():
    _, account = make_master(balance=1_000)
    lead(account, "BUY", "0.01")
    assert falls_to(44_000) == 0

    liquidations()

    assert not Reconciliation.objects.exists()


def test_an_account_that_only_follows_is_found_as_well():
    leader, account = make_master()
    copy = follow(leader, paper_account(balance=1_000), ratio=D("0.5"))
    lead(account, "BUY", "0.38")
    assert falls_to(44_000) == 1

    liquidations()

    assert copy.account.holdings.get().quantity == 0


def test_a_comparison_that_failed_is_tried_again_after_a_while():
    _, account = make_master(balance=1_000)
    lead(account, "BUY", "0.19")
    falls_to(44_000)
    failed = Reconciliation.objects.create(account=account, trigger="liquidation", error="The venue took too long.")
    assert liquidations_find() == 0

    Reconciliation.objects.filter(pk=failed.pk).update(started_at=failed.started_at - timedelta(seconds=31))

    assert liquidations_find() == 1
    assert account.holdings.get().quantity == 0


def test_two_who_look_at_once_compare_an_account_once(monkeypatch):
    _, account = make_master(balance=1_000)
    lead(account, "BUY", "0.19")
    falls_to(44_000)
    beside = []

    def look():
        try:
            beside.append(liquidations_find())
        finally:
            connection.close()

    def compare(**_):
        thread = Thread(target=look)
        thread.start()
        thread.join()

    monkeypatch.setattr("orders.services.liquidations.account_reconcile", compare)

    assert (liquidations_find(), beside) == (1, [0])
