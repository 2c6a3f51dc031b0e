"""A Binance that runs on loopback: spot, USD-M and COIN-M on one port, with their real paths, signatures and faults.

In a test, on a thread of its own:

    with BinanceSimulator() as exchange:
        account = exchange.account(balances={"usd_m": {"USDT": "1000"}})
        exchange.price("usd_m", "BTCUSDT", "77000")
        client = Client(exchange.url, account.key, account.secret)
        exchange.fault("drop_after", method="POST", path="/fapi/v1/order")
        ...
        assert exchange.counts()["client_ids"] == {"my-order": 1}

In a process of its own: `python -m tests.simulators.binance --port 0 --latency 50:150 --accounts 500` prints one line
of JSON (`url`, `ws_url`, `accounts`); `BinanceSimulator.connect(url)` has the same methods. SIGTERM ends it.

REST: `/api/v3`, `/sapi/v1`, `/fapi/v1..3`, `/dapi/v1`, `/futures/data`, all below `url`. WebSockets, below `ws_url`:

    /ws-api/v3                                   spot WebSocket API (user data by userDataStream.subscribe.signature)
    /ws/<stream>, /stream?streams=<a>/<b>        spot public streams
    /fstream/private/ws?listenKey=<key>          USD-M user data; also /fstream/private/ws/<key>, /fstream/ws/<key>
    /fstream/market/ws, /fstream/public/ws       USD-M public streams; also /stream?streams=, and SUBSCRIBE messages
    /dstream/...                                 the same for COIN-M

Everything else is under `/_control/<command>`; the commands are the methods of `exchange.commands.Commands`.
"""

import argparse
import asyncio
import gc
import json
import signal
import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import uvloop

from tests.simulators.exchange.running import (
    Amount,
    ApiAccount,
    Balances,
    ControlFailed,
    call,
    start,
    text,
    texts,
)

__all__ = ["ApiAccount", "BinanceSimulator", "ControlFailed"]

START_SECONDS = 10.0


