"""A follower hears live, without asking, what their copies do; another follower of the same leader hears their own."""

import json
from typing import Any

import pytest

from copytrade.realtime.models import StreamEvent
from replication.services.copies import copy_pause
from replication.tests.kit import D, decision, follow, lead, make_master, price_is

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def told(user_id: int) -> list[dict[str, Any]]:
    """Return the messages on the stream of a user."""
    messages = [message for row in StreamEvent.objects.order_by("pk") for message in json.loads(row.messages)]
    return [message for message in messages if message["streams"] == [f"user:{user_id}"]]


def heard(user_id: int) -> list[tuple[str, str | None]]:
    """Return the events on the stream of a user, each with the state that it tells."""
    return [(message["event"], message["data"].get("state")) for message in told(user_id)]


def test_each_follower_hears_of_their_own_copy_only():
    leader, account = make_master()
    filled, skipped = follow(leader), follow(leader, denied_symbols=("BTCUSDT",))
    lead(account, "BUY", "0.1")
    copy_pause(copy=filled, actor=filled.account.user)
    assert heard(filled.account.user_id) == [
        ("copy:updated", "active"),
        ("trade:updated", "filled"),
        ("copy:updated", "paused"),
    ]
    assert heard(skipped.account.user_id) == [("copy:updated", "active"), ("trade:new", "skipped")]


def test_who_hears_that_nothing_was_ordered_can_open_the_decision():
    leader, account = make_master()
    copy = follow(leader, denied_symbols=("BTCUSDT",))
    lead(account, "BUY", "0.1")

    data = told(copy.account.user_id)[-1]["data"]

    assert (data["tradeId"], data["symbol"], data["side"]) == (decision(copy).pk, "BTCUSDT", "LONG")


def test_a_master_hears_of_their_own_order_and_followers_do_not():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    assert heard(account.user_id)[-1] == ("order:updated", "FILLED")
    assert "order:updated" not in {event for event, _ in heard(copy.account.user_id)}


def test_orders_of_many_followers_are_told_in_few_rows():
    leader, account = make_master()
    for _ in range(10):
        follow(leader, ratio=D("0.1"))
    before = StreamEvent.objects.count()
    lead(account, "BUY", "0.1")
    assert StreamEvent.objects.count() - before <= 5
