"""The hand on a simulator: start one on a thread of its own, or use one that runs elsewhere."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import uvloop

from tests.simulators.iifl.server import Server

START_SECONDS = CALL_SECONDS = 10.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


@dataclass(frozen=True, slots=True)
class ApiAccount:
    """A key of the simulator with its secret, and the client whose account it is."""

    key: str
    secret: str
    client: str


class ControlFailed(Exception):
    """The simulator did not carry out a command; the text says why."""


class IiflSimulator:
    """A simulator: as a context manager it starts one, `connect` uses one that runs elsewhere.

    `latency` is in milliseconds, from and to. Methods raise ControlFailed.
    """

    def __init__(self, *, latency: tuple[float, float] = (0, 0)) -> None:
        self.url = ""
        self._latency = latency
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="iifl-simulator", daemon=True)

    @classmethod
    def connect(cls, url: str) -> Self:
        """Return the face of a simulator in another process."""
        simulator = cls()
        simulator.url = url.rstrip("/")
        return simulator

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or not self.url:
            raise RuntimeError("the simulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop
        assert self._stop
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def account(
        self, *, balance: Decimal | str = "10000000", algo: bool = False, dealer: bool = False, clients: int = 1
    ) -> ApiAccount:
        """Open an account with so many rupees: with the algo flag, or a dealer's with several clients."""
        return ApiAccount(**self._call("account", balance=str(balance), algo=algo, dealer=dealer, clients=clients))

    def price(self, symbol: str, price: Decimal | str) -> None:
        """Move a share; orders trade that the price reaches."""
        self._call("price", symbol=symbol, price=str(price))

    def fill(self, order: int, quantity: int) -> None:
        """Fill a part of a resting order, by XTS's number."""
        self._call("fill", order=order, quantity=quantity)

    def fault(self, kind: str, *, method: str = "", path: str = "", count: int = 1) -> None:
        """Let something befall the next requests.

        `drop_before`, `drop_after` (the connection breaks before or after it was carried out), `bad_gateway` (carried
        out, and answered by a page), `bad_gateway_before`, `unauthorized` (a page with HTTP 401), `garbage`,
        `rate_limit` (HTTP 429), `rate_limit_200`, `last_of_login` (answered, and with that all tokens are gone).
        """
        self._call("fault", kind=kind, method=method, path=path, count=count)

    def tell(self, name: str, data: Any) -> None:
        """Send an event to all sockets."""
        self._call("tell", name=name, data=data)

    def show(self, book: str, row: dict[str, Any]) -> None:
        """Let a book (`orders`, `trades` or `positions`) show a row more, to everybody."""
        self._call("show", book=book, row=row)

    def clear_faults(self) -> None:
        """Let nothing befall requests any more."""
        self._call("clear_faults")

    def hold(self, *, delay: float = 0.0, book_delay: float = 0.0, live_positions: bool = True) -> None:
        """Let the exchange decide, or the order book show new orders, so many seconds later."""
        self._call("hold", delay=delay, book_delay=book_delay, live_positions=live_positions)

    def end_sessions(self) -> None:
        """Let all tokens be gone."""
        self._call("end_sessions")

    def untold(self) -> None:
        """Tell sockets nothing until they are cut."""
        self._call("untold")

    def kill_sockets(self) -> None:
        """Cut all sockets."""
        self._call("kill_sockets")

    def counts(self) -> dict[str, dict[str, int]]:
        """Return `requests` by method and path, and `identifiers`: how many orders each was sent with."""
        return dict(self._call("counts"))

    def _call(self, command: str, **options: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/_control/{command}", json.dumps(options).encode(), method="POST")
        try:
            with DIRECT.open(request, timeout=CALL_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as failure:
            with failure:
                raise ControlFailed(failure.read().decode()) from None

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = Server(self._latency)
        self.url = await server.start(0)
        self._ready.set()
        await self._stop.wait()
        await server.stop()
