"""What concerns one user alone reaches that user, unasked, and nobody else by any means."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from copytrade.accounts.models import User
from copytrade.accounts.tokens import Bearer, tokens_for_user
from copytrade.realtime import consumer
from copytrade.realtime.hub import Hub
from copytrade.realtime.messages import private_stream
from copytrade.realtime.tests.live import LiveClient, numbers, publish, rises, until
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

Come = Callable[..., Awaitable[LiveClient]]
UNAUTHORIZED = 3000


@pytest.fixture
async def user() -> User:
    made: User = await database_sync_to_async(make_user)()
    return made


@pytest.fixture
async def come() -> AsyncIterator[Come]:
    """Open connections as somebody, or as nobody; they are closed in the end."""
    clients: list[LiveClient] = []

    async def open_one(user: User | None = None, **options: Any) -> LiveClient:
        subprotocols = [] if user is None else ["bearer", await database_sync_to_async(access)(user)]
        clients.append(LiveClient(subprotocols=subprotocols, **options))
        assert await clients[-1].open()
        await clients[-1].ask("ping")
        return clients[-1]

    yield open_one
    for client in clients:
        await client.close()


def access(user: User) -> str:
    return tokens_for_user(user=user).access


async def tell_user(user: User, *values: int, replaces: str = "") -> None:
    await publish(*values, stream=private_stream(user.pk), replaces=replaces)


async def test_a_user_hears_what_concerns_them_without_asking(come: Come, user: User) -> None:
    client = await come(user)
    await tell_user(user, 1, 2)
    frames = await client.messages(2)
    assert numbers(frames) == [1, 2]
    assert rises(frames)


async def test_the_session_cookie_does_as_well(come: Come, user: User) -> None:
    def log_in() -> str:
        browser = Client()
        browser.force_login(user)
        return f"sessionid={browser.cookies['sessionid'].value}"

    client = await come(cookie=await database_sync_to_async(log_in)())
    await tell_user(user, 1)
    assert numbers([await client.message()]) == [1]


async def test_each_of_a_users_connections_hears_it(come: Come, user: User) -> None:
    clients = [await come(user), await come(user)]
    await tell_user(user, 1)
    assert [numbers([await client.message()]) for client in clients] == [[1], [1]]


async def test_another_user_and_nobody_hear_nothing_whatever_they_subscribe_to(come: Come, user: User) -> None:
    others = [await come(), await come(await database_sync_to_async(make_user)())]
    mine = await come(user)
    for other in others:
        await other.subscribe("all")
    await tell_user(user, 1)
    assert numbers([await mine.message()]) == [1]
    await publish(2)
    for other in others:
        assert numbers([await other.message()]) == [2]
        assert await other.arrived() == []


async def test_nobody_can_name_the_stream_of_another(come: Come, user: User) -> None:
    name = private_stream(user.pk)
    other = await come(await database_sync_to_async(make_user)())
    for event, data in (
        ("subscribe:user", user.pk),
        ("subscribe:user", str(user.pk)),
        (f"subscribe:{name}", None),
        ("subscribe:trader", name),
        ("subscribe:trader", {"platform": "user", "traderId": str(user.pk)}),
        ("subscribe:symbol", name),
    ):
        assert (await other.ask(event, data))["event"] == "error", event
    await other.subscribe("all", name)
    await tell_user(user, 1)
    await publish(2)
    assert numbers([await other.message()]) == [2]


async def test_what_was_missed_is_brought_to_its_user_on_resuming_and_to_nobody_else(come: Come, user: User) -> None:
    present = await come(user)
    await tell_user(user, 1)
    seen = (await present.message())["seq"]
    await tell_user(user, 2, 3)
    await present.messages(2)
    back, other, nobody = await come(user), await come(await database_sync_to_async(make_user)()), await come()
    for client in (back, other, nobody):
        await client.ask("resume", {"after": seen})
    assert numbers(await back.messages(2)) == [2, 3]
    await other.subscribe("all")
    await nobody.subscribe("all")
    assert [await other.arrived(), await nobody.arrived(), await back.arrived()] == [[], [], []]


async def test_resuming_and_then_subscribing_brings_own_and_public_messages_once(come: Come, user: User) -> None:
    present = await come(user)
    await tell_user(user, 1)
    seen = (await present.message())["seq"]
    await publish(2)
    await tell_user(user, 3)
    await present.message()
    back = await come(user)
    await back.ask("resume", {"after": seen})
    await back.subscribe("all")
    await publish(4)
    assert sorted(numbers(await back.messages(3))) == [2, 3, 4]
    assert await back.arrived() == []


async def test_unsubscribing_from_everything_leaves_the_own_stream(come: Come, user: User) -> None:
    client = await come(user)
    await client.subscribe("all")
    await client.ask("unsubscribe:all")
    await client.ask("unsubscribe:user")
    await tell_user(user, 1)
    assert numbers([await client.message()]) == [1]


async def test_with_the_token_the_stream_ends(come: Come, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    monkeypatch.setattr(consumer, "bearer_of", lambda token: Bearer(user, soon))
    client = await come(user)
    assert await client.close_code() == UNAUTHORIZED
    await client.close()
    await until(lambda: private_stream(user.pk) not in Hub.current()._listeners)


async def test_a_token_that_is_no_good_hears_nothing(come: Come, user: User) -> None:
    client = LiveClient(subprotocols=["bearer", "a.b.c"])
    assert await client.open()
    await tell_user(user, 1)
    assert await client.close_code() == UNAUTHORIZED
    await client.close()
