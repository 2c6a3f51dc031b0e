"""A client of the simulator that signs as the documentation says, and WebSockets that are waited for."""

import hmac
import itertools
import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import requests
from websockets.sync.client import ClientConnection, connect

from tests.simulators.binance import ApiAccount, BinanceSimulator

DEADLINE_SECONDS = 10.0
FAPI, DAPI, API = "/fapi/v1/", "/dapi/v1/", "/api/v3/"


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its JSON, its headers."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> int:
        """Return the number of an error."""
        return int(self.body["code"])


def signature(secret: str, payload: str) -> str:
    """Return the HMAC-SHA256 of a payload in hex."""
    return hmac.new(secret.encode(), payload.encode(), "sha256").hexdigest()


class Client:
    """Signed and plain requests of one account."""

    def __init__(self, exchange: BinanceSimulator, account: ApiAccount) -> None:
        self.exchange = exchange
        self.account = account
        self._session = requests.Session()
        self._session.trust_env = False  # loopback needs no proxy
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    @property
    def key(self) -> str:
        """Return the API key."""
        return self.account.key

    def raw(self, method: str, target: str, body: str = "", **headers: str) -> Reply:
        """Send a request as it is."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        url = self.exchange.url + target
        answer = self._session.request(method, url, data=body, headers=sent, timeout=DEADLINE_SECONDS)
        return Reply(answer.status_code, answer.json(), answer.headers)

    def public(self, path: str, **params: Any) -> Any:
        """Return the body of a request without a key that must succeed."""
        reply = self.raw("GET", f"{path}?{urlencode(params)}")
        assert reply.status == 200, reply.body
        return reply.body

    def signed(self, method: str, path: str, **params: Any) -> Reply:
        """Send a signed request; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        given.setdefault("timestamp", int(time.time() * 1000))
        query = urlencode(given)
        target = f"{path}?{query}&signature={signature(self.account.secret, query)}"
        return self.raw(method, target, **{"X-MBX-APIKEY": self.key})

    def keyed(self, method: str, path: str) -> Reply:
        """Send a request with the key only."""
        return self.raw(method, path, **{"X-MBX-APIKEY": self.key})

    def ok(self, method: str, path: str, **params: Any) -> Any:
        """Return the body of a signed request that must succeed."""
        reply = self.signed(method, path, **params)
        assert reply.status == 200, reply.body
        return reply.body

    def market(self, path: str, symbol: str, side: str, quantity: Any, **params: Any) -> Any:
        """Place a market order that must be accepted; return the order as it is afterwards."""
        client_id = params.pop("newClientOrderId", f"m-{next(self._numbers)}")
        order = {"symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity, "newClientOrderId": client_id}
        self.ok("POST", f"{path}order", **order, **params)
        return self.ok("GET", f"{path}order", symbol=symbol, origClientOrderId=client_id)

    def limit(self, path: str, symbol: str, side: str, quantity: Any, price: Any, **params: Any) -> Any:
        """Place a limit order that must be accepted; return the answer."""
        order = {"symbol": symbol, "side": side, "type": "LIMIT", "quantity": quantity, "price": price}
        return self.ok("POST", f"{path}order", **{"timeInForce": "GTC", **order, **params})

    def order(self, path: str, symbol: str, client_id: str) -> Any:
        """Return an order by its client id."""
        return self.ok("GET", f"{path}order", symbol=symbol, origClientOrderId=client_id)

    def listen(self, market: str = "usd_m") -> "Socket":
        """Return a socket with the user data of a futures market."""
        path, prefix = (FAPI, "fstream") if market == "usd_m" else (DAPI, "dstream")
        key = self.keyed("POST", f"{path}listenKey").body["listenKey"]
        return Socket(self.exchange, f"/{prefix}/private/ws?listenKey={key}")


class Socket:
    """A WebSocket whose messages are waited for."""

    def __init__(self, exchange: BinanceSimulator, path: str) -> None:
        self._url = exchange.ws_url + path
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        door = connect(self._url, proxy=None, compression=None)
        self._link: ClientConnection = self._stack.enter_context(door)
        self.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def settle(self) -> None:
        """Wait until the server has seen everything so far."""
        self._link.ping().wait(DEADLINE_SECONDS)

    def say(self, **message: Any) -> Any:
        """Send a message; return its answer."""
        self._link.send(json.dumps(message))
        return self.hear()

    def hear(self) -> Any:
        """Return the next message."""
        return json.loads(self._link.recv(DEADLINE_SECONDS))

    def events(self, count: int) -> list[Any]:
        """Return the next so many messages."""
        return [self.hear() for _ in range(count)]

    def waiting(self) -> list[Any]:
        """Return what has arrived by now, if anything."""
        self.settle()
        arrived = []
        while True:
            try:
                arrived.append(json.loads(self._link.recv(0)))
            except TimeoutError:
                return arrived
