"""HTTP to venues: the connections of one venue and process, and what came of a request."""

import asyncio
import atexit
import contextlib
import os
import ssl
import weakref
from collections.abc import Mapping
from functools import cache

import aiohttp
import certifi
import yarl

from markets.venues.answers import Answer, NoAnswerError, NotSentError, UnreadableError
from markets.venues.connections import Pool
from markets.venues.messages import Address, address_of, request, unpacked

__all__ = ["Answer", "NoAnswerError", "NotSentError", "Transport", "UnreadableError", "tls"]

# To one address; who needs one more waits.
CONNECTIONS = 500
# Idle connections are closed here before venues close them there, so that no order meets a dead one.
KEEP_ALIVE_SECONDS = 15
HEARTBEAT_SECONDS = 15
EXIT_SECONDS = 2
# What takes longer to unpack than a few milliseconds is unpacked beside the loop.
LARGE = 64 * 1024


@cache
def tls() -> ssl.SSLContext:
    """Return the one TLS context of this process: loading the authorities takes longer than a handshake."""
    return ssl.create_default_context(cafile=certifi.where())


class Transport:
    """The connections to one venue. They belong to the event loop on which they were opened.

    Requests go over connections of our own, WebSockets over aiohttp. What is still open when the process ends is
    closed then.
    """

    def __init__(self, timeout_seconds: float) -> None:
        # Waiting for a connection ends earlier than the whole, so that the two can be told apart.
        self._seconds, self._patience = timeout_seconds, timeout_seconds / 2
        self._session: aiohttp.ClientSession | None = None
        self._late: set[asyncio.Task[object]] = set()
        self._pools: dict[Address, Pool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def session(self) -> aiohttp.ClientSession:
        """Return the running loop's session for WebSockets."""
        self._settle(asyncio.get_running_loop())
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=self._seconds, connect=self._patience, sock_connect=self._patience)
            connector = aiohttp.TCPConnector(ssl=tls(), limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
            )
        return self._session

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a request, at most once, whose URL is encoded already; raises `NotSentError` or `NoAnswerError`.

        `ValueError` where it cannot be written as one request: a header or the URL holds the end of a line.
        """
        address, target = address_of(url)
        written = request(method, address, target, headers, body)
        loop = asyncio.get_running_loop()
        started, pool = loop.time(), self._pool(address, loop)
        connection = pool.idle()
        while connection is None:
            opened = await pool.connection(until=started + self._patience)
            connection = opened if opened.is_open() else None
        asked = connection.ask(method, written, until=started + self._seconds)
        try:
            answer = await asked
        finally:
            connection.leave(asked)
        if "Content-Encoding" not in answer.headers:
            return answer
        return await asyncio.to_thread(unpacked, answer) if len(answer.body) > LARGE else unpacked(answer)

    def _pool(self, address: Address, loop: asyncio.AbstractEventLoop) -> Pool:
        self._settle(loop)
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = Pool(
                address,
                tls=tls() if address.secure else None,
                limit=CONNECTIONS,
                keep_alive=KEEP_ALIVE_SECONDS,
                patience=self._patience,
            )
        return pool

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin anew on another loop; what is open on the one before stays its own."""
        if self._loop is not loop:
            self._loop, self._session, self._pools = loop, None, {}
            self._process = os.getpid()
            _open.add(self)

    async def websocket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket that notices by itself when the other side is gone."""
        opening = asyncio.create_task(
            self.session().ws_connect(
                yarl.URL(url, encoded=True), heartbeat=HEARTBEAT_SECONDS, max_msg_size=16 * 1024 * 1024
            )
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Stopped halfway, uvloop would leave the socket open: it is let in, and closed then.
            self._late.add(opening)
            opening.add_done_callback(self._close_late)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotSentError(type(error).__name__) from None  # its text shows the key in the URL

    def _close_late(self, opening: "asyncio.Task[aiohttp.ClientWebSocketResponse]") -> None:
        self._late.discard(opening)
        if not opening.cancelled() and opening.exception() is None:
            closing = asyncio.get_running_loop().create_task(opening.result().close())
            self._late.add(closing)
            closing.add_done_callback(self._late.discard)

    async def close(self) -> None:
        """Close the connections of the running loop."""
        if self._loop is not asyncio.get_running_loop():
            return
        session, self._session = self._session, None
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.close()
        if session is not None:
            await session.close()

    def close_at_exit(self) -> None:
        """Close the connections from another thread, where their loop still runs in this process."""
        loop = self._loop
        if loop is None or not loop.is_running() or self._process != os.getpid():
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self.close(), loop).result(EXIT_SECONDS)


_open: "weakref.WeakSet[Transport]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for transport in list(_open):
        transport.close_at_exit()
