"""Comparing an account with its venue."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from markets.venues.base import PositionReport
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind, PositionSide
from orders import tasks
from orders.executor.claiming import orders_claim
from orders.executor.sending import orders_execute_due
from orders.models import Fill, Holding, HoldingAdjustment, Order, Reconciliation
from orders.services.rebuild import holdings_rebuild
from orders.services.reconcile import account_reconcile
from orders.tests.conftest import age

D = Decimal


@pytest.fixture
def resting(write):
    """An order to buy 2 that waits at the venue, sent a while ago."""
    order = write(type="LIMIT", price=D(50_000), quantity=D(2))
    orders_execute_due()
    age(order, 5)
    return Order.objects.get(pk=order.pk)


def compare(account):
    account.refresh_from_db()
    return account_reconcile(account=account, trigger="schedule")


def at_the_venue(venue, symbol, quantity, entry="50000"):
    side = PositionSide.BOTH
    venue.positions = [PositionReport(symbol, MarketKind.USD_M, side, D(quantity), D(entry))]


def test_what_agrees_is_left_alone(account, resting):
    report = compare(account)

    assert (report.differences, report.error, report.holdings_adjusted) == ([], "", 0)
    assert report.finished_at is not None


def test_trades_that_were_missed_are_found_and_booked(account, resting, venue):
    venue.fill(resting.client_order_id, 2)
    at_the_venue(venue, resting.market.symbol, 2)

    report = compare(account)

    resting.refresh_from_db()
    assert (report.fills_found, report.holdings_adjusted) == (1, 0)
    assert (resting.state, Holding.objects.get().quantity) == ("FILLED", 2)


def test_comparing_again_finds_nothing_more(account, resting, venue):
    venue.fill(resting.client_order_id, 2)
    at_the_venue(venue, resting.market.symbol, 2)
    compare(account)

    assert (compare(account).fills_found, Fill.objects.count()) == (0, 1)


def test_an_order_that_is_no_longer_open_there_is_asked_about(account, resting, venue):
    venue.orders[resting.client_order_id] = replace(venue.orders[resting.client_order_id], status="CANCELED")

    report = compare(account)

    resting.refresh_from_db()
    assert (resting.state, report.orders_repaired) == ("CANCELED", 1)


def test_an_order_placed_at_the_venue_itself_is_written_here(account, write, venue):
    (claimed,) = orders_claim([write(type="LIMIT", price=D(1)).pk]).allowed
    venue.accept(replace(claimed.request, client_order_id="by-hand"))

    report = compare(account)

    assert Order.objects.get(client_order_id="by-hand").origin == "manual"
    assert report.orders_repaired == 1


def test_a_position_that_no_trade_explains_becomes_what_the_venue_says_by_a_fact(account, resting, venue):
    at_the_venue(venue, resting.market.symbol, -3, "40000")

    report = compare(account)

    holding = Holding.objects.get()
    assert (holding.quantity, holding.cost) == (-3, 120_000)
    assert report.differences == [{"symbol": resting.market.symbol, "side": "BOTH", "here": "0", "venue": "-3"}]
    assert HoldingAdjustment.objects.get().quantity_before == 0
    assert holdings_rebuild() == []


def test_a_position_that_was_closed_elsewhere_is_closed_here(account, resting, venue):
    at_the_venue(venue, resting.market.symbol, 3)
    compare(account)
    venue.positions = []

    compare(account)

    assert Holding.objects.get().quantity == 0


def test_nothing_is_adjusted_while_an_order_is_under_way(account, resting, write, venue):
    orders_claim([write().pk])
    at_the_venue(venue, resting.market.symbol, 3)

    assert compare(account).holdings_adjusted == 0


def test_a_venue_that_is_down_is_reported_and_nothing_is_changed(account, resting, venue):
    venue.next.append(VenueDown("Connection refused."))

    report = compare(account)

    assert report.error == "Connection refused."
    assert not HoldingAdjustment.objects.exists()


def test_the_schedule_takes_accounts_that_were_not_compared_lately(account, resting):
    tasks.reconcile()
    tasks.reconcile()
    assert Reconciliation.objects.count() == 1

    Reconciliation.objects.update(started_at=timezone.now() - timedelta(minutes=6))
    tasks.reconcile()

    assert Reconciliation.objects.count() == 2
