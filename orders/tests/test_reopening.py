"""Orders that count as over here and are open at their venue."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from msgspec.structs import replace

from copytrade.lib.sql import run
from orders import tasks
from orders.executor.checking import orders_check
from orders.executor.claiming import orders_claim
from orders.executor.findings import Source
from orders.models import Order, Origin, RecentOrder
from orders.services.placing import order_cancel
from orders.services.reports import reports_record
from orders.tests.conftest import age
from orders.tests.reopening_kit import compare, over, over_by_hand, rest, states
from tests.factories import make_order

D = Decimal


class TestWhatWorks:
    @pytest.mark.parametrize("state", ["CANCELED", "EXPIRED", "REJECTED"])
    def test_an_order_that_was_wrongly_over_is_open_again(self, account, resting, venue, state):
        order = over(resting, venue, state)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, order.finished_at, order.filled_quantity) == ("NEW", None, 0)
        assert order.check_at > timezone.now()
        assert (report.error, report.orders_repaired) == ("", 1)

    def test_its_life_says_so_and_the_comparison_tells_what_was_here_and_there(self, account, resting, venue):
        order = over(resting, venue)

        report = compare(account)

        assert states(order)[-2:] == [
            ("NEW", "CANCELED", "stream", ""),
            ("CANCELED", "NEW", "reconcile", "REOPENED"),
        ]
        assert "CANCELED" in order.events.last().message
        assert report.differences == [
            {
                "symbol": order.market.symbol,
                "kind": "usd_m",
                "order": order.pk,
                "client_order_id": order.client_order_id,
                "venue_order_id": order.venue_order_id,
                "here": "CANCELED",
                "venue": "NEW",
                "filled_here": "0",
                "filled_at_venue": "0",
                "outcome": "REOPENED",
            }
        ]

    def test_an_order_that_the_venue_lost_for_a_while_comes_back(self, account, resting, venue):
        kept = venue.orders.pop(resting.client_order_id)
        for _ in range(2):
            age(resting, 90)
            orders_check([resting.pk])
        resting.refresh_from_db()
        assert (resting.state, resting.reason_code) == ("EXPIRED", "GONE_AT_VENUE")
        Order.objects.update(finished_at=timezone.now() - timedelta(seconds=60))
        venue.orders[resting.client_order_id] = kept

        compare(account)

        resting.refresh_from_db()
        assert (resting.state, resting.reason_code, resting.reason, resting.absent_since) == ("NEW", "", "", None)

    def test_trades_stay_and_make_it_partially_filled(self, account, resting, venue):
        trade = venue.fill(resting.client_order_id, "0.5", D(40_000))
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        order = over(resting, venue)

        compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity, order.booked_quantity) == ("PARTIALLY_FILLED", D("0.5"), D("0.5"))
        assert (order.average_price, order.filled_quote) == (40_000, 20_000)

    def test_trades_that_a_careless_list_does_not_count_stay_too(self, account, resting, venue):
        trade = venue.fill(resting.client_order_id, "0.5")
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        venue.change(resting.client_order_id, filled_quantity=D(0), status="NEW")
        order = over(resting, venue)

        compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity) == ("PARTIALLY_FILLED", D("0.5"))

    def test_an_order_that_was_filled_by_hearsay_only_is_as_its_trades_say(self, account, resting, venue):
        order = over(resting, venue, "FILLED", filled_quantity=D(2), average_price=D(1))

        compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity, order.average_price) == ("NEW", 0, None)

    def test_an_order_that_was_made_larger_at_the_venue_goes_on(self, account, resting, venue):
        trade = venue.fill(resting.client_order_id, 2)
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        order = over(resting, venue, "FILLED")
        venue.change(order.client_order_id, quantity=D(3), status="PARTIALLY_FILLED")

        compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity, order.quantity) == ("PARTIALLY_FILLED", 2, 3)

    def test_an_order_that_was_placed_by_hand_is_known_by_its_number(self, account, write, venue):
        (claimed,) = orders_claim([write(type="LIMIT", price=D(1)).pk]).allowed
        venue.accept(replace(claimed.request, client_order_id=claimed.request.client_order_id + "-by-hand"))
        compare(account)
        order = Order.objects.get(client_order_id__endswith="by-hand")
        Order.objects.filter(pk=order.pk).update(client_order_id="venue-7")
        order = over_by_hand(order)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("NEW", "REOPENED")

    def test_a_stop_that_became_another_order_meanwhile_is_the_same_one(self, account, write, venue):
        order = rest(write, type="STOP_LIMIT", stop_price=D(60_000))
        venue.change(order.client_order_id, venue_order_id="algo:7")
        Order.objects.update(venue_order_id="algo:7")
        over(order, venue)
        venue.change(order.client_order_id, venue_order_id="8")

        compare(account)

        order.refresh_from_db()
        assert (order.state, order.venue_order_id, Order.objects.count()) == ("NEW", "8", 1)


class TestWhatFollows:
    def test_the_stream_fills_it(self, account, resting, venue):
        order = over(resting, venue)
        compare(account)

        trade = venue.fill(order.client_order_id, 2)
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)

        order.refresh_from_db()
        assert (order.state, order.booked_quantity) == ("FILLED", 2)
        assert order.finished_at is not None

    def test_the_sweep_finds_how_it_ends(self, account, resting, venue):
        order = over(resting, venue)
        compare(account)
        venue.fill(order.client_order_id, 2)

        age(order, 100)
        tasks.sweep()

        order.refresh_from_db()
        assert (order.state, order.booked_quantity, order.check_at) == ("FILLED", 2, None)

    def test_it_can_be_cancelled(self, account, resting, venue):
        order = over(resting, venue)
        compare(account)

        cancelled = order_cancel(order=order)

        assert (cancelled.state, venue.orders[order.client_order_id].status) == ("CANCELED", "CANCELED")
        assert states(order)[-1][:2] == ("NEW", "CANCELED")

    def test_one_that_its_owner_had_cancelled_is_cancelled_again(self, account, resting, venue):
        order_cancel(order=resting)
        venue.change(resting.client_order_id, status="NEW")
        Order.objects.update(finished_at=timezone.now() - timedelta(seconds=60))

        compare(account)
        tasks.sweep()

        resting.refresh_from_db()
        assert (resting.state, venue.orders[resting.client_order_id].status) == ("CANCELED", "CANCELED")

    def test_the_proxy_lists_it_as_open_again(self, account, write, venue):
        order = rest(write, origin=Origin.PROXY)
        over(order, venue)
        for _ in range(3):
            over(rest(write, origin=Origin.PROXY), venue, seconds=0)
        venue.orders = {order.client_order_id: venue.orders[order.client_order_id]}
        assert not RecentOrder.objects.filter(order=order).exists()

        compare(account)

        assert RecentOrder.objects.get(order=order).finished_at is None
        assert RecentOrder.objects.count() == 4

    def test_comparing_again_finds_nothing_more(self, account, resting, venue):
        order = over(resting, venue)
        compare(account)

        report = compare(account)

        assert (report.differences, report.orders_repaired) == ([], 0)
        assert order.events.filter(code="REOPENED").count() == 1


def test_statements_do_not_grow_with_orders(account, write, venue):
    def statements(count):
        for _ in range(count):
            over(rest(write), venue)
        with CaptureQueriesContext(connection) as queries:
            assert compare(account).orders_repaired == count
        venue.orders.clear()
        Order.objects.update(state="CANCELED", finished_at=timezone.now(), check_at=None)
        return len(queries)

    compare(account)  # the first one looks for what its coins have done before
    assert statements(1) == statements(6)


def test_the_migration_can_be_taken_back_and_applied_again(account):
    operation = import_module("orders.migrations.0006_recent_orders_reopened").Migration.operations[0]
    for statement in (operation.reverse_sql, operation.sql):
        run(statement)

    orders = [
        make_order(account=account, origin=Origin.PROXY, state="FAILED", finished_at=timezone.now()) for _ in "1234"
    ]

    assert list(RecentOrder.objects.values_list("order_id", flat=True)) == [order.pk for order in orders[:0:-1]]
