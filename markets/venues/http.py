"""HTTP to venues: one session per venue and process, and what came of a request."""

import asyncio
import atexit
import contextlib
import os
import ssl
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiohttp
import certifi
import msgspec
import yarl

CONNECTIONS = 500
# Idle connections are closed here before venues close them there, so that no order meets a dead one.
KEEP_ALIVE_SECONDS = 15
HEARTBEAT_SECONDS = 15
EXIT_SECONDS = 2


class NotSentError(Exception):
    """No connection came about: the venue has not seen the request."""


class NoAnswerError(Exception):
    """The request may have arrived, and its answer did not."""


class UnreadableError(Exception):
    """The answer is not what the venue documents."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a venue answered. The body is kept out of its repr: it may name accounts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Return the body decoded; `UnreadableError` where it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise UnreadableError(f"HTTP {self.status} with a body that is not JSON") from error


@cache
def tls() -> ssl.SSLContext:
    """Return the one TLS context of this process: loading the authorities takes longer than a handshake."""
    return ssl.create_default_context(cafile=certifi.where())


class Transport:
    """The connections to one venue. They belong to the event loop on which they were opened.

    What is still open when the process ends is closed then.
    """

    def __init__(self, timeout_seconds: float) -> None:
        # Waiting for a connection ends earlier than the whole, so that the two can be told apart.
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, connect=timeout_seconds / 2, sock_connect=timeout_seconds / 2
        )
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def session(self) -> aiohttp.ClientSession:
        """Return the session of the running loop."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            connector = aiohttp.TCPConnector(ssl=tls(), limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS)
            self._process = os.getpid()
            _open.add(self)
            self._loop, self._session = (
                loop,
                aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout),
            )
        return self._session

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a request whose URL is encoded already; raises `NotSentError` or `NoAnswerError`."""
        try:
            async with self.session().request(
                method, yarl.URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSentError(type(error).__name__) from None  # its text shows the signed URL
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswerError(type(error).__name__) from None

    async def websocket(self, url: str) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket that notices by itself when the other side is gone."""
        try:
            return await self.session().ws_connect(
                yarl.URL(url, encoded=True), heartbeat=HEARTBEAT_SECONDS, max_msg_size=16 * 1024 * 1024
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotSentError(type(error).__name__) from None  # its text shows the key in the URL

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
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