class BinanceSimulator:
    """A simulator: as a context manager it starts one, `connect` uses one that runs elsewhere.

    Markets are "spot", "usd_m" and "coin_m"; times are milliseconds; methods raise ControlFailed.
    """

    def __init__(self, *, latency: tuple[float, float] = (0, 0), accounts: int = 0) -> None:
        self.url = ""
        self._latency = latency
        self._accounts = accounts
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="binance-simulator", daemon=True)

    @classmethod
    def connect(cls, url: str) -> Self:
        """Return the face of a simulator in another process."""
        simulator = cls()
        simulator.url = url.rstrip("/")
        return simulator

    @property
    def ws_url(self) -> str:
        """Return where the WebSockets are."""
        return "ws" + self.url.removeprefix("http")

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or not self.url:
            raise ControlFailed("the simulator did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def account(
        self,
        key: str | None = None,
        secret: str | None = None,
        *,
        balances: Balances | None = None,
        permissions: Iterable[str] = ("reading", "spot", "futures"),
        hedge: bool = False,
        ip_restricted: bool = True,
        fees_in_bnb: bool = False,
    ) -> ApiAccount:
        """Create an account; without balances it is rich. Permissions: reading, spot, futures, withdrawals."""
        options: dict[str, Any] = {"permissions": list(permissions), "hedge": hedge, "ip_restricted": ip_restricted}
        made = call(
            self.url, "account", key=key, secret=secret, balances=texts(balances), fees_in_bnb=fees_in_bnb, **options
        )
        return ApiAccount(made["key"], made["secret"], made["uid"])

    def accounts(self) -> list[dict[str, Any]]:
        """List all accounts with their balances and positions."""
        return list(call(self.url, "accounts"))

    def state(self, key: str) -> dict[str, Any]:
        """Return balances and positions of one account."""
        return next(account for account in self.accounts() if account["key"] == key)

    def change_account(self, key: str, *, balances: Balances | None = None, **changes: Any) -> None:
        """Change balances, permissions, enabled, hedge, ip_restricted or fees_in_bnb of an account."""
        call(self.url, "change_account", key=key, balances=texts(balances), **changes)

    def price(self, market: str, symbol: str, value: Amount | None = None, *, mark: Amount | None = None) -> Decimal:
        """Set the price of a symbol, which fills and triggers what it reaches; return the price."""
        answer = call(self.url, "price", market=market, symbol=symbol, value=text(value), mark=text(mark))
        return Decimal(answer["price"])

    def fills(
        self, market: str, symbol: str, *, parts: int = 1, fraction: Amount = 1, slip: int = 0, key: str = ""
    ) -> None:
        """Say how orders that meet the market fill: in how many trades, how much of them, how many ticks worse each."""
        options = {"parts": parts, "fraction": text(fraction), "slip": slip, "key": key}
        call(self.url, "fills", market=market, symbol=symbol, **options)

    def symbol(
        self,
        market: str,
        name: str,
        *,
        like: str,
        filters: Mapping[str, Mapping[str, Any]] | None = None,
        **changes: Any,
    ) -> None:
        """List a symbol that is like another one except for fields of its entry in exchangeInfo and of its filters."""
        call(self.url, "symbol", market=market, name=name, like=like, filters=filters, changes=changes)

    def fault(self, kind: str, **options: Any) -> int:
        """Let something go wrong (see exchange.faults: kinds, and fields of Rule); return its number."""
        return int(call(self.url, "fault", kind=kind, **options))

    def faults(self) -> list[dict[str, Any]]:
        """List the faults with their hits."""
        return list(call(self.url, "faults"))

    def clear_faults(self, number: int | None = None) -> None:
        """Lift one fault, or all and the latency."""
        call(self.url, "clear_faults", number=number)

    def seed(self, number: int) -> None:
        """Begin the series of chances of faults anew."""
        call(self.url, "seed", number=number)

    def latency(self, low: float, high: float) -> None:
        """Let every answer take so many milliseconds."""
        call(self.url, "latency", low=low, high=high)

    def limits(self, *, enforce: bool, **options: Any) -> None:
        """Enforce the request and order limits; options: spot, futures, orders, ban_seconds."""
        call(self.url, "limits", enforce=enforce, **options)

    def ban(self, seconds: float, *, pool: str = "") -> None:
        """Answer 418 for so long in the pool "spot", "futures" or both; 0 ends it."""
        call(self.url, "ban", seconds=seconds, pool=pool)

    def clock(self, *, offset: int | None = None, now: int | None = None) -> int:
        """Put the server's clock wrong by an offset, or to a time; return its time."""
        return int(call(self.url, "clock", offset=offset, now=now))

    def gap(self, market: str, symbol: str, interval: str, start: int, end: int) -> None:
        """Leave out the candles that open from start to end."""
        call(self.url, "gap", market=market, symbol=symbol, interval=interval, start=start, end=end)

    def clear_gaps(self) -> None:
        """Serve all candles again."""
        call(self.url, "clear_gaps")

    def placements(self, key: str = "", market: str = "") -> list[dict[str, Any]]:
        """List all attempts to place an order; `code` is 0 where it was accepted."""
        return list(call(self.url, "placements", key=key, market=market))

    def counts(self) -> dict[str, Any]:
        """Return `requests` by path, `answers` by status, `banned_calls`, `sockets`, and `client_ids` of orders.

        `seconds` are those that each POST took here, in the order of the answers.
        """
        return dict(call(self.url, "counts"))

    def clear_journal(self) -> None:
        """Forget placements and counts."""
        call(self.url, "clear_journal")

    def orders(self, key: str, market: str, symbol: str = "") -> list[dict[str, Any]]:
        """List the orders of an account as the venue's query endpoint shows them."""
        return list(call(self.url, "orders", key=key, market=market, symbol=symbol))

    def fill(
        self, key: str, market: str, order: int, *, quantity: Amount | None = None, price: Amount | None = None
    ) -> None:
        """Fill an open order wholly or partly."""
        call(self.url, "fill", key=key, market=market, order=order, quantity=text(quantity), price=text(price))

    def cancel(self, key: str, market: str, order: int) -> None:
        """Cancel an open order at the venue's side."""
        call(self.url, "cancel", key=key, market=market, order=order)

    def expire_listen_keys(self, key: str = "") -> int:
        """Let listen keys expire; return how many."""
        return int(call(self.url, "expire_listen_keys", key=key))

    def release_events(self) -> int:
        """Send the events that were withheld; return how many."""
        return int(call(self.url, "release_events"))

    def kill_sockets(self) -> int:
        """Break all WebSockets; return how many there were."""
        return int(call(self.url, "kill_sockets"))

    def reset(self) -> None:
        """Begin anew: no accounts, first prices, no faults."""
        call(self.url, "reset")

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server, self.url, _ = await start(latency=self._latency, accounts=self._accounts)
        self._ready.set()
        await self._stop.wait()
        await server.stop()


async def serve(port: int, latency: tuple[float, float], accounts: int) -> None:
    """Serve until SIGTERM or SIGINT; print one line of JSON once it listens."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server, url, made = await start(port=port, latency=latency, accounts=accounts)
    gc.disable()  # what it remembers only grows, and none of it is garbage
    keys = [{"key": account.key, "secret": account.secret} for account in made]
    print(json.dumps({"url": url, "ws_url": "ws" + url.removeprefix("http"), "accounts": keys}), flush=True)  # noqa: T201
    await stop.wait()
    await server.stop()


def main() -> None:
    """Run a simulator in this process."""
    parser = argparse.ArgumentParser(description="A simulator of Binance.")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--latency", default="0:0", help="milliseconds that an answer takes, as LOW:HIGH")
    parser.add_argument("--accounts", type=int, default=0, help="how many accounts to begin with")
    options = parser.parse_args()
    low, _, high = options.latency.partition(":")
    uvloop.run(serve(options.port, (float(low), float(high or low)), options.accounts))


if __name__ == "__main__":
    main()
