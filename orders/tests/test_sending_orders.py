"""From a written row to an order at the venue."""

import asyncio
import re
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from markets.venues.errors import AuthFailed, RateLimited, Rejected, VenueDown
from orders.executor.checking import orders_check
from orders.executor.claiming import orders_claim
from orders.executor.findings import Finding, Source
from orders.executor.sending import orders_execute, orders_execute_due
from orders.models import AccountState, Credential, Fill, Holding, Order, TradingHalt
from orders.services.recording import findings_record
from orders.tests.conftest import age, make_live_account

pytestmark = pytest.mark.usefixtures("account")


def steps(order):
    return [f"{event.from_state}>{event.to_state}" for event in order.events.all()]


def test_an_order_is_sent_once_and_its_answer_stored(write, venue):
    order = write()

    orders_execute([order.pk])
    orders_execute([order.pk])

    order.refresh_from_db()
    assert venue.placements == {order.client_order_id: 1}
    assert (order.state, order.filled_quantity, order.venue_order_id) == ("FILLED", Decimal("0.5"), "100")
    assert order.venue_response["clientOrderId"] == order.client_order_id
    assert steps(order) == [">PENDING", "PENDING>SENDING", "SENDING>FILLED"]
    assert order.sent_at >= order.claimed_at
    assert order.acknowledged_at == order.finished_at


def test_the_client_order_id_comes_from_the_row_and_suits_every_venue(write):
    order = write()

    assert re.fullmatch("[0-9a-f]{32}", order.client_order_id)
    assert len(order.client_order_id) == 32


def test_trades_in_the_reply_are_booked_with_it(write, venue):
    venue.next.append("with fills")
    order = write()

    orders_execute([order.pk])

    order.refresh_from_db()
    assert (order.booked_quantity, order.average_price, order.check_at) == (Decimal("0.5"), Decimal(50_000), None)
    assert Holding.objects.get().quantity == Decimal("0.5")


def test_trades_that_the_reply_does_not_have_are_asked_for(write, venue):
    order = write()
    orders_execute([order.pk])
    order.refresh_from_db()
    assert order.booked_quantity == 0

    age(order, 1)
    orders_check()

    order.refresh_from_db()
    assert (order.booked_quantity, order.check_at) == (Decimal("0.5"), None)
    assert Fill.objects.get().fee == 25


def test_a_refusal_ends_the_order_with_the_venues_words(write, venue):
    venue.next.append(Rejected("Margin is insufficient.", reason="INSUFFICIENT_MARGIN", code="-2019", status=400))
    order = write()

    orders_execute([order.pk])

    order.refresh_from_db()
    assert (order.state, order.reason_code, order.reason) == (
        "REJECTED",
        "INSUFFICIENT_MARGIN",
        "Margin is insufficient.",
    )


def test_a_venue_that_is_down_is_tried_again_later_under_the_same_id(write, venue):
    venue.next.append(VenueDown("Connection refused."))
    order = write()
    orders_execute_due()
    order.refresh_from_db()
    assert (order.state, order.reason_code) == ("PENDING", "VENUE_DOWN")
    assert orders_execute_due() == 0

    age(order, 1)
    orders_execute_due()

    order.refresh_from_db()
    assert (order.state, venue.placements) == ("FILLED", {order.client_order_id: 1})


def test_during_a_ban_the_order_waits_until_it_ends(write, venue):
    until = timezone.now() + timedelta(seconds=120)
    venue.next.append(RateLimited("Banned.", until=until))
    order = write()

    orders_execute_due()

    order.refresh_from_db()
    assert order.state == "PENDING"
    assert until <= order.send_after < until + timedelta(seconds=1)


def test_a_refused_key_stops_the_account_and_says_why(write, venue, account):
    venue.next.append(AuthFailed("Invalid API-key, IP, or permissions for action.", code="-2015"))
    first, second = write(), write()
    orders_execute([first.pk])
    orders_execute([second.pk])

    account.refresh_from_db()
    second.refresh_from_db()
    assert (account.state, account.state_reason) == (
        AccountState.AUTH_FAILED,
        "Invalid API-key, IP, or permissions for action.",
    )
    assert (second.state, second.reason_code) == ("FAILED", "ACCOUNT_PAUSED")
    assert not venue.placements


