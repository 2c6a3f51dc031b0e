"""Clients that read slowly or not at all: nobody waits for them, and they learn that they fell behind."""

import asyncio
from typing import Any

import pytest
from channels.db import database_sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from copytrade.realtime import outbox as outbox_module
from copytrade.realtime.consumer import LiveConsumer
from copytrade.realtime.hub import Hub
from copytrade.realtime.outbox import MOST_WAITING, Outbox
from copytrade.realtime.tests.live import DEADLINE_SECONDS, Frame, numbers, publish, tell


def waiting(outbox: Outbox) -> list[str]:
    """Return the frames that nobody took yet."""
    return list(outbox._frames.values())


def test_frames_leave_in_the_order_in_which_they_came() -> None:
    async def work() -> list[str]:
        outbox = Outbox(lambda: "resync")
        for number in range(5):
            outbox.put(str(number))
        return [await outbox.take() for _ in range(5)]

    assert asyncio.run(work()) == ["0", "1", "2", "3", "4"]


def test_a_newer_state_takes_the_place_of_one_that_was_not_sent_yet() -> None:
    outbox = Outbox(lambda: "resync")
    outbox.put("price 1", replaces="price")
    outbox.put("order")
    outbox.put("price 2", replaces="price")
    assert waiting(outbox) == ["order", "price 2"]


def test_a_state_that_was_sent_is_not_replaced() -> None:
    async def work() -> list[str]:
        outbox = Outbox(lambda: "resync")
        outbox.put("price 1", replaces="price")
        first = await outbox.take()
        outbox.put("price 2", replaces="price")
        return [first, await outbox.take()]

    assert asyncio.run(work()) == ["price 1", "price 2"]


def test_one_frame_too_many_leaves_the_word_to_resync_alone() -> None:
    outbox = Outbox(lambda: "resync")
    for number in range(MOST_WAITING):
        outbox.put(str(number))
    assert len(waiting(outbox)) == MOST_WAITING
    outbox.put("one more")
    assert waiting(outbox) == ["resync"]


def test_a_full_outbox_still_takes_the_newer_state_of_what_waits() -> None:
    outbox = Outbox(lambda: "resync")
    outbox.put("price 1", replaces="price")
    for number in range(MOST_WAITING - 1):
        outbox.put(str(number))
    outbox.put("price 2", replaces="price")
    assert len(waiting(outbox)) == MOST_WAITING
    assert waiting(outbox)[-1] == "price 2"


@given(
    steps=st.lists(st.one_of(st.just("take"), st.sampled_from(["", "a", "b"]))),
    most=st.integers(min_value=1, max_value=5),
)
def test_whatever_comes_and_goes_order_is_kept_and_nothing_is_lost_in_silence(steps: list[str], most: int) -> None:
    async def work() -> None:
        outbox = Outbox(lambda: "resync")
        expected: list[tuple[str, str]] = []  # what a plain list would hold
        for number, step in enumerate(steps):
            if step == "take":
                if expected:
                    assert await outbox.take() == expected.pop(0)[1]
                continue
            expected = [waits for waits in expected if not step or waits[0] != step]
            full = len(expected) >= most
            expected = [("", "resync")] if full else [*expected, (step, str(number))]
            outbox.put(str(number), replaces=step)
            assert waiting(outbox) == [frame for _, frame in expected]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox_module, "MOST_WAITING", most)
        asyncio.run(work())


