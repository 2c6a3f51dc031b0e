"""A Bybit (v5, unified account) that runs on loopback, with spot and linear contracts of Bitcoin.

    with BybitSimulator() as exchange:
        account = exchange.account({"USDT": "1000"})
        exchange.price("linear", "77000")
        exchange.fault("drop_after", path="/v5/order/create")
        venue = GenericVenue("bybit", address=exchange.url)

Shapes are those that ccxt's source quotes (`ccxt/bybit.py`). Signatures, receive windows and duplicate client ids are
checked as Bybit does; money is kept by the pure engine of the paper venue.
"""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from markets.venues.paper.facts import Balance, Ledger
from tests.simulators.bybit import KINDS, Account, Exchange, Refusal, digits

HOST = "127.0.0.1"
START_SECONDS = 10.0


class BybitSimulator:
    """The exchange behind HTTP, on a thread of its own; faults hold for the next request to a path."""

    def __init__(self, categories: Iterable[str] = tuple(KINDS)) -> None:
        self.exchange = Exchange(categories)
        self.requests: Counter[str] = Counter()
        self._faults: list[tuple[str, str, float]] = []
        self._keys = count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bybit", daemon=True)
        self._runner: web.ServerRunner | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        port = self._run(self._start())
        self.url = f"http://{HOST}:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def account(self, balances: dict[str, str], *, wallet: tuple[str, ...] = ()) -> Account:
        """Return a new key that owns these coins; `wallet` are its permissions to move money."""
        number = next(self._keys)
        permissions = {"Spot": ["SpotTrade"], "ContractTrade": ["Order", "Position"], "Wallet": list(wallet)}
        coins = {asset: Balance(Decimal(amount)) for asset, amount in balances.items()}
        made = Account(f"bybit-key-{number}", f"bybit-secret-{number}", permissions, Ledger(coins, leverage=10))
        self._run(self._call(lambda: self.exchange.accounts.__setitem__(made.key, made)))
        return made

    def price(self, category: str, price: Decimal | str) -> None:
        """Move a market."""
        self._run(self._call(lambda: self.exchange.price(category, Decimal(price))))

    def fill(self, key: str, number: str, quantity: Decimal) -> None:
        """Fill a part of a resting order."""
        self._run(self._call(lambda: self.exchange.fill(key, int(number), quantity)))

    def fault(self, kind: str, *, path: str, seconds: float = 60.0) -> None:
        """Let the next request to a path go wrong.

        Kinds: drop_before, drop_after, timeout, garbage, expired, limit, banned.
        """
        self._faults.append((kind, path, seconds))

    async def _call(self, function: Any) -> None:
        function()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(START_SECONDS)

    async def _start(self) -> int:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, 0).start()
        return int(self._runner.addresses[0][1])

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        body = await request.text() if request.can_read_body else ""
        self.requests[path] += 1
        fault = next((each for each in self._faults if each[1] == path), None)
        if fault is not None:
            self._faults.remove(fault)
        kind = fault[0] if fault else ""
        if kind in {"drop_before", "expired", "limit", "banned"}:
            return self._refused(request, kind, fault[2] if fault else 0)
        reply = self._reply(request, path, query, body)
        match kind:
            case "drop_after":
                return self._dropped(request)
            case "timeout":
                return web.Response(status=504, text="<html>504 Gateway Time-out</html>")
            case "garbage":
                return web.Response(text="\x00<!-- upstream connect error")
        return web.Response(text=json.dumps(reply, default=digits), content_type="application/json")

    def _refused(self, request: web.BaseRequest, kind: str, seconds: float) -> web.StreamResponse:
        if kind == "drop_before":
            return self._dropped(request)
        if kind == "banned":
            return web.Response(status=403, text="access too frequent. Please wait for 10min")
        reset = str(int((time.time() + seconds) * 1000))
        code = (
            (10006, "Too many visits!") if kind == "limit" else (10002, "invalid request, please check your timestamp")
        )
        reply = {"retCode": code[0], "retMsg": code[1], "result": {}, "time": int(time.time() * 1000)}
        return web.json_response(reply, headers={"X-Bapi-Limit-Reset-Timestamp": reset} if kind == "limit" else {})

    def _dropped(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        return web.Response()

    def _reply(self, request: web.BaseRequest, path: str, query: str, body: str) -> dict[str, Any]:
        values = json.loads(body) if body else dict(parse_qsl(query))
        try:
            account = self._authenticated(request, body or query)
            result = self.exchange.answer(request.method, path, values, account)
        except Refusal as refusal:
            return {"retCode": refusal.code, "retMsg": refusal.message, "result": {}, "time": int(time.time() * 1000)}
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": int(time.time() * 1000)}

    def _authenticated(self, request: web.BaseRequest, payload: str) -> Account | None:
        key = request.headers.get("X-BAPI-API-KEY")
        if key is None:
            return None
        account = self.exchange.accounts.get(key)
        if account is None:
            raise Refusal(10003, "API key is invalid.")
        moment, window = request.headers["X-BAPI-TIMESTAMP"], request.headers["X-BAPI-RECV-WINDOW"]
        if abs(time.time() * 1000 - int(moment)) > int(window):
            raise Refusal(10002, "invalid request, please check your server timestamp or recv_window param.")
        text = f"{moment}{key}{window}{payload}"
        expected = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, request.headers["X-BAPI-SIGN"]):
            raise Refusal(10004, "error sign! origin_string does not match")
        return account
