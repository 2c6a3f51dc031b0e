"""The HTTP side of a connection, as lean as it can be: a venue under a fan-out answers thousands of orders a second.

WebSockets are handed on to a protocol of aiohttp, with all that has come.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from tests.simulators.exchange.answering import Answer
from tests.simulators.exchange.incoming import Incoming, read_head

END = b"\r\n\r\n"
LAST = "Connection: close\r\n"
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Door(asyncio.Protocol):
    """One connection; its requests are answered one after the other, in their order.

    `ring` gets the door when something has come, and takes the request from it soon; `reply` is the way back. Streams
    are none of its business: the protocol that `open_stream` makes takes over then.
    """

    __slots__ = ("_doors", "_held", "_is_busy", "_open_stream", "_ring", "_stays_open", "_transport")

    def __init__(
        self, ring: "Callable[[Door], None]", open_stream: Callable[[], asyncio.Protocol], doors: "set[Door]"
    ) -> None:
        self._ring, self._open_stream, self._doors = ring, open_stream, doors
        self._held = b""
        self._is_busy = self._stays_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._doors.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget what has not been answered."""
        self._held = b""
        self._doors.discard(self)

    def cut(self) -> None:
        """Break the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Ring where nothing is under way; what comes early waits."""
        self._held = self._held + data if self._held else data
        if not self._is_busy:
            self._ring(self)

    def take(self, now: float) -> Incoming | None:
        """Return the next request where it has come wholly and nothing is under way."""
        held = self._held
        begin = held.find(END) + len(END)
        if begin < len(END) or self._is_busy:
            return None
        try:
            head, key = read_head(held[:begin])
        except ValueError:
            self.cut()
            return None
        size = begin + head.length
        if head.is_stream:
            self._hand_over()
            return None
        if len(held) < size:
            return None
        self._held, self._is_busy, self._stays_open = held[size:], True, head.stays_open
        return Incoming(head, key, str(held[begin:size], "utf-8", "replace"), self, now)

    def reply(self, answer: Answer) -> None:
        """Answer the request that was taken last, or break the connection instead."""
        self._is_busy = False
        transport = self._transport
        if not answer.status:
            transport.abort()
        elif not transport.is_closing():
            body, last = answer.body, "" if self._stays_open else LAST
            head = f"{LINES[answer.status]}{answer.headers}{last}Content-Length: {len(body)}\r\n\r\n"
            transport.write(head.encode("latin-1") + body)
            if not self._stays_open:
                transport.close()
            elif self._held:
                self._ring(self)

    def _hand_over(self) -> None:
        self._doors.discard(self)
        successor = self._open_stream()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        held, self._held = self._held, b""
        successor.data_received(held)
