"""Resuming after a break: what was missed comes once and in order, or the client is told to load everything anew."""

from typing import Any

import pytest
from channels.db import database_sync_to_async

from copytrade.realtime import consumer, hub, selectors
from copytrade.realtime.models import StreamEvent, StreamPosition
from copytrade.realtime.services import events_place
from copytrade.realtime.tests.live import LiveClient, numbers, publish, rises, tell
from tests.payloads import LEAD, body, event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def present(connect: Any) -> LiveClient:
    """A client that is there all the time, so that the numbers of messages move on."""
    client: LiveClient = await connect()
    await client.subscribe("all")
    return client


async def told(present: LiveClient, *values: int) -> int:
    """Publish each number in a transaction of its own; return the last message's seq once all were handed out."""
    for value in values:
        await publish(value)
    return int((await present.messages(len(values)))[-1]["seq"])


async def resume(client: LiveClient, after: Any) -> dict[str, Any]:
    """Resume; return the acknowledgement's data."""
    frame = await client.ask("resume", {"after": after})
    assert frame["event"] == "ack", frame
    data: dict[str, Any] = frame["data"]
    return data


async def test_a_client_that_resumes_and_then_subscribes_gets_what_it_missed(connect: Any, present: LiveClient) -> None:
    seen = await told(present, 1, 2)
    last = await told(present, 3, 4, 5)
    client = await connect()
    assert await resume(client, seen) == {"event": "resume", "after": seen, "resync": False, "seq": last}
    await client.subscribe("all")
    await publish(6)
    frames = await client.messages(4)
    assert numbers(frames) == [3, 4, 5, 6]
    assert rises(frames)
    assert await client.arrived() == []


async def test_a_client_that_subscribes_and_then_resumes_gets_what_it_missed(connect: Any, present: LiveClient) -> None:
    seen = await told(present, 1, 2)
    await told(present, 3, 4)
    client = await connect()
    await client.subscribe("all")
    await told(present, 5)
    assert numbers([await client.message()]) == [5]
    await resume(client, seen)
    assert numbers(await client.messages(2)) == [3, 4]
    await publish(6)
    assert numbers([await client.message()]) == [6]
    assert await client.arrived() == []


async def test_a_client_that_was_away_in_the_midst_of_a_push_gets_the_rest_of_it(
    connect: Any, present: LiveClient
) -> None:
    await publish(1, 2, 3, 4)
    first = (await present.messages(4))[0]["seq"]
    client = await connect()
    await resume(client, first + 1)
    await client.subscribe("all")
    assert numbers(await client.messages(2)) == [3, 4]
    assert await client.arrived() == []


async def test_missed_messages_keep_their_number_their_time_and_their_digits(
    connect: Any, push_live: Any, present: LiveClient
) -> None:
    await push_live(body(events=[event(amount=7, price=8)]))
    live = await present.message()
    client = await connect()
    await resume(client, 0)
    await client.subscribe("all")
    assert await client.message() == live


async def test_only_messages_of_the_clients_streams_are_replayed(
    connect: Any, push_live: Any, present: LiveClient
) -> None:
    await push_live(body(events=[event(amount=1)]))
    await push_live(body(lead="99", events=[event(amount=2, lead="99")]))
    await told(present, 0)
    client = await connect()
    await resume(client, 0)
    await client.subscribe("trader", "99")
    assert {frame["data"]["leadId"] for frame in await client.arrived()} == {"99"}


async def test_a_missed_message_on_two_streams_comes_once(connect: Any, push_live: Any, present: LiveClient) -> None:
    await push_live(body(events=[event(amount=1)]))
    await publish(0)
    frames = [await present.message()]
    while frames[-1]["event"] != "told":
        frames.append(await present.message())
    client = await connect()
    await resume(client, 0)
    await client.subscribe("trader", LEAD)
    await client.subscribe("all")
    brought = await client.arrived()
    assert sorted(frame["seq"] for frame in brought) == [frame["seq"] for frame in frames]


async def test_who_missed_nothing_gets_nothing(connect: Any, present: LiveClient) -> None:
    seen = await told(present, 1, 2)
    client = await connect()
    assert not (await resume(client, seen))["resync"]
    await client.subscribe("all")
    assert await client.arrived() == []


