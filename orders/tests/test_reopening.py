"""Orders that count as over here and are open at their venue."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copytrade.lib.sql import run
from markets.venues.errors import RateLimited, VenueDown
from markets.venues.vocabulary import Side
from orders import tasks
from orders.executor.checking import orders_check
from orders.executor.claiming import orders_claim
from orders.executor.findings import Source
from orders.executor.sending import orders_execute_due
from orders.models import Fill, Order, OrderEvent, Origin, RecentOrder
from orders.services import reopening
from orders.services.placing import order_cancel
from orders.services.rebuild import holdings_rebuild
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record
from orders.states import OPEN
from orders.tests.conftest import age, make_live_account
from tests.factories import make_account, make_market, make_order

D = Decimal


@pytest.fixture
def resting(write):
    """An order to buy 2 that waits at the venue."""
    return rest(write)


def rest(write, **values):
    order = write(**{"type": "LIMIT", "price": D(50_000), "quantity": D(2), **values})
    orders_execute_due()
    return Order.objects.get(pk=order.pk)


def over(order, venue, status="CANCELED", seconds=60, **values):
    """Let the stream have told, so long ago, that the order is over; the venue goes on having it open."""
    told = replace(venue.orders[order.client_order_id], status=status, **values)
    reports_record(account=order.account, orders=[told], fills=[], source=Source.STREAM)
    order.refresh_from_db()
    assert order.state == status
    Order.objects.filter(pk=order.pk).update(finished_at=order.finished_at - timedelta(seconds=seconds))
    return order


def over_by_hand(order):
    Order.objects.filter(pk=order.pk).update(
        state="CANCELED", finished_at=timezone.now() - timedelta(seconds=60), check_at=None
    )
    return Order.objects.get(pk=order.pk)


def says(venue, monkeypatch, answer):
    """Let the venue answer this to the question about one order."""

    async def query(account, reference):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(venue, "query", query)


def compare(account):
    account.refresh_from_db()
    return account_reconcile(account=account, trigger="schedule")


def states(order):
    return [(event.from_state, event.to_state, event.source, event.code) for event in order.events.all()]


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


class TestOneAnswerIsNoProof:
    @pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED"])
    @pytest.mark.parametrize("state", ["CANCELED", "EXPIRED", "REJECTED"])
    def test_no_late_word_of_the_stream_reopens_an_order(self, account, resting, venue, state, status):
        order = over(resting, venue, state)
        late = replace(venue.orders[order.client_order_id], status=status)

        reports_record(account=account, orders=[late], fills=[], source=Source.STREAM)

        order.refresh_from_db()
        assert (order.state, order.events.filter(code="REOPENED").count()) == (state, 0)

    @pytest.mark.parametrize("second", ["CANCELED", "EXPIRED", "FILLED"])
    def test_an_order_that_only_the_list_has_open_stays_over(self, account, resting, venue, monkeypatch, second):
        order = over(resting, venue)
        says(venue, monkeypatch, replace(venue.orders[order.client_order_id], status=second, filled_quantity=D(1)))

        report = compare(account)

        order.refresh_from_db()
        assert order.state == ("FILLED" if second == "FILLED" else "CANCELED")
        assert report.differences[0]["outcome"] == "UNCONFIRMED"
        assert report.orders_repaired == 0

    @pytest.mark.parametrize(
        "answer", [None, VenueDown("Connection refused."), RateLimited("Later.", until=timezone.now())]
    )
    def test_an_order_that_cannot_be_asked_about_stays_over(self, account, resting, venue, monkeypatch, answer):
        order = over(resting, venue)
        says(venue, monkeypatch, answer)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"], report.error) == ("CANCELED", "UNCONFIRMED", "")

    def test_one_that_ended_just_now_is_told_and_waits_for_the_next_comparison(self, account, resting, venue):
        """Lists of open orders lag: that alone would bring back what was cancelled a moment ago."""
        order = over(resting, venue, seconds=1)
        asked = venue.questions

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"], venue.questions) == ("CANCELED", "WAITS", asked)

    def test_one_that_ended_while_the_list_was_made_is_no_difference(self, account, resting, venue):
        order = over(resting, venue, seconds=-5)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences) == ("CANCELED", [])

    def test_an_order_of_which_more_was_traded_than_the_venue_says_is_only_told(self, account, resting, venue):
        trade = venue.fill(resting.client_order_id, 2)
        reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        venue.trades.clear()
        venue.change(resting.client_order_id, filled_quantity=D(1), status="PARTIALLY_FILLED")
        order = over(resting, venue, "FILLED", filled_quantity=D(2))

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, order.filled_quantity, order.booked_quantity) == ("FILLED", 2, 2)
        (told,) = (each for each in report.differences if "outcome" in each)
        assert (told["outcome"], told["filled_here"], told["filled_at_venue"]) == ("TRADES_DENY", "2", "1")

    def test_too_many_at_once_are_asked_about_bit_by_bit(self, account, write, venue, monkeypatch):
        monkeypatch.setattr(reopening, "MOST_QUESTIONS", 2)
        orders = [over(rest(write), venue) for _ in range(3)]

        outcomes = [[each["outcome"] for each in compare(account).differences] for _ in range(2)]

        assert outcomes == [["REOPENED", "REOPENED", "WAITS"], ["REOPENED"]]
        assert set(Order.objects.filter(pk__in=[order.pk for order in orders]).values_list("state")) == {("NEW",)}


class TestOrdersOfOthers:
    def test_another_order_under_the_same_client_order_id_is_only_told(self, account, resting, venue):
        """A refused order has no number."""
        order = over(resting, venue, "REJECTED")
        Order.objects.update(venue_order_id="")
        venue.change(order.client_order_id, side=Side.SELL)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("REJECTED", "OTHER_ORDER")

    @pytest.mark.parametrize(("ours", "theirs"), [("algo:7", "algo:9"), ("8", "algo:9")])
    def test_a_stop_under_the_client_order_id_of_an_older_one_is_another_order(
        self, account, write, venue, ours, theirs
    ):
        order = rest(write, type="STOP_MARKET", stop_price=D(60_000))
        over(order, venue)
        Order.objects.update(venue_order_id=ours)
        venue.change(order.client_order_id, venue_order_id=theirs)

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("CANCELED", "OTHER_ORDER")

    def test_a_second_answer_about_another_number_proves_nothing(self, account, resting, venue, monkeypatch):
        order = over(resting, venue)
        says(venue, monkeypatch, replace(venue.orders[order.client_order_id], venue_order_id="9999"))

        report = compare(account)

        order.refresh_from_db()
        assert (order.state, report.differences[0]["outcome"]) == ("CANCELED", "UNCONFIRMED")

    def test_the_same_number_in_another_market_is_another_order(self, account, write, resting, venue):
        other = rest(write, market=make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH"))
        Order.objects.filter(pk=other.pk).update(venue_order_id=resting.venue_order_id)
        over_by_hand(other)
        venue.orders.pop(other.client_order_id)

        report = compare(account)

        other.refresh_from_db()
        assert (other.state, report.differences) == ("CANCELED", [])

    def test_an_order_of_another_account_is_left_alone(self, account, resting, venue):
        foreign = make_live_account()
        order = over(resting, venue)

        compare(foreign)

        order.refresh_from_db()
        assert order.state == "CANCELED"


news = st.one_of(
    st.tuples(st.just("told"), st.sampled_from(["CANCELED", "EXPIRED", "REJECTED", "FILLED", "NEW"])),
    st.tuples(st.just("trade"), st.booleans()),
    st.tuples(st.just("compare"), st.booleans()),
)


@given(st.lists(news, max_size=6))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_whatever_was_told_a_comparison_has_open_what_is_open_there(account, write, venue, history):
    """Untrue and late words of the stream, trades that it tells or keeps to itself, and comparisons in between."""
    venue.orders.clear()
    venue.trades.clear()
    Order.objects.update(state="FAILED", check_at=None)  # those of earlier examples
    order = rest(write)
    for event, value in history:
        happens(order, venue, event, value)
    happens(order, venue, "compare", value=True)

    order.refresh_from_db()
    there = venue.orders[order.client_order_id]
    assert there.status in OPEN
    assert (order.state, order.finished_at) == (there.status, None)
    assert order.filled_quantity == order.booked_quantity == there.filled_quantity
    assert holdings_rebuild() == []


def happens(order, venue, event, value):
    known = venue.orders[order.client_order_id]
    if event == "told":
        filled = known.quantity if value == "FILLED" else known.filled_quantity
        told = replace(known, status=value, filled_quantity=filled)
        reports_record(account=order.account, orders=[told], fills=[], source=Source.STREAM)
    elif event == "trade":
        trade = venue.fill(order.client_order_id, "0.125")
        reports_record(account=order.account, orders=[], fills=[trade] if value else [], source=Source.STREAM)
    else:
        past = timezone.now() - timedelta(seconds=60)
        Order.objects.filter(pk=order.pk, finished_at__isnull=False).update(finished_at=past)
        compare(order.account)


def test_statements_do_not_grow_with_orders(account, write, venue):
    def statements(count):
        for _ in range(count):
            over(rest(write), venue)
        with CaptureQueriesContext(connection) as queries:
            assert compare(account).orders_repaired == count
        venue.orders.clear()
        Order.objects.update(state="CANCELED", finished_at=timezone.now(), check_at=None)
        return len(queries)

    assert statements(1) == statements(6)


@pytest.mark.django_db(transaction=True)
def test_two_comparisons_at_once_reopen_an_order_once(account, resting, venue, monkeypatch):
    order = over(resting, venue)
    together = asyncio.Barrier(2)
    ask = venue.query

    async def query(access, reference):
        await together.wait()
        return await ask(access, reference)

    monkeypatch.setattr(venue, "query", query)

    def compare_here(_):
        try:
            return account_reconcile(account=account, trigger="schedule").differences[0]["outcome"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(compare_here, range(2)))

    assert outcomes == ["MOVED", "REOPENED"]
    assert Order.objects.get().state == "NEW"
    assert OrderEvent.objects.filter(order=order, code="REOPENED").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_trade_that_comes_while_the_venue_is_asked_counts(account, resting, venue, monkeypatch):
    order = over(resting, venue)
    trade = venue.fill(order.client_order_id, 2)
    venue.trades.clear()
    venue.change(order.client_order_id, filled_quantity=D(0), status="NEW")
    ask = venue.query

    def hear():
        try:
            reports_record(account=account, orders=[], fills=[trade], source=Source.STREAM)
        finally:
            connection.close()

    async def query(access, reference):
        hearing = threading.Thread(target=hear)
        hearing.start()
        await asyncio.to_thread(hearing.join)
        return await ask(access, reference)

    monkeypatch.setattr(venue, "query", query)

    report = compare(account)

    order.refresh_from_db()
    assert (order.state, order.filled_quantity, Fill.objects.count()) == ("FILLED", 2, 1)
    assert [each["outcome"] for each in report.differences if "outcome" in each] == ["MOVED"]


@pytest.mark.django_db(transaction=True)
def test_an_order_that_opens_while_another_one_finishes_stays_on_the_list():
    """Whoever finishes the other one has ranked it as a finished one before."""
    account = make_account()
    old, *others = [make_order(account=account, origin=Origin.PROXY) for _ in range(4)]
    for order in (old, *others[:2]):
        Order.objects.filter(pk=order.pk).update(state="CANCELED", finished_at=timezone.now())

    def finish_the_last():
        try:
            Order.objects.filter(pk=others[2].pk).update(state="CANCELED", finished_at=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Order.objects.filter(pk=old.pk).update(state="NEW", finished_at=None)
            finishing = pool.submit(finish_the_last)
            until_somebody_waits_for_this()
        finishing.result(10)

    assert set(RecentOrder.objects.values_list("order_id", flat=True)) == {old.pk, *(order.pk for order in others)}
    assert RecentOrder.objects.get(order=old).finished_at is None


def until_somebody_waits_for_this():
    """Return once another transaction waits for this one to end."""
    deadline = time.monotonic() + 10
    while not run("SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"):
        assert time.monotonic() < deadline


def test_the_migration_can_be_taken_back_and_applied_again(account):
    operation = import_module("orders.migrations.0006_recent_orders_reopened").Migration.operations[0]
    for statement in (operation.reverse_sql, operation.sql):
        run(statement)

    orders = [
        make_order(account=account, origin=Origin.PROXY, state="FAILED", finished_at=timezone.now()) for _ in "1234"
    ]

    assert list(RecentOrder.objects.values_list("order_id", flat=True)) == [order.pk for order in orders[:0:-1]]
