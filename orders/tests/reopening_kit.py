"""Orders that count as over here and go on being open at a venue in memory."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from msgspec.structs import replace

from orders.executor.findings import Source
from orders.executor.sending import orders_execute_due
from orders.models import Order
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record

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
