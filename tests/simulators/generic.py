"""One exchange behind HTTP, on a thread of its own: what the simulators of Bybit, OKX, Bitget and Kraken run in.

    with BybitSimulator() as exchange:
        account = exchange.account({"USDT": "1000"})
        exchange.price("linear", "77000")
        exchange.fault("drop_after")
        venue = GenericVenue("bybit", address=exchange.url)

Shapes are those that ccxt's source and the exchanges' documents quote. Signatures, receive windows, numbers of requests
and client ids that are taken are checked as each exchange does.
"""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from markets.venues.base import OrderRequest
from tests.simulators.floor import Account, Asked, Exchange, Refusal, Reply, digits

HOST = "127.0.0.1"
START_SECONDS = 10.0
TURNS = 5  # of the loop, until connections that it has accepted are made, or ended
BEFORE = frozenset({"expired", "limit", "account_limit"})
Face = TypeVar("Face", bound=Exchange)


class ExchangeSimulator(Generic[Face]):
    """An exchange behind HTTP; a fault holds for the next request to a path, a ban for all requests."""

    def __init__(self, exchange: Face) -> None:
        self.exchange = exchange
        self.requests: Counter[str] = Counter()
        self.is_down = False  # whether nothing gets an answer
        self._faults: list[tuple[str, str, float]] = []
        self._banned: tuple[float, float] = (0, 0)
        self._keys = count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=exchange.name, daemon=True)
        self._runner: web.ServerRunner | None = None
        self._listener: socket.socket | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        port = self._run(self._start())
        self.url = f"http://{HOST}:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def account(self, balances: dict[str, str], *, withdraws: bool = False) -> Account:
        """Return a new key that owns these coins."""
        number = next(self._keys)
        made: Account = self._run(self._call(lambda: self.exchange.open_account(number, balances, withdraws=withdraws)))
        return made

    def price(self, market: str, price: Decimal | str) -> None:
        """Move a market."""
        self._run(self._call(lambda: self.exchange.price(market, Decimal(price))))

    def fill(self, key: str, number: str, quantity: Decimal, *, times: int = 1) -> None:
        """Fill a part of a resting order, several times."""
        wanted = int("".join(character for character in number if character.isdigit()))
        self._run(self._call(lambda: [self.exchange.fill(key, wanted, quantity) for _ in range(times)]))

    def place(self, key: str, market: str, requests: Sequence[OrderRequest]) -> None:
        """Place orders that nobody sends, as if they came from elsewhere."""
        account = self.exchange.accounts[key]
        self._run(self._call(lambda: [self.exchange.place(account, market, request) for request in requests]))

    def fault(self, kind: str, *, path: str | None = None, seconds: float = 60.0) -> None:
        """Let the next request to a path go wrong, one that places an order unless told.

        Kinds: drop_before, drop_after, timeout, garbage, expired, limit, account_limit.
        """
        self._faults.append((kind, self.exchange.creates if path is None else path, seconds))

    def ban(self, seconds: float) -> None:
        """Refuse everything from now on, and ask for a pause of so many seconds."""
        self._banned = (time.monotonic() + seconds, seconds)

    async def _call(self, function: Callable[[], Any]) -> Any:
        return function()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SECONDS)

    async def _start(self) -> int:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        self._listener = socket.create_server((HOST, 0))
        await web.SockSite(self._runner, self._listener).start()
        return int(self._runner.addresses[0][1])

    async def _end(self) -> None:
        """Accept nobody any more, then close: asyncio leaves open what it had accepted and not made by then."""
        assert self._runner
        assert self._listener
        self._loop.remove_reader(self._listener)
        await _turns()
        await self._runner.cleanup()
        await _turns()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asked = await _read(request)
        self.requests[asked.path] += 1
        if self.is_down:
            return _dropped(request)
        until, seconds = self._banned
        if time.monotonic() < until:
            return _sent(self.exchange.failed("banned", seconds))
        kind, seconds = self._fault_of(asked.path)
        if kind in BEFORE:
            return _sent(self.exchange.failed(kind, seconds))
        if kind == "drop_before":
            return _dropped(request)
        reply = self._reply(asked)
        match kind:
            case "drop_after":
                return _dropped(request)
            case "timeout":
                return _sent(self.exchange.failed(kind, seconds))
            case "garbage":
                return web.Response(text="\x00<!-- upstream connect error")
        return _sent(reply)

    def _fault_of(self, path: str) -> tuple[str, float]:
        """Return the fault of a request, which uses it up."""
        fault = next((each for each in self._faults if each[1] == path), None)
        if fault is None:
            return "", 0
        self._faults.remove(fault)
        return fault[0], fault[2]

    def _reply(self, asked: Asked) -> Reply:
        try:
            return self.exchange.answer(asked)
        except Refusal as refusal:
            return self.exchange.refused(refusal)


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _read(request: web.BaseRequest) -> Asked:
    path, _, query = request.raw_path.partition("?")
    body = await request.text() if request.can_read_body else ""
    values: dict[str, Any] = dict(parse_qsl(query))
    values |= json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
    return Asked(request.method, path, query, body, request.headers, values)


def _sent(reply: Reply) -> web.Response:
    if isinstance(reply.body, str):
        return web.Response(text=reply.body, status=reply.status, headers=reply.headers)
    text = json.dumps(reply.body, default=digits)
    return web.Response(text=text, status=reply.status, headers=reply.headers, content_type="application/json")


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