def test_an_account_without_a_readable_key_sends_nothing(write, venue):
    Credential.objects.update(ciphertext=b"not what was sealed")
    order = write()

    orders_execute_due()

    order.refresh_from_db()
    assert (order.state, order.reason_code, venue.placements) == ("FAILED", "AUTH_FAILED", {})


def test_halts_are_obeyed_by_the_executor_itself_and_exits_stay_allowed(write, venue):
    TradingHalt.objects.create(scope="venue", venue="fake", reason="the venue misbehaves")
    entry, way_out = write(), write(side="SELL", reduce_only=True)

    orders_execute_due()

    entry.refresh_from_db()
    way_out.refresh_from_db()
    assert (entry.state, entry.reason) == ("FAILED", "Trading is halted: the venue misbehaves.")
    assert way_out.state == "FILLED"


def test_an_order_that_could_not_be_sent_in_time_is_not_sent(write, venue):
    order = write(send_within=timedelta(0))

    orders_execute_due()

    order.refresh_from_db()
    assert (order.state, order.reason_code, venue.placements) == ("FAILED", "NOT_SENT_IN_TIME", {})


def test_a_worker_whose_window_has_passed_does_not_send_any_more(write, venue, settings):
    settings.ORDER_SEND_WINDOW_SECONDS = 0
    order = write()

    orders_execute_due()

    order.refresh_from_db()
    assert (order.state, venue.placements) == ("PENDING", {})


def test_what_breaks_in_an_adapter_leaves_the_outcome_unknown(write, venue):
    venue.next.append(KeyError("orderId"))
    order = write()

    orders_execute_due()

    order.refresh_from_db()
    assert order.state == "UNKNOWN"


def test_the_statements_do_not_grow_with_the_orders(write, venue):
    def statements(count):
        orders = [write() for _ in range(count)]
        with CaptureQueriesContext(connection) as claiming:
            claimed = orders_claim([order.pk for order in orders]).allowed
        findings = [answered(venue, item) for item in claimed]
        with CaptureQueriesContext(connection) as recording:
            findings_record(findings)
        return len(claiming), len(recording)

    statements(1)  # markets are kept once they are known
    assert statements(40) == statements(1)


def answered(venue, item):
    report = venue.accept(item.request)
    return Finding(item.order_id, Source.REPLY, report.time, report=report, sent_at=report.time)


@pytest.mark.django_db(transaction=True)
def test_the_orders_of_many_accounts_are_out_together_and_each_is_recorded(write, venue, monkeypatch):
    """PITFALLS 21: one after the other, or in parallel over one session of the database where one order was sent."""
    orders = [write(account=make_live_account()) for _ in range(20)]
    out, all_out, place = [], asyncio.Event(), venue.place

    async def place_once_all_are_out(account, request):
        out.append(request.client_order_id)
        if len(out) == len(orders):
            all_out.set()
        async with asyncio.timeout(5):
            await all_out.wait()
        return await place(account, request)

    monkeypatch.setattr(venue, "place", place_once_all_are_out)
    orders_execute_due()

    assert venue.placements == {order.client_order_id: 1 for order in orders}
    assert list(Order.objects.values_list("state", flat=True)) == ["FILLED"] * 20


@pytest.mark.django_db(transaction=True)
def test_many_workers_send_each_order_once(write, venue):
    """PITFALLS 21."""
    orders = [write() for _ in range(30)]
    barrier = threading.Barrier(4)

    def work():
        try:
            barrier.wait()
            while orders_execute_due():
                pass
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert venue.placements == {order.client_order_id: 1 for order in orders}
    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}


def test_a_claimed_order_is_nobody_elses(write):
    order = write()

    assert orders_claim([order.pk]).taken == 1
    assert orders_claim([order.pk]).taken == 0


def test_exits_are_sent_first(write):
    entry, way_out = write(), write(side="SELL", reduce_only=True)

    assert [item.order_id for item in orders_claim().allowed] == [way_out.pk, entry.pk]


def test_accounts_do_not_share_keys(write, venue):
    """PITFALLS 31."""
    other = make_live_account()
    mine, theirs = write(), write(account=other)

    claimed = {item.order_id: item.access for item in orders_claim().allowed if item.access}

    assert claimed[mine.pk].id != claimed[theirs.pk].id
    assert "secret" not in repr(claimed)
