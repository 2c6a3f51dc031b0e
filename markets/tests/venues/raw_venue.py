"""A venue that does with each connection what a script says, to the byte."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Self

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def answer(body: bytes) -> bytes:
    """Return an answer with this body."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Peer:
    """One connection as the venue sees it. `gone` is set once the client has closed it."""

    def __init__(self, venue: "RawVenue", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.venue, self.reader, self.writer = venue, reader, writer

    async def request(self) -> bytes:
        """Return the next request, head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        told = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        body = await self.reader.readexactly(int(told[0].split(b":")[1])) if told else b""
        self.venue.requests.append(head + body)
        self.venue.was_asked.set()
        return head + body

    async def say(self, *parts: bytes) -> None:
        """Send these parts, each by itself."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def end(self) -> bytes:
        """Wait until the client closes; return what came before that."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""


Script = Callable[[Peer], Awaitable[None]]


async def well(peer: Peer) -> None:
    """Answer everything."""
    while True:
        await peer.request()
        await peer.say(ANSWER)


class RawVenue:
    """Plays one script for each connection, in turn; the last one for all further ones."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._scripts, self._tls, self._host = scripts or (well,), tls, host
        self._peers: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        self.was_asked, self._all_left = asyncio.Event(), asyncio.Event()
        self.connections = self.open = self.most_open = 0
        self.port = 0

    @property
    def url(self) -> str:
        named = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{named}:{self.port}"

    async def left(self) -> None:
        """Wait until no connection is open."""
        await self._all_left.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for peer in self._peers:
            peer.cancel()
        await asyncio.gather(*self._peers, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._peers.add(task)
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        self.open += 1
        self._all_left.clear()
        self.most_open = max(self.most_open, self.open)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
                await script(Peer(self, reader, writer))
        finally:
            self._peers.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self.open -= 1
            if not self.open:
                self._all_left.set()
