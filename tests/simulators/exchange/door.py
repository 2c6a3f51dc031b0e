"""The HTTP side of a connection, as lean as it can be: a venue under a fan-out answers thousands of orders a second.

WebSockets are handed on to a protocol of aiohttp, with all that has come.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from tests.simulators.exchange.answering import Answer, Incoming

END = b"\r\n\r\n"
LENGTH, KEY, LAST = "\r\ncontent-length:", "\r\nx-mbx-apikey:", "\r\nconnection: close\r\n"
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
        try:
            found = _read(self._held)
        except ValueError:
            self.cut()
            return
        if found is None:
            return
        incoming, size, self._stays_open = found
        if incoming.path.startswith(self._streams):
            self._hand_over()
            return
        self._held = self._held[size:]
        self._is_busy = True
        self._take(incoming, self)

    def _hand_over(self) -> None:
        self._doors.discard(self)
        successor = self._open_stream()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(self._held)


def _read(data: bytes) -> tuple[Incoming, int, bool] | None:
    """Return the first request, its length, and whether the connection outlives it; None until it has come wholly.

    ValueError where it is no HTTP. Bodies in chunks are unknown here: no client of a venue sends them.
    """
    end = data.find(END)
    if end < 0:
        return None
    head = data[: end + 2].decode("latin-1")
    lowered = head.lower()
    method, target, _ = head[: head.find("\r\n")].split(" ")
    begin = end + len(END)
    size = begin + int(_field(head, lowered, LENGTH) or 0)
    if len(data) < size:
        return None
    path, _, query = target.partition("?")
    body = data[begin:size].decode(errors="replace")
    return Incoming(method, path, query, body, _field(head, lowered, KEY)), size, LAST not in lowered


def _field(head: str, lowered: str, name: str) -> str:
    at = lowered.find(name)
    return "" if at < 0 else head[at + len(name) : head.find("\r\n", at + len(name))].strip()


def _written(answer: Answer, *, stays_open: bool) -> bytes:
    last = "" if stays_open else "Connection: close\r\n"
    head = f"{LINES[answer.status]}{answer.headers}{last}Content-Length: {len(answer.body)}\r\n\r\n"
    return head.encode("latin-1") + answer.body
