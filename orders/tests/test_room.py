"""Room for orders on their way: never more than there are places, and nobody waits for ever."""

import asyncio

from orders.executor.room import Room


async def settled():
    for _ in range(3):
        await asyncio.sleep(0)


def test_several_places_are_taken_once_all_of_them_are_free():
    async def scene():
        room = Room(3)
        await room.take(2)
        waiting = asyncio.create_task(room.take(3))
        room.give_back()
        await settled()
        assert not waiting.done()
        room.give_back()
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scene())


def test_who_needs_little_does_not_pass_who_came_first():
    async def scene():
        room = Room(2)
        await room.take(1)
        first, second = asyncio.create_task(room.take(2)), asyncio.create_task(room.take(1))
        await settled()
        assert (first.done(), second.done()) == (False, False)
        room.give_back()
        await settled()
        assert (first.done(), second.done()) == (True, False)
        room.give_back()
        await asyncio.wait_for(second, 1)

    asyncio.run(scene())


def test_who_gives_up_leaves_the_places_to_the_next():
    async def scene():
        room = Room(2)
        await room.take(1)
        first, second = asyncio.create_task(room.take(2)), asyncio.create_task(room.take(1))
        await settled()
        first.cancel()
        await asyncio.wait_for(second, 1)

    asyncio.run(scene())


def test_who_gives_up_when_the_turn_has_come_leaves_the_places_too():
    async def scene():
        room = Room(2)
        await room.take(2)
        waiting = asyncio.create_task(room.take(2))
        await settled()
        room.give_back()
        room.give_back()
        waiting.cancel()
        await settled()
        await asyncio.wait_for(room.take(2), 1)

    asyncio.run(scene())
