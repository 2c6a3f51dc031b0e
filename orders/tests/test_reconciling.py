"""Comparing an account with its venue."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.utils import timezone
from msgspec import structs
from msgspec.structs import replace

from markets.venues.base import PositionReport
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind, PositionSide
from orders import tasks
from orders.executor.claiming import orders_claim
from orders.executor.sending import orders_execute_due
from orders.models import Fill, Holding, HoldingAdjustment, Order, Reconciliation
from orders.services.rebuild import holdings_rebuild
from orders.services.reconcile import account_reconcile
from orders.tests.conftest import age, make_live_account
from tests.factories import make_order

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
    venue.orders[resting.client_order_id] = structs.replace(venue.orders[resting.client_order_id], status="CANCELED")

    report = compare(account)

    resting.refresh_from_db()
    assert (resting.state, report.orders_repaired) == ("CANCELED", 1)


def test_an_order_placed_at_the_venue_itself_is_written_here(account, write, venue):
    (claimed,) = orders_claim([write(type="LIMIT", price=D(1)).pk]).allowed
    venue.accept(replace(claimed.request, client_order_id="by-hand"))

    report = compare(account)

    assert Order.objects.get(client_order_id="by-hand").origin == "manual"
    assert report.orders_repaired == 1


def again_later(account):
    """Compare once more, as a schedule does a while later."""
    Reconciliation.objects.update(finished_at=F("finished_at") - timedelta(seconds=60))
    Fill.objects.update(stored_at=timezone.now() - timedelta(seconds=120))
    return compare(account)


def test_a_position_that_no_trade_explains_becomes_what_the_venue_says_by_a_fact(account, resting, venue):
    at_the_venue(venue, resting.market.symbol, -3, "40000")

    first, second = compare(account), again_later(account)

    holding = Holding.objects.get()
    assert (holding.quantity, holding.cost) == (-3, 120_000)
    assert (first.holdings_adjusted, second.holdings_adjusted) == (0, 1)
    told = {"symbol": resting.market.symbol, "kind": "usd_m", "side": "BOTH", "here": "0", "venue": "-3"}
    assert first.differences == second.differences == [told]
    assert HoldingAdjustment.objects.get().quantity_before == 0
    assert holdings_rebuild() == []
    assert again_later(account).differences == []


def test_a_position_that_was_closed_elsewhere_is_closed_here(account, resting, venue):
    at_the_venue(venue, resting.market.symbol, 3)
    compare(account)
    again_later(account)
    venue.positions = []

    compare(account)
    again_later(account)

    assert Holding.objects.get().quantity == 0


def test_a_difference_that_was_seen_just_now_waits(account, resting, venue):
    at_the_venue(venue, resting.market.symbol, 3)
    compare(account)

    assert compare(account).holdings_adjusted == 0


def test_nothing_is_adjusted_while_an_order_is_under_way(account, resting, write, venue):
    orders_claim([write().pk])
    at_the_venue(venue, resting.market.symbol, 3)
    compare(account)

    assert again_later(account).holdings_adjusted == 0


def test_nothing_is_adjusted_while_trades_of_a_finished_order_are_missing(account, resting, write, venue):
    order = write(quantity=D(2))
    orders_execute_due()
    venue.trades.clear()
    at_the_venue(venue, resting.market.symbol, 2)
    compare(account)

    report = again_later(account)

    assert (report.holdings_adjusted, len(report.differences)) == (0, 1)
    assert Order.objects.get(pk=order.pk).state == "FILLED"


def test_trades_of_an_order_whose_answer_got_lost_belong_to_it(account, write, venue):
    venue.next.append("unheard")
    order = write()
    orders_execute_due()
    at_the_venue(venue, order.market.symbol, "0.5")

    compare(account)

    order.refresh_from_db()
    assert (order.state, order.booked_quantity, Order.objects.count()) == ("FILLED", D("0.5"), 1)


def test_trades_of_an_order_that_is_just_being_sent_belong_to_it(account, write, venue):
    (claimed,) = orders_claim([write().pk]).allowed
    venue.accept(claimed.request)

    compare(account)

    assert Order.objects.get().booked_quantity == D("0.5")


def test_trades_of_a_strange_order_bring_that_order_as_the_venue_knows_it(account, write, venue):
    resting = write(type="LIMIT", price=D(1))
    (claimed,) = orders_claim([resting.pk]).allowed
    venue.accept(replace(claimed.request, client_order_id="by-hand", quantity=D(3)))
    venue.fill("by-hand", 1)

    compare(account)

    found = Order.objects.get(client_order_id="by-hand")
    assert (found.origin, found.quantity, found.state, found.booked_quantity) == ("manual", 3, "PARTIALLY_FILLED", 1)


def test_an_account_that_cannot_be_compared_does_not_stop_the_others(account, resting, venue, monkeypatch):
    other = make_live_account()
    make_order(account=other, market=resting.market)

    def breaks(account):
        raise KeyError("positionAmt")

    monkeypatch.setattr(venue, "account", breaks)
    tasks.reconcile()

    assert {row.account_id: row.error for row in Reconciliation.objects.all()} == dict.fromkeys(
        (account.pk, other.pk), "Unexpected: KeyError"
    )


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
