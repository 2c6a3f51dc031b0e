"""The HTTP and Socket.IO server around the calls, the faults on the way in and out, and the control of both."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import WSMsgType, web

from tests.simulators.iifl import rows
from tests.simulators.iifl.api import Api, Call, Refused
from tests.simulators.iifl.books import Client, Exchange, Login, Order, Trade

HOST, CONTROL, SOCKET = "127.0.0.1", "/_control/", "/interactive/socket.io/"
STOP_SECONDS = 0.5
GATEWAY_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
UNAUTHORIZED_PAGE = "<html><body><h1>401 Authorization Required</h1></body></html>"
GARBAGE = "<!-- upstream connect error"
RATE_LIMIT = {"type": "error", "code": "e-apirl-0004", "description": "Rate Limit reached", "result": {}}
LAST = "last_of_login"
HAPPENS = frozenset({"drop_after", "bad_gateway", "garbage", LAST})


@dataclass(slots=True)
class Fault:
    """What befalls the next `count` requests of a method to a path."""

    kind: str
    method: str
    path: str
    count: int


@dataclass(slots=True)
class Seat:
    """A connected socket and what it has to be told."""

    login: Login
    queue: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)


class Server:
    """One simulator on one port of loopback."""

    def __init__(self, latency: tuple[float, float]) -> None:
        self.exchange = Exchange(self._tell)
        self.api = Api(self.exchange, self._later)
        self.requests: Counter[str] = Counter()
        self._latency = latency
        self._faults: list[Fault] = []
        self._seats: list[Seat] = []
        self._untold = False
        self._runner: web.ServerRunner | None = None

    async def start(self, port: int) -> str:
        """Begin to listen; return the address."""
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port, backlog=4096).start()
        return f"http://{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Cut all sockets and stop listening."""
        self.kill_sockets()
        if self._runner:
            await self._runner.cleanup()

    def account(
        self, *, balance: str = "10000000", algo: bool = False, dealer: bool = False, clients: int = 1
    ) -> dict[str, str]:
        """Open an account; a dealer's has several clients, of which the first is returned."""
        number = len(self.api.logins) + 1
        codes = [f"IIFL{number:05d}{chr(65 + place)}" for place in range(clients)]
        known = {code: Client(code, Decimal(balance)) for code in codes}
        self.exchange.clients += known.values()
        key, secret = f"app-key-{number:06d}", f"app-secret-{number:06d}"
        user = f"DEALER{number}" if dealer else codes[0]
        self.api.logins[key] = Login(key, secret, user, known, dealer=dealer, algo=algo)
        return {"key": key, "secret": secret, "client": codes[0]}

    def price(self, *, symbol: str, price: str) -> None:
        """Move a share."""
        self.exchange.set_price(self.exchange.named(symbol), Decimal(price))

    def fill(self, *, order: int, quantity: int) -> None:
        """Fill a part of a resting order at its price."""
        found = next(each for client in self.exchange.clients for each in client.orders if each.number == order)
        self.exchange.fill(found, quantity, found.price)

    def fault(self, *, kind: str, method: str = "", path: str = "", count: int = 1) -> None:
        """Let something befall the next requests; an empty method or path means any."""
        self._faults.append(Fault(kind, method, path, count))

    def tell(self, *, name: str, data: Any) -> None:
        """Send an event to all sockets."""
        for seat in self._seats:
            seat.queue.put_nowait(_event(name, data))

    def show(self, *, book: str, row: dict[str, Any]) -> None:
        """Let a book show a row more, to everybody."""
        self.api.more[book].append(row)

    def clear_faults(self) -> None:
        """Let nothing befall requests any more."""
        self._faults.clear()

    def hold(self, *, delay: float = 0.0, book_delay: float = 0.0, live_positions: bool = True) -> None:
        """Let the exchange decide, or the order book learn of orders, so many seconds later."""
        self.api.delay, self.api.book_delay, self.api.live_positions = delay, book_delay, live_positions

    def end_sessions(self) -> None:
        """Let all tokens be gone."""
        for login in self.api.logins.values():
            login.token = ""

    def untold(self) -> None:
        """Tell sockets nothing until they are cut."""
        self._untold = True

    def kill_sockets(self) -> None:
        """Cut all sockets."""
        self._untold = False
        for seat in self._seats:
            seat.queue.put_nowait(None)

    def counts(self) -> dict[str, Any]:
        """Return how many requests there were, and how many orders of each identifier."""
        return {"requests": dict(self.requests), "identifiers": dict(self.api.identifiers)}

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith(CONTROL):
            return self._controlled(request.path[len(CONTROL) :], await request.json())
        if request.path == SOCKET:
            return await self._serve_socket(request)
        self.requests[f"{request.method} {request.path}"] += 1
        if self._latency[1]:
            await asyncio.sleep(random.uniform(*self._latency) / 1000)
        text = await request.text()
        token = request.headers.get("Authorization", "")
        call = Call(request.method, request.path, dict(request.query), json.loads(text) if text else {}, token)
        fault = self._befalls(call)
        if fault is None or fault.kind in HAPPENS:
            status, body = self.api.answer(call)
            if fault is not None and fault.kind == LAST:
                self.end_sessions()
            if fault is None or fault.kind == LAST:
                return web.json_response(body, status=status)
        return self._failed(request, fault.kind)

    def _failed(self, request: web.BaseRequest, kind: str) -> web.Response:
        match kind:
            case "bad_gateway" | "bad_gateway_before":
                return web.Response(text=GATEWAY_PAGE, status=502, content_type="text/html")
            case "unauthorized":
                return web.Response(text=UNAUTHORIZED_PAGE, status=401, content_type="text/html")
            case "garbage":
                return web.Response(text=GARBAGE)
            case "rate_limit":
                return web.json_response(RATE_LIMIT, status=429)
            case "rate_limit_200":
                return web.json_response(RATE_LIMIT)
            case _:
                if request.transport:
                    request.transport.abort()
                return web.Response()

    def _befalls(self, call: Call) -> Fault | None:
        for fault in self._faults:
            if fault.method in {"", call.method} and fault.path in {"", call.path}:
                fault.count -= 1
                if not fault.count:
                    self._faults.remove(fault)
                return fault
        return None

    def _controlled(self, command: str, options: dict[str, Any]) -> web.Response:
        known: dict[str, Callable[..., Any]] = {
            each.__name__: each
            for each in (
                self.account, self.price, self.fill, self.fault, self.clear_faults, self.hold, self.end_sessions,
                self.untold, self.tell, self.show, self.kill_sockets, self.counts,
            )
        }  # fmt: skip
        try:
            return web.json_response(known[command](**options))
        except (KeyError, TypeError, ValueError, ArithmeticError, StopIteration) as error:
            return web.json_response({"error": repr(error)}, status=400)

    async def _serve_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        try:
            login = self.api.of_token(request.query.get("token", ""))
        except Refused as refusal:
            return web.json_response(refusal.answer[1], status=refusal.answer[0])
        await socket.prepare(request)
        seat = Seat(login)
        self._seats.append(seat)
        options = {"sid": "simulator", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 60_000}
        await socket.send_str(f"0{json.dumps(options)}")
        await socket.send_str("40")
        await socket.send_str(_event("joined", {"description": "joined", "userID": login.user}))
        reader = asyncio.create_task(_answer_pings(socket, seat))
        try:
            while (text := await seat.queue.get()) is not None:
                await socket.send_str(text)
        finally:
            self._seats.remove(seat)
            reader.cancel()
            if request.transport:
                request.transport.abort()
        return socket

    def _tell(self, what: str, order: Order, trade: Trade | None) -> None:
        if self._untold:
            return
        match what:
            case "trade" if trade is not None:
                row = rows.trade_row(trade, socket=True)
            case "position":
                position = order.client.positions[order.instrument.id]
                row = rows.position_row(order.client, order.instrument, position, live=False)
            case _:
                row = rows.order_row(order, socket=True)
        text = _event(what, row)
        for seat in self._seats:
            if order.client in seat.login.clients.values():
                seat.queue.put_nowait(text)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, what)


async def _answer_pings(socket: web.WebSocketResponse, seat: Seat) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data == "2":
            await socket.send_str("3")
    seat.queue.put_nowait(None)


def _event(name: str, data: Any) -> str:
    return f"42{json.dumps([name, json.dumps(data)])}"
