"""One hub in each web process reads new events once and hands them to all its clients.

The rows are the queue: Redis only wakes the hub up. Where it is silent, the hub looks each second.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import Protocol
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from copytrade.lib.database import DATABASE_AWAY
from copytrade.realtime.frames import stream_frame
from copytrade.realtime.selectors import PlacedMessage, messages_after
from copytrade.realtime.services import WAKE_GROUP, events_place, events_place_present

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
GATHER_SECONDS = 0.01  # what arrives within it is read together
RETRY_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.1
SENDERS_TURN = 100  # after so many messages, clients that can keep up are let send


class Listener(Protocol):
    """Who gets messages."""

    def deliver(self, frame: str, message: PlacedMessage) -> None:
        """Take one message, without waiting."""


class Hub:
    """Hands each message to the listeners of its streams. `position` is the last number handed out."""

    _hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()

    def __init__(self) -> None:
        self.position = 0
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._members: set[Listener] = set()
        self._starting = asyncio.Lock()

    @classmethod
    def current(cls) -> "Hub":
        """Return the hub of the running event loop."""
        return cls._hubs.setdefault(asyncio.get_running_loop(), cls())

    async def join(self, member: Listener) -> None:
        """Count a client; the first one starts the hub at the present end of the events."""
        async with self._starting:
            if not self._tasks:
                self.position = await database_sync_to_async(events_place_present)()
                self._tasks = [asyncio.create_task(self._hand_out()), asyncio.create_task(self._be_woken())]
            self._members.add(member)

    async def leave(self, member: Listener) -> None:
        """Forget a client and its subscriptions; the last one stops the hub."""
        self._members.discard(member)
        for stream in [stream for stream, members in self._listeners.items() if member in members]:
            self.unsubscribe(stream, member)
        async with self._starting:
            if not self._members:
                await self._stop()

    def subscribe(self, stream: str, listener: Listener) -> None:
        """From the next message on, hand those of the stream to the listener."""
        self._listeners[stream].add(listener)

    def unsubscribe(self, stream: str, listener: Listener) -> None:
        """Hand no more messages of the stream to the listener."""
        self._listeners[stream].discard(listener)
        if not self._listeners[stream]:
            del self._listeners[stream]

    async def _stop(self) -> None:
        """End the tasks; the client of Redis swallows a cancellation now and then, so they are told until they end."""
        running, self._tasks = set(self._tasks), []
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

    async def _hand_out(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):  # wait_for may swallow a cancellation
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._hand_out_new()
            except DATABASE_AWAY as error:
                logger.warning("Listeners wait, since the database does not answer: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # whatever it is, listeners must not stay deaf
                logger.exception("Handing out events failed; it is tried again.")
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(GATHER_SECONDS)

    async def _hand_out_new(self) -> None:
        while self.position < (last := await database_sync_to_async(events_place)()):
            messages = await database_sync_to_async(messages_after)(self.position)
            if not messages:  # pruned before they were read
                self.position = last
            for count, message in enumerate(messages, start=1):
                self._deliver(message)
                if count % SENDERS_TURN == 0:
                    await asyncio.sleep(0)

    def _deliver(self, message: PlacedMessage) -> None:
        self.position = message.seq
        receivers: set[Listener] = set()
        for stream in message.streams:
            receivers |= self._listeners.get(stream, set())
        if receivers:
            frame = stream_frame(message)
            for listener in receivers:
                listener.deliver(frame, message)

    async def _be_woken(self) -> None:
        """Listen to the channel layer, and again after each failure: what was missed is found by looking."""
        layer = get_channel_layer()
        assert layer is not None
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(WAKE_GROUP, channel)
                while True:
                    await layer.receive(channel)
                    self._woken.set()
            except (RedisError, OSError) as error:
                logger.warning("Listening to Redis again: %s", error)
            finally:
                with contextlib.suppress(RedisError, OSError):
                    await layer.flush()  # lets go of the channel and of the connection
            await asyncio.sleep(RETRY_SECONDS)
