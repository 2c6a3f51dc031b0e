"""Connections to one address: each carries one request at a time, and waits for the next in a pool.

Nobody who gives up leaves a mark: an attempt to connect goes on without whoever wanted it, and its connection serves
the next; a request under way takes its connection with it, since its answer would be taken for that of another.
"""

import asyncio
import select
import ssl
from collections import deque
from contextlib import suppress
from math import inf
from socket import SOCK_STREAM
from typing import Any, cast

from aiohappyeyeballs import start_connection

from markets.venues.answers import Answer, NoAnswerError, NotSentError
from markets.venues.messages import Address, Reader

# An address that does not answer is given so long before the next one is tried beside it (RFC 8305).
NEXT_ADDRESS_SECONDS = 0.25
RESOLVED_SECONDS = 10


class Connection(asyncio.Protocol):
    """One connection. It belongs to the pool, and to whoever asks while an answer is awaited."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._reader = Reader()
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self._until = 0.0

    def ask(self, method: str, request: bytes, *, until: float) -> "asyncio.Future[Answer]":
        """Send a request and return where its answer comes; `NoAnswerError` after `until` (the loop's time).

        The connection must have come from its pool just now, and goes back there by itself. Whoever stops waiting
        before must say so (`leave`).
        """
        if self._transport is None or self._transport.is_closing():
            raise NotSentError("the connection is closed")  # a write would be swallowed
        self._reader.expect(method)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answer, self._until = answer, until
        self._pool.wake(until)
        self._transport.write(request)
        return answer

    def leave(self, answer: "asyncio.Future[Answer]") -> None:
        """Take note that nobody waits for this answer any more."""
        if self._answer is answer:
            self.drop()

    def is_open(self) -> bool:
        """Whether it can be written to, as far as the loop knows."""
        return self._transport is not None and not self._transport.is_closing()

    def is_silent(self) -> bool:
        """Whether the venue has sent nothing and closed nothing that the loop has not seen yet."""
        return self.is_open() and not self._watch.poll(0)

    def check(self, now: float) -> None:
        """Give up an answer whose time is over, or have it looked for when it is."""
        if self._answer and self._until <= now:
            self._fail("no answer in time")
        elif self._answer:
            self._pool.wake(self._until)

    def drop(self) -> None:
        """Close it at once. Who waits for its answer is told that none comes."""
        self._fail("the connection is closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take what carries the bytes."""
        self._transport = cast("asyncio.Transport", transport)
        self._watch = select.poll()
        self._watch.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def secured(self, transport: asyncio.Transport | None) -> None:
        """Take what carries the bytes from now on, with TLS in between."""
        if transport is None or not self.is_open():
            raise ConnectionResetError
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read on; what nobody has asked for ends the connection."""
        if self._answer is None:
            self.drop()
            return
        try:
            answer = self._reader.feed(data)
        except NoAnswerError as error:
            self._fail(str(error))
            return
        if answer is not None:
            self._deliver(answer)

    def eof_received(self) -> None:
        """Take the end of what the venue sends for the end of an answer, where that has no other."""
        answer = self._reader.end() if self._answer else None
        if answer is not None:
            self._deliver(answer)
        else:
            self._fail("the connection broke")

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the pool."""
        if error is None:
            self.eof_received()
        else:
            self._fail("the connection broke")

    def _deliver(self, answer: Answer) -> None:
        waiting, self._answer = self._answer, None
        # A venue may answer before it has read everything; the rest would be the beginning of the next request.
        if self._transport and self._reader.is_reusable and not self._transport.get_write_buffer_size():
            self._pool.give_back(self)
        else:
            self.drop()
        if waiting and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, reason: str) -> None:
        waiting, self._answer = self._answer, None
        if waiting and not waiting.done():
            waiting.set_exception(NoAnswerError(reason))
        if self._transport:
            self._transport.abort()
        self._pool.forget(self)


