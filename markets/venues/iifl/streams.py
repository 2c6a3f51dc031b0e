"""What happens to an account, as its socket tells. It repeats nothing: whoever reads it asks for what it missed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import aiohttp

from markets.venues.base import AccountAccess, AccountReport, PrivateEvent, StreamConnected
from markets.venues.errors import VenueDown
from markets.venues.http import NotSentError
from markets.venues.iifl.accounts import PROFILE
from markets.venues.iifl.engine_io import PING, USUAL_PING_SECONDS, Ended, Event, Opened, read_frame
from markets.venues.iifl.gateway import Gateway
from markets.venues.iifl.house import utc_now
from markets.venues.iifl.instruments import Instruments
from markets.venues.iifl.orders import (
    Row,
    identifier_of,
    is_share,
    read_fill,
    read_order,
    read_position,
    symbol_of,
)
from markets.venues.iifl.sessions import Session

JOINED, ORDER, TRADE, POSITION = "joined", "order", "trade", "position"
ENDS = frozenset({"logout", "error", "disconnect"})
JOIN_SECONDS = 10.0

Socket = aiohttp.ClientWebSocketResponse


class Streams:
    """The private stream of one account; see `markets.venues.base.PrivateStream`."""

    gateway: Gateway
    instruments: Instruments

    async def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Yield `StreamConnected`, then what happens; raises `VenueDown` when the connection ends."""
        await self.instruments.master()
        session = await self.gateway.session(account)
        client = self.gateway.client_of(account, session)
        async with await self._open(account, session) as socket, _pings(socket) as pings:
            events = self._events(socket, pings)
            await self._joined(account, events)
            yield StreamConnected(utc_now())
            async for event in events:
                for each in await self._told(event, client):
                    yield each

    async def _open(self, account: AccountAccess, session: Session) -> Socket:
        params = {"EIO": 3, "transport": "websocket", "token": session.token, "userID": session.user}
        query = urlencode({**params, "apiType": "INTERACTIVE"})
        try:
            return await self.gateway.transport.websocket(f"{self.gateway.house.socket}?{query}")
        except NotSentError as error:
            await self._look_at_session(account)
            raise VenueDown(f"IIFL's socket cannot be reached ({error}).") from None

    async def _look_at_session(self, account: AccountAccess) -> None:
        """Ask something by the token that the socket refused, so that one that is gone is replaced.

        A new login without need would end the session of everybody else.
        """
        await self.gateway.read(account, PROFILE)

    async def _joined(self, account: AccountAccess, events: AsyncIterator[Event]) -> None:
        """Wait until the account has joined."""
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                async for event in events:
                    if event.name == JOINED:
                        return
        except (TimeoutError, VenueDown):
            await self._look_at_session(account)
        raise VenueDown("IIFL's socket did not let the account join.")

    async def _events(self, socket: Socket, pings: "_Pings") -> AsyncIterator[Event]:
        """Yield events; raises `VenueDown` at the end."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            with self.gateway.understood():
                frame = read_frame(message.data)
            match frame:
                case Opened():
                    pings.every(frame.ping_seconds)
                case Ended():
                    break
                case Event() if frame.name in ENDS:
                    break
                case Event():
                    yield frame
                case None:
                    pass
        raise VenueDown("IIFL's socket has ended.")

    async def _told(self, event: Event, client: str) -> list[PrivateEvent]:
        """Return what an event says of this account; a dealer hears of all clients."""
        row = event.data
        if event.name not in {ORDER, TRADE, POSITION} or not isinstance(row, Mapping):
            return []
        if client and client not in {row.get("ClientID"), row.get("AccountID")}:
            return []
        identifier, master = identifier_of(row), await self.instruments.master()
        names = await self.gateway.shared.client_order_ids([identifier])
        with self.gateway.passing_over(f"a change ({event.name})"):
            if is_share(row):
                return [_change(event.name, row, names[identifier], symbol_of(row, master))]
        return []


def _change(name: str, row: Row, client_order_id: str, symbol: str) -> PrivateEvent:
    if name == POSITION:
        return AccountReport(utc_now(), (), (read_position(row, symbol=symbol),), complete=False)
    if name == TRADE:
        return read_fill(row, client_order_id=client_order_id, symbol=symbol)
    return read_order(row, client_order_id=client_order_id, symbol=symbol, now=utc_now())


class _Pings:
    """Says that we are still there, as often as the server wants to hear it."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._seconds = USUAL_PING_SECONDS
        self._changed = asyncio.Event()

    def every(self, seconds: float) -> None:
        self._seconds = seconds
        self._changed.set()

    async def run(self) -> None:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while not self._socket.closed:
                self._changed.clear()
                try:
                    async with asyncio.timeout(self._seconds):
                        await self._changed.wait()
                except TimeoutError:
                    await self._socket.send_str(PING)


@contextlib.asynccontextmanager
async def _pings(socket: Socket) -> AsyncIterator[_Pings]:
    """Let pings run beside the stream."""
    pings = _Pings(socket)
    task = asyncio.create_task(pings.run())
    try:
        yield pings
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
