"""Orders that are opened again while something else happens to them."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.utils import timezone

from copytrade.lib.sql import run
from orders.executor.findings import Source
from orders.models import Fill, Order, OrderEvent, Origin, RecentOrder
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record
from orders.tests.reopening_kit import compare, over
from tests.factories import make_account, make_order

D = Decimal


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