class Pool:
    """The connections to one address, on the loop on which it was made; at most `limit`, opening ones counted.

    Idle ones are closed after `keep_alive` seconds. Whoever finds none waits in line; `patience` is for how many
    seconds a connection may take to come about.
    """

    def __init__(
        self, address: Address, *, tls: ssl.SSLContext | None, limit: int, keep_alive: float, patience: float
    ) -> None:
        self.address = address
        self._tls, self._limit, self._keep_alive, self._patience = tls, limit, keep_alive, patience
        self._loop = asyncio.get_running_loop()
        self._open: set[Connection] = set()
        self._idle: dict[Connection, float] = {}  # since when; the longest idle one first
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._lookup: asyncio.Task[list[Any]] | None = None
        self._lookup_until = 0.0
        self._sweep: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None  # one for all requests: most are answered long before
        self._alarm_at = inf
        self._is_closed = False

    def idle(self) -> Connection | None:
        """Return the connection that was used last, so that those too many grow old."""
        youngest = self._loop.time() - self._keep_alive
        while self._idle:
            connection, since = self._idle.popitem()
            if since > youngest and connection.is_silent():
                return connection
            connection.drop()
        return None

    async def connection(self, *, until: float) -> Connection:
        """Wait in line for a connection; `NotSentError` where none comes before `until` (the loop's time)."""
        if self._is_closed:
            raise NotSentError("closed")
        waiter: asyncio.Future[Connection] = self._loop.create_future()
        self._waiting.append(waiter)
        self._connect()
        timer = self._loop.call_at(until, _refuse, waiter, "no connection in time")
        try:
            return await waiter
        except BaseException:
            with suppress(ValueError):
                self._waiting.remove(waiter)
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self.give_back(waiter.result())
            raise
        finally:
            timer.cancel()

    def wake(self, at: float) -> None:
        """Look then, at the latest, for answers that did not come in time."""
        if at < self._alarm_at:
            if self._alarm:
                self._alarm.cancel()
            self._alarm_at, self._alarm = at, self._loop.call_at(at, self._check)

    def give_back(self, connection: Connection) -> None:
        """Hand a connection to whoever has waited longest, or keep it."""
        if self._is_closed or not connection.is_open():
            connection.drop()
        elif waiter := self._first():
            waiter.set_result(connection)
        else:
            self._idle[connection] = self._loop.time()
            if self._sweep is None:
                self._sweep = self._loop.call_later(self._keep_alive, self._close_old)

    def forget(self, connection: Connection) -> None:
        """Count a connection as gone, and open another where somebody waits."""
        self._idle.pop(connection, None)
        if connection in self._open:
            self._open.remove(connection)
            self._connect()

    async def close(self) -> None:
        """Close all connections; requests under way end without an answer, and those in line unsent."""
        self._is_closed = True
        while waiter := self._first():
            _refuse(waiter, "closed")
        for connection in list(self._open):
            connection.drop()
        pending = [*self._opening, *([self._lookup] if self._lookup else [])]
        for task in pending:
            task.cancel()
        for timer in filter(None, (self._sweep, self._alarm)):
            timer.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await asyncio.sleep(0)  # the loop closes sockets in its next round

    def _first(self) -> "asyncio.Future[Connection] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _connect(self) -> None:
        """Open one connection for each one in line, as far as the limit allows."""
        while (
            not self._is_closed
            and len(self._opening) < len(self._waiting)
            and len(self._opening) + len(self._open) < self._limit
        ):
            task = self._loop.create_task(self._open_one())
            self._opening.add(task)

    async def _open_one(self) -> None:
        connection, failed = Connection(self), ""
        try:
            async with asyncio.timeout(self._patience):
                await self._opened(connection)
        except (OSError, RuntimeError, ValueError) as error:  # uvloop has RuntimeError, names too long are ValueError
            failed = type(error).__name__
        finally:
            self._opening.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        if failed:
            self._lookup_until = 0.0
            if waiter := self._first():
                _refuse(waiter, failed)
            self._connect()
        else:
            self._open.add(connection)
            self.give_back(connection)

    async def _opened(self, connection: Connection) -> None:
        found = await self._addresses()
        socket = await start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=self._loop)
        taking = self._loop.create_task(self._loop.create_connection(lambda: connection, sock=socket))
        try:
            plain, _ = await asyncio.shield(taking)
            if self._tls:
                host = self.address.host
                connection.secured(await self._loop.start_tls(plain, connection, self._tls, server_hostname=host))
        except BaseException:
            # Stopped halfway, uvloop would close the socket's number twice, and by then it may be another's.
            await asyncio.wait([taking])
            connection.drop()
            raise

    async def _addresses(self) -> list[Any]:
        """Look the host's addresses up, once for all who connect at the same time."""
        if self._lookup is None or self._lookup_until <= self._loop.time():
            self._lookup_until = self._loop.time() + RESOLVED_SECONDS
            self._lookup = self._loop.create_task(
                self._loop.getaddrinfo(self.address.host, self.address.port, type=SOCK_STREAM)
            )
        return await asyncio.shield(self._lookup)

    def _close_old(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for connection, since in list(self._idle.items()):
            if since + self._keep_alive > now:
                self._sweep = self._loop.call_at(since + self._keep_alive, self._close_old)
                return
            connection.drop()

    def _check(self) -> None:
        self._alarm_at, now = inf, self._loop.time()
        for connection in list(self._open):
            connection.check(now)


def _refuse(waiter: "asyncio.Future[Connection]", reason: str) -> None:
    if not waiter.done():
        waiter.set_exception(NotSentError(reason))
