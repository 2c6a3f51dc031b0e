"""Binance's streams: what happens to an account, and prices as they change. Whoever reads them connects anew."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from markets.venues.base import AccountAccess, PriceReport, PrivateEvent, StreamConnected
from markets.venues.binance.contracts import Contracts
from markets.venues.binance.endpoints import Call
from markets.venues.binance.errors import error_of, failure
from markets.venues.binance.events import ENDS, Reader
from markets.venues.binance.gateway import Gateway
from markets.venues.binance.prices import Quotes
from markets.venues.errors import AuthFailed, Rejected, VenueDown, VenueError
from markets.venues.http import NotSentError, UnreadableError
from markets.venues.vocabulary import MarketKind

Socket = aiohttp.ClientWebSocketResponse

KEEP_ALIVE_SECONDS = 30 * 60.0
KEEP_RETRY_SECONDS = 60.0
ANSWER_SECONDS = 10.0
# Prices that a slow reader has not taken are dropped, the oldest first.
PRICES_WAITING = 1000


class Streams:
    """The streams of one house."""

    gateway: Gateway
    contracts: Contracts

    async def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Yield `StreamConnected`, then what happens to the account; raises `VenueDown` when the connection ends."""
        house = self.gateway.house
        reader = Reader(house.kind, self.contracts.size)
        async with contextlib.AsyncExitStack() as stack:
            if house.kind is MarketKind.SPOT:
                socket = await self._spot_socket(account, stack)
            else:
                socket = await self._futures_socket(account, stack)
            yield StreamConnected(datetime.now(UTC))
            async for message in self._messages(socket):
                with self.gateway.understood():
                    event = message.get("event", message)
                    if event.get("e") in ENDS:
                        raise VenueDown("The venue has ended the stream.")
                    told = await reader.read(event)
                for each in told:
                    yield each

    async def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Yield best offers and mark prices as they change; raises `VenueDown` when a connection ends."""
        if not symbols:
            return
        house = self.gateway.house
        urls = [house.book_stream + "/".join(f"{symbol.lower()}@bookTicker" for symbol in symbols)]
        if house.mark_stream:
            urls.append(house.mark_stream + "/".join(f"{symbol.lower()}@markPrice@1s" for symbol in symbols))
        quotes = Quotes(kind)
        async with contextlib.AsyncExitStack() as stack:
            queue = asyncio.Queue[Mapping[str, Any] | VenueError](PRICES_WAITING)
            for url in urls:
                socket = await stack.enter_async_context(await self._open(url))
                _run_beside(stack, self._gather(socket, queue))
            while True:
                message = await queue.get()
                if isinstance(message, VenueError):
                    raise message
                with self.gateway.understood():
                    report = quotes.read(message.get("data", message))
                if report is not None:
                    yield report

    async def _gather(self, socket: Socket, queue: "asyncio.Queue[Mapping[str, Any] | VenueError]") -> None:
        try:
            async for message in self._messages(socket):
                _put(queue, message)
        except VenueError as error:
            _put(queue, error)

    async def _futures_socket(self, account: AccountAccess, stack: contextlib.AsyncExitStack) -> Socket:
        reply = await self.gateway.signed(account, Call.OPEN_STREAM, {})
        with self.gateway.understood():
            key = str(reply["listenKey"])
        socket = await stack.enter_async_context(await self._open(self.gateway.house.private_stream + key))
        _run_beside(stack, self._keep(account, socket))
        return socket

    async def _keep(self, account: AccountAccess, socket: Socket) -> None:
        """Make the key last; one that is gone ends the connection, so that a new key is asked for."""
        pause = KEEP_ALIVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self.gateway.signed(account, Call.KEEP_STREAM, {})
                pause = KEEP_ALIVE_SECONDS
            except (Rejected, AuthFailed):
                await socket.close()
                return
            except VenueError:
                pause = KEEP_RETRY_SECONDS

    async def _spot_socket(self, account: AccountAccess, stack: contextlib.AsyncExitStack) -> Socket:
        if account.credentials is None:
            raise AuthFailed("The account has no key.")
        await self.gateway.compare_clocks()
        socket = await stack.enter_async_context(await self._open(self.gateway.house.websocket_api))
        params = self.gateway.client.sign_websocket(account.credentials, {})
        name = secrets.token_hex(8)
        method = "userDataStream.subscribe.signature"
        await socket.send_str(msgspec.json.encode({"id": name, "method": method, "params": params}).decode())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                message = await anext(each async for each in self._messages(socket) if each.get("id") == name)
        except TimeoutError as error:
            raise VenueDown("The venue did not answer the subscription.") from error
        self._check(message)
        return socket

    def _check(self, message: Mapping[str, Any]) -> None:
        status = int(message.get("status", 500))
        if status != 200:
            what = failure(status, {}, message.get("error"))
            raise error_of(what, kind=MarketKind.SPOT, writes=False, now=datetime.now(UTC))

    async def _open(self, url: str) -> Socket:
        try:
            return await self.gateway.transport.websocket(url)
        except NotSentError as error:
            raise VenueDown(f"The stream of {self.gateway.house.slug} cannot be reached ({error}).") from error

    async def _messages(self, socket: Socket) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the objects that come in; raises `VenueDown` at the end."""
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            with self.gateway.understood():
                message = _decode(frame.data)
            yield message
        raise VenueDown(f"The stream of {self.gateway.house.slug} has ended.")


def _decode(text: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UnreadableError("not an object") from error


def _run_beside(stack: contextlib.AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Let work run beside the stream until the stack is left."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


def _put(queue: "asyncio.Queue[Mapping[str, Any] | VenueError]", item: Mapping[str, Any] | VenueError) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(item)
