"""A client of the WebSocket, and publishing without a push."""

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import get_default_application
from django.db import connection, transaction

from copytrade.realtime.messages import Message
from copytrade.realtime.services import messages_publish

DEADLINE_SECONDS = 10.0
APPLICATION = get_default_application()  # here, because importing it sets up logging anew, which undoes `caplog`

Frame = dict[str, Any]


class LiveClient:
    """One connection. Requests wait for their answer; messages that arrive before it are kept for later."""

    def __init__(
        self,
        path: str = "/ws/",
        *,
        origin: str | None = None,
        cookie: str = "",
        authorization: str | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        given = {b"origin": origin, b"cookie": cookie or None, b"authorization": authorization}
        headers = [(name, value.encode("latin-1")) for name, value in given.items() if value is not None]
        path, _, query = path.partition("?")
        scope: dict[str, Any] = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": headers}
        scope["subprotocols"] = list(subprotocols)
        self.subprotocol: str | None = None
        self._socket: Any = ApplicationCommunicator(APPLICATION, scope)
        self._numbers = itertools.count(1)
        self._messages: deque[Frame] = deque()
        self._answers: deque[Frame] = deque()

    async def open(self) -> bool:
        """Connect; return whether that was accepted."""
        await self._socket.send_input({"type": "websocket.connect"})
        answer = await self._socket.receive_output(DEADLINE_SECONDS)
        self.subprotocol = answer.get("subprotocol")
        return bool(answer["type"] == "websocket.accept")

    async def send(self, text: str) -> None:
        """Send a text frame as it is."""
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._socket.send_input({"type": "websocket.receive", "bytes": data})

    async def answer(self) -> Frame:
        """Return the next `ack` or `error`."""
        while not self._answers:
            await self._receive()
        return self._answers.popleft()

    async def ask(self, event: str, data: Any = None) -> Frame:
        """Send a request; return its answer, whose id is the request's."""
        identifier = next(self._numbers)
        await self.send(json.dumps({"event": event, "data": data, "id": identifier}))
        frame = await self.answer()
        assert frame["id"] == identifier
        return frame

    async def subscribe(self, kind: str, data: Any = None) -> int:
        """Subscribe; return the number after which messages arrive."""
        frame = await self.ask(f"subscribe:{kind}", data)
        assert frame["event"] == "ack", frame
        return int(frame["data"]["seq"])

    async def message(self) -> Frame:
        """Return the next frame that is no answer."""
        while not self._messages:
            await self._receive()
        return self._messages.popleft()

    async def messages(self, count: int) -> list[Frame]:
        """Return the next so many frames that are no answers."""
        return [await self.message() for _ in range(count)]

    async def arrived(self) -> list[Frame]:
        """Return what has arrived so far, if anything."""
        await self.ask("ping")
        arrived = list(self._messages)
        self._messages.clear()
        return arrived

    async def close_code(self) -> int:
        """Return the code with which the server closes the connection."""
        frame = await self._socket.receive_output(DEADLINE_SECONDS)
        assert frame["type"] == "websocket.close", frame
        return int(frame["code"])

    async def close(self) -> None:
        """Go away; nothing happens where the connection ended before."""
        if not self._socket.future.done():
            await self._socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._socket.wait(timeout=DEADLINE_SECONDS)

    async def _receive(self) -> None:
        event = await self._socket.receive_output(DEADLINE_SECONDS)
        assert event["type"] == "websocket.send", event
        frame: Frame = json.loads(event["text"], parse_float=Decimal)
        (self._answers if frame["event"] in {"ack", "error"} else self._messages).append(frame)


def tell(*numbers: int, stream: str = "all", replaces: str = "") -> None:
    """Publish one message for each number, in one transaction."""
    with transaction.atomic():
        messages_publish([Message("told", {"number": number}, (stream,), replaces) for number in numbers])


async def publish(*numbers: int, stream: str = "all", replaces: str = "") -> None:
    """Publish as `tell` does, from a thread that may use the database."""
    await database_sync_to_async(tell)(*numbers, stream=stream, replaces=replaces)


def alone(work: Callable[[], None]) -> Callable[[], None]:
    """Return the work for a thread of its own, with a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run


def numbers(frames: list[Frame]) -> list[int]:
    """Return the numbers that were told."""
    return [frame["data"]["number"] for frame in frames]


def rises(frames: list[Frame]) -> bool:
    """Return whether each frame has a larger number than the one before."""
    return all(one["seq"] < other["seq"] for one, other in itertools.pairwise(frames))


async def until(done: Callable[[], bool]) -> None:
    """Wait until something is so; fail after the deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not done():  # noqa: ASYNC110  (what is waited for knows nothing of events)
            await asyncio.sleep(0.005)
