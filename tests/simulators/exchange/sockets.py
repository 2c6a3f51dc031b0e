"""WebSockets: public streams, user streams by listen key, and the WebSocket API of the spot market.

Paths: `/ws`, `/stream` (spot), `/fstream/...` (USD-M) and `/dstream/...` (COIN-M), the latter two with or without
`public`, `market` or `private` in between; `/ws-api/v3`.
"""

import asyncio
import itertools
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import WSMsgType, web

from tests.simulators.exchange.feeds import Listener
from tests.simulators.exchange.hub import Place, Subscription
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.venue import Venue
from tests.simulators.exchange.ws_api import Session

PREFIXES = {"fstream": Market.USD_M, "dstream": Market.COIN_M}
API = "/ws-api/v3"
STATES = ("@bookTicker", "@markPrice")  # streams that tell how something is, not that something happened


class Link:
    """One socket; what is to be sent waits in a queue, so that anybody may send without waiting."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.socket = web.WebSocketResponse(compress=False)

    def send(self, body: bytes) -> None:
        """Send a text frame, in order."""
        self._queue.put_nowait(body)

    def say(self, message: Any) -> None:
        """Send an object as JSON."""
        self.send(msgspec.json.encode(message))

    def cut(self) -> None:
        """Break the connection."""
        if self._request.transport:
            self._request.transport.abort()

    async def open(self) -> None:
        """Accept the socket."""
        await self.socket.prepare(self._request)

    async def write(self) -> None:
        """Send what waits, for ever."""
        while True:
            body = await self._queue.get()
            try:
                await self.socket.send_frame(body, WSMsgType.TEXT)
            except ConnectionError:
                return


class Streams:
    """What one socket is subscribed to."""

    def __init__(self, venue: Venue, market: Market, link: Link, *, combined: bool) -> None:
        self._venue = venue
        self._hub, self._feeds = venue.hub, venue.feeds  # those of the present, since a reset replaces them
        self._link = link
        self._combined = combined
        self._listener = Listener(market, link.send, combined=combined)
        self._subscriptions: list[tuple[Place, Subscription]] = []

    def subscribe(self, name: str) -> bool:
        """Add a stream or a listen key; return whether there is such a one."""
        place = self._hub.place_of(name)
        if place:
            subscription = Subscription(self._link.send, listen_key=name, stream=name if self._combined else "")
            self._hub.subscribe(place, subscription)
            self._subscriptions.append((place, subscription))
            return True
        return self._feeds.subscribe(self._listener, name)

    def greet(self, name: str) -> None:
        """Tell the present state of a stream."""
        book = self._venue.books[self._listener.market].get(name.partition("@")[0].upper())
        if book and name in self._listener.streams and any(word in name for word in STATES):
            self._feeds.tell_one(book, self._listener, name)

    def command(self, text: str) -> None:
        """Answer a message of the client."""
        try:
            message = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError:
            self._link.say({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})
            return
        names = [str(name) for name in message.get("params") or []]
        result: list[str] | None = None
        match message.get("method"):
            case "SUBSCRIBE":
                for name in names:
                    self.subscribe(name)
            case "UNSUBSCRIBE":
                for name in names:
                    self._feeds.unsubscribe(self._listener, name)
                names = []
            case "LIST_SUBSCRIPTIONS":
                result = list(self._listener.streams)
            case _:
                self._link.say(
                    {"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": message.get("id")}
                )
                return
        self._link.say({"result": result, "id": message.get("id")})
        for name in names:
            self.greet(name)

    def leave(self) -> None:
        """Forget everything."""
        self._feeds.leave(self._listener)
        for place, subscription in self._subscriptions:
            self._hub.unsubscribe(place, subscription)


class Sockets:
    """Accepts the sockets of the exchange."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._numbers = itertools.count(1)

    async def serve(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Serve one socket until it ends."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text="this path is for WebSockets")
        link = Link(request)
        await link.open()
        self._venue.sockets.add(link.cut)
        writer = asyncio.create_task(link.write())
        try:
            await self._talk(request, path, link)
        finally:
            writer.cancel()
            self._venue.sockets.discard(link.cut)
        return link.socket

    async def _talk(self, request: web.BaseRequest, path: str, link: Link) -> None:
        if path == API:
            session = Session(self._venue, link.send)
            handle, leave = session.request, session.leave
        else:
            streams = self._streams(request, path, link)
            handle, leave = streams.command, streams.leave
        try:
            async for message in link.socket:
                if message.type is WSMsgType.TEXT:
                    handle(message.data)
        finally:
            leave()

    def _streams(self, request: web.BaseRequest, path: str, link: Link) -> Streams:
        parts = path.strip("/").split("/")
        market = PREFIXES.get(parts[0], Market.SPOT)
        parts = [part for part in parts if part not in {*PREFIXES, "public", "market", "private"}]
        query = parse_qs(request.raw_path.partition("?")[2])
        combined = parts[:1] == ["stream"]
        streams = Streams(self._venue, market, link, combined=combined)
        names = query.get("streams", [""])[0].split("/") if combined else [*parts[1:], *query.get("listenKey", [])]
        for name in filter(None, names):
            streams.subscribe(name)
            streams.greet(name)
        return streams
