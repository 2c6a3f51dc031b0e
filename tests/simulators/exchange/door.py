"""The HTTP side of a connection, as lean as it can be: a venue under a fan-out answers thousands of orders a second.

WebSockets are handed on to a protocol of aiohttp, with all that has come.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from tests.simulators.exchange.answering import Answer
from tests.simulators.exchange.incoming import Head, Incoming, read_head

END = b"\r\n\r\n"
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Door(asyncio.Protocol):
    """One connection; its requests are answered one after the other, in their order.

    `take` gets each request and the door, whose `reply` is the way back. Paths that begin with `streams` are none of
    its business: the protocol that `open_stream` makes takes the connection over.
    """

    __slots__ = ("_doors", "_held", "_is_busy", "_open_stream", "_stays_open", "_streams", "_take", "_transport")

    def __init__(
        self,
        take: "Callable[[Incoming, Door], None]",
        streams: tuple[str, ...],
        open_stream: Callable[[], asyncio.Protocol],
        doors: "set[Door]",
    ) -> None:
        self._take, self._streams, self._open_stream, self._doors = take, streams, open_stream, doors
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
        """Go on where nothing is under way; what comes early waits."""
        self._held = self._held + data if self._held else data
        if not self._is_busy:
            self._next()

    def reply(self, answer: Answer | None) -> None:
        """Answer the request that was taken last; None breaks the connection."""
        self._is_busy = False
        if answer is None:
            self.cut()
        elif not self._transport.is_closing():
            self._transport.write(_written(answer, stays_open=self._stays_open))
            if not self._stays_open:
                self._transport.close()
            elif self._held:
                self._next()

    def _next(self) -> None:
        held = self._held
        end = held.find(END)
        if end < 0:
            return
        try:
            head = read_head(held[: end + 2])
        except ValueError:
            self.cut()
            return
        begin = end + len(END)
        if head.path.startswith(self._streams):
            self._hand_over()
        elif len(held) >= begin + head.length:
            self._begin(head, begin)

    def _begin(self, head: Head, begin: int) -> None:
        """Take the request whose body begins there, and has come wholly."""
        size = begin + head.length
        body = self._held[begin:size].decode(errors="replace")
        self._held = self._held[size:]
        self._is_busy, self._stays_open = True, head.stays_open
        self._take(Incoming(head, body), self)

    def _hand_over(self) -> None:
        self._doors.discard(self)
        successor = self._open_stream()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(self._held)


def _written(answer: Answer, *, stays_open: bool) -> bytes:
    last = "" if stays_open else "Connection: close\r\n"
    head = f"{LINES[answer.status]}{answer.headers}{last}Content-Length: {len(answer.body)}\r\n\r\n"
    return head.encode("latin-1") + answer.body
