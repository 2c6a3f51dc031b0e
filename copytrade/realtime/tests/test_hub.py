"""The hub: it works while somebody listens, survives what fails, and leaves nothing behind."""

import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError

from copytrade.realtime import consumer, hub, services
from copytrade.realtime.hub import Hub
from copytrade.realtime.tests.live import LiveClient, numbers, publish, tell, until

pytestmark = pytest.mark.django_db(transaction=True)


async def test_all_clients_of_a_process_share_one_reader(connect: Any) -> None:
    for _ in range(5):
        await (await connect()).subscribe("all")
    assert len(Hub.current()._tasks) == 2
    assert len(Hub.current()._members) == 5


async def test_the_last_client_to_leave_stops_the_reader_and_the_next_one_starts_it(connect: Any) -> None:
    for number in range(3):
        client = await connect()
        await client.subscribe("all")
        await publish(number)
        assert numbers([await client.message()]) == [number]
        await client.close()
        assert Hub.current()._tasks == []


async def test_what_was_told_while_nobody_listened_is_not_told_later(connect: Any) -> None:
    await publish(1)
    client = await connect()
    assert await client.subscribe("all") == 1
    assert await client.arrived() == []


async def test_however_much_was_told_while_nobody_listened_none_of_it_is_told_later(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PLACED_AT_ONCE", 2)
    for number in range(5):
        await publish(number)
    client = await connect()
    assert await client.subscribe("all") == 5
    await publish(5)
    assert numbers([await client.message()]) == [5]
    assert await client.arrived() == []


async def test_who_resumes_after_minutes_without_anybody_gets_all_that_was_missed(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(0)
    client = await connect()
    seen = await client.subscribe("all")
    await client.close()
    monkeypatch.setattr(services, "PLACED_AT_ONCE", 2)
    for number in range(1, 6):
        await publish(number)
    client = await connect()
    await client.ask("resume", {"after": seen})
    await client.subscribe("all")
    assert numbers(await client.messages(5)) == [1, 2, 3, 4, 5]
    assert await client.arrived() == []


async def test_one_client_that_leaves_takes_nothing_from_the_others(connect: Any) -> None:
    leaving, staying = await connect(), await connect()
    await leaving.subscribe("all")
    await staying.subscribe("all")
    await leaving.close()
    await publish(1)
    assert numbers([await staying.message()]) == [1]


async def test_clients_that_come_and_go_at_once_leave_nothing_behind(connect: Any) -> None:
    async def come_and_go() -> None:
        client = LiveClient()
        assert await client.open()
        await client.subscribe("all")
        await client.close()

    for _ in range(3):
        await asyncio.gather(*(come_and_go() for _ in range(10)))
    assert (Hub.current()._tasks, Hub.current()._members) == ([], set())


async def test_while_the_database_is_away_clients_are_sent_off_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "events_place_present", away)
    client = LiveClient()
    assert await client.open()
    assert await client.close_code() == 1013
    await client.close()
    assert Hub.current()._members == set()


async def test_listeners_wait_while_the_database_is_away_and_miss_nothing(
    connect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect()
    await client.subscribe("all")
    with monkeypatch.context() as broken:
        broken.setattr(hub, "messages_after", away)
        await publish(1)
        await until(lambda: "Listeners wait" in caplog.text)
        await publish(2)
    assert numbers(await client.messages(2)) == [1, 2]


async def test_an_unexpected_failure_leaves_nobody_deaf(
    connect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(seq: int) -> None:
        raise LookupError("a row that nobody can read")

    client = await connect()
    await client.subscribe("all")
    with monkeypatch.context() as broken:
        broken.setattr(hub, "messages_after", fail)
        await publish(1)
        await until(lambda: "a row that nobody can read" in caplog.text)
    assert numbers([await client.message()]) == [1]


async def test_a_request_while_the_database_is_away_is_refused_and_works_later(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()
    with monkeypatch.context() as broken:
        broken.setattr(consumer, "reaches_back_to", away)
        frame = await client.ask("resume", {"after": 0})
        assert (frame["event"], frame["data"]["code"]) == ("error", "SERVICE_UNAVAILABLE")
    assert (await client.ask("resume", {"after": 0}))["event"] == "ack"


async def test_a_replay_that_the_database_breaks_off_sends_the_client_off_to_resume_again(
    connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database_sync_to_async(tell)(1, 2)
    client = await connect()
    await client.ask("resume", {"after": 0})
    monkeypatch.setattr(consumer, "messages_after", away)
    await client.send('{"event": "subscribe:all"}')
    assert (await client.answer())["event"] == "ack"
    assert await client.close_code() == 1013


def away(*arguments: object) -> None:
    """Fail as everything does while the database is away."""
    raise OperationalError("the connection is lost")
