"""Clients that nobody knows have a budget of requests."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async

from copytrade.accounts.tokens import tokens_for_user
from copytrade.realtime import consumer
from copytrade.realtime.budget import RequestBudget
from copytrade.realtime.tests.live import LiveClient
from tests.factories import make_user

Connect = Callable[[], Awaitable[LiveClient]]


def test_a_minute_takes_as_many_requests_as_there_are_and_the_next_one_again() -> None:
    budget = RequestBudget(2)
    assert [budget.spend(now) for now in (100.0, 110.0, 120.0, 159.0)] == [0, 0, 40, 1]
    assert [budget.spend(now) for now in (160.0, 161.0, 162.0)] == [0, 0, 58]


@pytest.mark.django_db(transaction=True)
async def test_beyond_it_requests_are_refused_with_the_seconds_to_wait(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "MOST_ANONYMOUS_REQUESTS", 2)
    client = await connect()
    assert [(await client.ask("ping"))["event"] for _ in range(2)] == ["ack", "ack"]
    refusal = await client.ask("ping")
    assert (refusal["event"], refusal["data"]["code"]) == ("error", "THROTTLED")
    assert 1 <= refusal["data"]["details"]["retry_after_seconds"] <= 60


@pytest.mark.django_db(transaction=True)
async def test_who_is_logged_in_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "MOST_ANONYMOUS_REQUESTS", 1)
    user: Any = await database_sync_to_async(make_user)()
    client = LiveClient(subprotocols=["bearer", tokens_for_user(user=user).access])
    assert await client.open()
    assert [(await client.ask("ping"))["event"] for _ in range(3)] == ["ack"] * 3
    await client.close()