def test_who_waits_for_room_goes_on_when_frames_were_taken_or_nobody_takes_them_any_more() -> None:
    async def work() -> None:
        outbox = Outbox(lambda: "resync")
        for number in range(MOST_WAITING // 2 + 1):
            outbox.put(str(number))
        waits = asyncio.create_task(outbox.has_room())
        await asyncio.sleep(0)
        assert not waits.done()
        await outbox.take()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await waits
        outbox.put("again")
        waits = asyncio.create_task(outbox.has_room())
        await asyncio.sleep(0)
        outbox.close()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await waits

    asyncio.run(work())


class Gate:
    """Holds frames up on their way to one client."""

    def __init__(self, consumer: LiveConsumer) -> None:
        self.open = asyncio.Event()
        self._send, consumer.base_send = consumer.base_send, self

    async def __call__(self, event: Frame) -> None:
        await self.open.wait()
        await self._send(event)


def slow(listeners: Any) -> Gate:
    """Hold up the frames of the only client."""
    [consumer] = listeners
    return Gate(consumer)


@pytest.fixture
def most_waiting(monkeypatch: pytest.MonkeyPatch) -> int:
    """Outboxes are small."""
    monkeypatch.setattr(outbox_module, "MOST_WAITING", 20)
    return 20


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_fell_behind_is_told_to_resync_and_goes_on(connect: Any, most_waiting: int) -> None:
    client = await connect()
    await client.subscribe("all")
    gate = slow(Hub.current()._members)
    quick = await connect()
    await quick.subscribe("all")
    for number in range(most_waiting * 2):
        await publish(number)
        await quick.message()
    gate.open.set()
    first, *rest = await client.arrived()
    assert numbers([first]) == [0]  # it was on its way
    assert rest[0]["event"] == "resync"
    seq = rest[0]["data"]["seq"]
    assert [frame["seq"] for frame in rest[1:]] == list(range(seq + 1, most_waiting * 2 + 1))
    await publish(99)
    assert numbers([await client.message()]) == [99]


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_fell_behind_may_resume_instead(connect: Any, most_waiting: int) -> None:
    client = await connect()
    await client.subscribe("all")
    gate = slow(Hub.current()._members)
    quick = await connect()
    await quick.subscribe("all")
    for number in range(most_waiting * 2):
        await publish(number)
        await quick.message()
    gate.open.set()
    first, *rest = await client.arrived()
    frame = await client.ask("resume", {"after": first["seq"]})
    assert not frame["data"]["resync"]
    again = await client.arrived()
    brought = sorted(numbers([first, *rest[1:], *again]))
    assert brought == list(range(most_waiting * 2))


@pytest.mark.django_db(transaction=True)
async def test_a_slow_client_gets_only_the_newest_state_of_what_replaces_itself(connect: Any) -> None:
    client = await connect()
    await client.subscribe("all")
    gate = slow(Hub.current()._members)
    quick = await connect()
    await quick.subscribe("all")
    for number in range(1, 6):
        await publish(number, replaces="price")
        await publish(number * 10)
        await quick.messages(2)
    gate.open.set()
    assert numbers(await client.arrived()) == [1, 10, 20, 30, 40, 5, 50]  # the first was on its way


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_keeps_up_gets_a_large_burst_whole(connect: Any) -> None:
    count = MOST_WAITING * 2
    client = await connect()
    await client.subscribe("all")
    await database_sync_to_async(tell)(*range(count))
    assert numbers(await client.messages(count)) == list(range(count))


@pytest.mark.django_db(transaction=True)
async def test_a_long_replay_waits_for_the_client_instead_of_filling_its_outbox(
    connect: Any, most_waiting: int
) -> None:
    await database_sync_to_async(tell)(*range(most_waiting * 5))
    client = await connect()
    await client.ask("resume", {"after": 0})
    gate = slow(Hub.current()._members)
    await client.send('{"event": "subscribe:all", "id": "s"}')
    quick = await connect()
    await quick.subscribe("all")
    await publish(1000)
    await quick.message()
    gate.open.set()
    assert numbers(await client.messages(most_waiting * 5 + 1)) == [*range(most_waiting * 5), 1000]


@pytest.mark.django_db(transaction=True)
async def test_a_client_that_breaks_off_in_the_midst_of_a_replay_leaves_nothing_behind(
    connect: Any, most_waiting: int
) -> None:
    await database_sync_to_async(tell)(*range(most_waiting * 5))
    client = await connect()
    await client.ask("resume", {"after": 0})
    [consumer] = Hub.current()._members
    assert isinstance(consumer, LiveConsumer)

    async def broken(event: Frame) -> None:
        raise ConnectionResetError

    consumer.base_send = broken
    await client.send('{"event": "subscribe:all", "id": "s"}')
    await client.close()
    assert Hub.current()._members == set()
