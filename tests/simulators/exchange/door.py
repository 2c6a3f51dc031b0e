"""The HTTP side of a connection, as lean as it can be: a venue under a fan-out answers thousands of orders a second.

WebSockets are handed on to a protocol of aiohttp, with all that has come.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import httptools

from tests.simulators.exchange.answering import Answer, Incoming

KEY = b"x-mbx-apikey"
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


class Door(asyncio.Protocol):
    """One connection; its requests are answered one after the other, in their order.

    `take` gets each request and the door, whose `reply` is the way back. Paths that begin with `streams` are none of
    its business: the protocol that `open_stream` makes takes the connection over.
    """

    def __init__(
        self,
        take: "Callable[[Incoming, Door], None]",
        streams: tuple[str, ...],
        open_stream: Callable[[], asyncio.Protocol],
        doors: "set[Door]",
    ) -> None:
        self._take, self._open_stream, self._doors = take, open_stream, doors
        self._streams = tuple(path.encode() for path in streams)
        self._parser = httptools.HttpRequestParser(self)
        self._held = b""
        self._is_reading = self._is_busy = self._stays_open = False
        self._url = self._body = self._key = b""
        self._waiting: deque[tuple[Incoming, bool]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._doors.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget what has not been answered."""
        self._waiting.clear()
        self._doors.discard(self)

    def cut(self) -> None:
        """Break the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on, or hand the connection over."""
        if not self._is_reading:
            data, self._held = self._held + data, b""
            path = data[data.find(b" ") + 1 :]
            if b"\r\n" not in data:
                self._held = data  # whose request this is shows in its first line
                return
            if path.startswith(self._streams):
                self._hand_over(data)
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.cut()
            return
        self._next()

    def _hand_over(self, data: bytes) -> None:
        self._doors.discard(self)
        successor = self._open_stream()
        self._transport.set_protocol(successor)
        successor.connection_made(self._transport)
        successor.data_received(data)

    def on_message_begin(self) -> None:
        """Begin with a request."""
        self._is_reading = True
        self._url = self._body = self._key = b""

    def on_url(self, url: bytes) -> None:
        """Keep a part of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the key; no other header matters."""
        if len(name) == len(KEY) and name.lower() == KEY:
            self._key = value

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Let the request wait for its turn."""
        self._is_reading = False
        path, _, query = self._url.decode("latin-1").partition("?")
        method = self._parser.get_method().decode()
        incoming = Incoming(method, path, query, self._body.decode(errors="replace"), self._key.decode("latin-1"))
        self._waiting.append((incoming, self._parser.should_keep_alive()))

    def _next(self) -> None:
        if self._waiting and not self._is_busy:
            self._is_busy = True
            incoming, self._stays_open = self._waiting.popleft()
            self._take(incoming, self)

    def reply(self, answer: Answer | None) -> None:
        """Answer the request that was taken last; None breaks the connection."""
        self._is_busy = False
        if answer is None:
            self.cut()
        elif not self._transport.is_closing():
            self._transport.write(_written(answer, stays_open=self._stays_open))
            if self._stays_open:
                self._next()
            else:
                self._transport.close()


def _written(answer: Answer, *, stays_open: bool) -> bytes:
    last = "" if stays_open else "Connection: close\r\n"
    head = f"{LINES[answer.status]}{answer.headers}{last}Content-Length: {len(answer.body)}\r\n\r\n"
    return head.encode("latin-1") + answer.body
