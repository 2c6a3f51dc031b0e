"""Owners hear of their orders on their private stream: one message for each order that moved, in one row a batch."""

import json
from typing import Any

import pytest
from django.utils import timezone

from copytrade.realtime.models import StreamEvent
from markets.venues.errors import OutcomeUnknown
from orders.executor.findings import Finding, Source
from orders.models import Origin
from orders.services.recording import findings_record
from orders.states import OrderState
from tests.factories import make_account, make_order

pytestmark = pytest.mark.django_db


def told() -> list[dict[str, Any]]:
    return [message for event in StreamEvent.objects.order_by("pk") for message in json.loads(event.messages)]


def lost(order) -> Finding:
    """Return a finding that moves an order: its fate is unknown."""
    now = timezone.now()
    error = OutcomeUnknown("The reply was lost.")
    return Finding(order.pk, Source.REPLY, now, error=error, sent_at=now, attempt=order.attempts)


def sending(**values):
    return make_order(state=OrderState.SENDING, **values)


def test_the_owner_of_an_order_hears_that_it_moved():
    order = sending()
    findings_record([lost(order)])
    message = told()[0]
    assert (message["event"], message["streams"]) == ("order:updated", [f"user:{order.account.user_id}"])
    assert (message["data"]["orderId"], message["data"]["state"]) == (order.pk, "UNKNOWN")
    assert message["data"]["quantity"] == "0.01"


def test_many_orders_of_many_owners_are_one_row(django_assert_max_num_queries):
    orders = [sending(account=make_account()) for _ in range(5)]
    with django_assert_max_num_queries(12):
        findings_record([lost(order) for order in orders])
    assert StreamEvent.objects.count() == 1
    assert [message["data"]["orderId"] for message in told()] == [order.pk for order in orders]


def test_what_does_not_move_is_not_told():
    order = sending()
    findings_record([lost(order)])
    findings_record([lost(order)])
    assert len(told()) == 1


def test_orders_of_copies_are_told_by_their_decisions_only():
    findings_record([lost(sending(origin=Origin.COPY))])
    assert told() == []
