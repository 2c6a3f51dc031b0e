"""Publishing: every committed message is told once, in one order for all, whoever commits when."""

import asyncio
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
from channels.db import database_sync_to_async
from django.db import connection, transaction
from django.utils import timezone

from copytrade.realtime import services
from copytrade.realtime.models import StreamEvent
from copytrade.realtime.services import events_place, events_prune, messages_publish
from copytrade.realtime.tasks import events_prune as prune_task
from copytrade.realtime.tests.live import DEADLINE_SECONDS, alone, numbers, publish, rises, tell

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_messages_are_no_event() -> None:
    messages_publish([])
    assert not StreamEvent.objects.exists()


def test_numbers_are_given_in_the_order_of_storing_without_a_gap() -> None:
    tell(1, 2, 3)
    tell(4)
    assert events_place() == 4
    assert list(StreamEvent.objects.order_by("id").values_list("seq", "size")) == [(3, 3), (4, 1)]


def test_placing_twice_changes_nothing() -> None:
    tell(1, 2)
    assert (events_place(), events_place()) == (2, 2)


def test_more_events_than_are_placed_at_once_are_placed_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PLACED_AT_ONCE", 2)
    for number in range(3):
        tell(number)
    assert (events_place(), events_place()) == (2, 3)


async def test_a_backlog_is_handed_out_at_once(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PLACED_AT_ONCE", 2)
    client = await connect()
    await client.subscribe("all")
    with monkeypatch.context() as silent:
        silent.setattr(services, "wake_hubs", AsyncMock())
        for number in range(20):
            await publish(number)
    started = asyncio.get_running_loop().time()
    await publish(20)
    assert numbers(await client.messages(21)) == list(range(21))
    assert asyncio.get_running_loop().time() - started < 5  # one look for each two of them would take ten seconds


async def test_a_transaction_that_is_rolled_back_tells_nothing(connect: Any) -> None:
    def fail() -> None:
        with transaction.atomic():
            tell(1)
            transaction.set_rollback(True)

    client = await connect()
    await client.subscribe("all")
    await database_sync_to_async(fail)()
    await publish(2)
    frame = await client.message()
    assert (frame["seq"], frame["data"]["number"]) == (1, 2)


async def test_publishers_at_once_are_told_each_once_with_rising_numbers(connect: Any) -> None:
    publishers, each = 6, 15

    def work(publisher: int) -> None:
        order = random.Random(publisher)
        for turn in range(each):
            with transaction.atomic():
                tell(publisher * each + turn)
                with connection.cursor() as cursor:  # the order of commits is not the one of inserts
                    cursor.execute("SELECT pg_sleep(%s)", [order.random() / 100])

    clients = [await connect() for _ in range(2)]
    for client in clients:
        await client.subscribe("all")
    await asyncio.gather(
        *(asyncio.to_thread(alone(lambda number=number: work(number))) for number in range(publishers))  # type: ignore[misc]
    )
    for client in clients:
        frames = await client.messages(publishers * each)
        assert sorted(numbers(frames)) == list(range(publishers * each))
        assert [frame["seq"] for frame in frames] == list(range(1, publishers * each + 1))


async def test_a_transaction_that_stays_open_delays_nobody_and_is_told_when_it_commits(connect: Any) -> None:
    stored, may_commit = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            tell(1)
            stored.set()
            assert may_commit.wait(DEADLINE_SECONDS)

    client = await connect()
    await client.subscribe("all")
    publisher = asyncio.create_task(asyncio.to_thread(alone(work)))
    assert await asyncio.to_thread(stored.wait, DEADLINE_SECONDS)
    await publish(2)
    await publish(3)
    frames = await client.messages(2)
    may_commit.set()
    await publisher
    frames.append(await client.message())
    assert numbers(frames) == [2, 3, 1]
    assert rises(frames)


def test_two_processes_that_place_at_once_give_out_each_number_once() -> None:
    for number in range(30):
        tell(number)
    ready = threading.Barrier(4)

    def place() -> None:
        ready.wait(DEADLINE_SECONDS)
        events_place()

    threads = [threading.Thread(target=alone(place)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert list(StreamEvent.objects.order_by("id").values_list("seq", flat=True)) == list(range(1, 31))


async def test_a_wake_up_that_is_lost_delays_messages_by_a_look(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "wake_hubs", AsyncMock())
    client = await connect()
    await client.subscribe("all")
    await publish(1, 2)
    assert numbers(await client.messages(2)) == [1, 2]


async def test_without_redis_clients_connect_and_get_their_messages(connect: Any, settings: Any) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    redirect(settings, port)
    client = await connect()
    await client.subscribe("all")
    await publish(1)
    assert numbers([await client.message()]) == [1]


async def test_a_redis_that_hangs_holds_up_neither_publishers_nor_clients(connect: Any, settings: Any) -> None:
    with hanging_server() as port:
        redirect(settings, port)
        client = await connect()
        await client.subscribe("all")
        async with asyncio.timeout(DEADLINE_SECONDS):
            await publish(1)
        assert numbers([await client.message()]) == [1]
        await client.close()


def test_events_are_pruned_when_they_are_old_enough(settings: Any) -> None:
    settings.STREAM_RETENTION_HOURS = 2
    tell(1)
    StreamEvent.objects.update(created_at=timezone.now() - timedelta(hours=2, seconds=1))
    tell(2)
    assert events_prune() == 1
    assert list(StreamEvent.objects.values_list("seq", flat=True)) == [2]
    assert prune_task() == 0


def test_events_that_nobody_asked_for_are_numbered_before_they_are_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PLACED_AT_ONCE", 1)
    for number in range(3):
        tell(number)
    StreamEvent.objects.update(created_at=timezone.now() - timedelta(days=9))
    assert events_prune() == 3
    tell(9)
    assert events_place() == 4


def redirect(settings: Any, port: int) -> None:
    """Let the channel layer ask another port."""
    layer = settings.CHANNEL_LAYERS["default"]
    hosts = [f"redis://127.0.0.1:{port}/0"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": hosts}}}


@contextmanager
def hanging_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=50)) as server:
        yield server.getsockname()[1]