async def test_resuming_from_the_very_beginning_of_a_new_installation_is_fine(connect: Any) -> None:
    client = await connect()
    assert await resume(client, 0) == {"event": "resume", "after": 0, "resync": False, "seq": 0}


async def test_a_number_that_is_none_is_refused(connect: Any) -> None:
    client = await connect()
    wrong = [None, 5, {}, *({"after": after} for after in (-1, "5", 1.5, True, None, 2**63, 2**200))]
    for data in wrong:
        frame = await client.ask("resume", data)
        assert (frame["event"], frame["data"]["code"]) == ("error", "VALIDATION_ERROR"), data


async def test_what_is_no_longer_stored_means_resync(connect: Any, present: LiveClient) -> None:
    seen = await told(present, 1)
    last = await told(present, 2, 3)
    await database_sync_to_async(StreamEvent.objects.filter(seq__lte=seen + 1).delete)()
    client = await connect()
    await client.subscribe("all")
    assert (await resume(client, seen))["resync"]
    frame = await client.message()
    assert (frame["event"], frame["data"]["seq"]) == ("resync", last)
    await publish(4)
    assert numbers([await client.message()]) == [4]


async def test_the_oldest_stored_message_can_be_resumed_to(connect: Any, present: LiveClient) -> None:
    seen = await told(present, 1)
    await told(present, 2, 3)
    await database_sync_to_async(StreamEvent.objects.filter(seq__lte=seen).delete)()
    client = await connect()
    await client.subscribe("all")
    assert not (await resume(client, seen))["resync"]
    assert numbers(await client.messages(2)) == [2, 3]


async def test_a_number_from_the_future_means_resync(connect: Any, present: LiveClient) -> None:
    last = await told(present, 1)
    client = await connect()
    await client.subscribe("all")
    assert (await resume(client, last + 1))["resync"]
    assert (await client.message())["event"] == "resync"


async def test_too_many_missed_messages_mean_resync(
    connect: Any, present: LiveClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LONGEST_REPLAY", 2)
    last = await told(present, 1, 2, 3)
    client = await connect()
    assert (await resume(client, last - 3))["resync"]
    assert not (await resume(client, last - 2))["resync"]


async def test_resuming_twice_brings_nothing_twice(connect: Any, present: LiveClient) -> None:
    await told(present, 1, 2)
    client = await connect()
    await resume(client, 0)
    await client.subscribe("all")
    assert numbers(await client.messages(2)) == [1, 2]
    await resume(client, 0)
    await resume(client, 1)
    assert await client.arrived() == []


async def test_subscribing_again_brings_nothing_twice(connect: Any, present: LiveClient) -> None:
    await told(present, 1)
    client = await connect()
    await resume(client, 0)
    await client.subscribe("all")
    assert numbers([await client.message()]) == [1]
    await client.ask("unsubscribe:all")
    await client.subscribe("all")
    assert await client.arrived() == []


async def test_what_is_told_during_a_long_replay_comes_after_it(
    connect: Any, present: LiveClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "EVENTS_AT_ONCE", 2)
    await told(present, *range(20))
    client = await connect()
    await resume(client, 0)
    await client.send('{"event": "subscribe:all", "id": "s"}')
    for number in range(20, 30):
        await publish(number)
    assert (await client.answer())["id"] == "s"
    frames = await client.messages(30)
    assert numbers(frames) == list(range(30))
    assert rises(frames)
    assert await client.arrived() == []


async def test_a_process_that_lags_behind_sends_nothing_that_the_client_has(
    connect: Any, present: LiveClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another web process may have handed out messages that this one has not read yet."""

    def publish_and_place() -> int:
        tell(2)
        return events_place()

    position = await told(present, 1)
    client = await connect()
    with monkeypatch.context() as lagging:
        lagging.setattr(hub, "events_place", lambda: position)
        ahead = await database_sync_to_async(publish_and_place)()
        assert (await resume(client, ahead))["seq"] == position < ahead
        await client.subscribe("all")
    await publish(3)
    assert numbers([await client.message()]) == [3]


async def test_numbers_go_on_where_all_events_were_pruned(connect: Any, present: LiveClient) -> None:
    last = await told(present, 1, 2)
    await database_sync_to_async(StreamEvent.objects.all().delete)()
    assert await told(present, 3) == last + 1
    assert (await database_sync_to_async(StreamPosition.objects.get)()).last_seq == last + 1
