"""What the tests of the order proxy share: a Binance on loopback, and callers with keys."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from copytrade.accounts.models import User
from copytrade.accounts.services import api_key_create
from markets.venues import registry
from markets.venues.base import Credentials
from orders.models import Credential, Mode, TradingAccount
from orders.selectors.recent import VENUES
from orders.vault import seal
from tests.factories import make_account, make_market, make_user
from tests.simulators.binance import BinanceSimulator

SPOT_LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.001",
    "price": "50000.00",
}
USDM_LIMIT = {**SPOT_LIMIT, "quantity": "0.002"}
KEY, SECRET = "k" * 64, "s" * 64


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    body: Any
    headers: Any

    @property
    def data(self) -> Any:
        assert self.body["success"], self.body
        return self.body["data"]

    @property
    def error(self) -> Any:
        assert not self.body["success"], self.body
        return self.body["error"]

    @property
    def problems(self) -> dict[str, str]:
        return {problem["path"]: problem["message"] for problem in self.error["details"]["errors"]}


class Caller:
    """A program with a key of a user."""

    def __init__(self, user: User, *scopes: str) -> None:
        self.user = user
        self.headers = {"X-API-Key": api_key_create(name="n8n", scopes=scopes or ["trade"], user=user)[1]}

    def post(self, path: str, body: Any, *, key: str | None = None) -> Answer:
        """Post to a route of the proxy."""
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return self._send("post", path, headers, data=content, content_type="application/json")

    def get(self, path: str, **query: Any) -> Answer:
        """Get a route of the proxy."""
        return self._send("get", path, self.headers, query_params=query)

    def delete(self, path: str, **query: Any) -> Answer:
        """Cancel at a route of the proxy."""
        return self._send("delete", path, self.headers, query_params=query)

    def _send(self, method: str, path: str, headers: dict[str, str], **options: Any) -> Answer:
        response = getattr(Client(), method)(f"/api/binance/{path}", headers=headers, **options)
        return Answer(response.status_code, response.json(), response.headers)


@pytest.fixture(scope="module")
def binance_process() -> Iterator[BinanceSimulator]:
    """A Binance for the tests of a module."""
    with BinanceSimulator() as running:
        yield running


@pytest.fixture
def binance(binance_process: BinanceSimulator, settings: Any) -> Iterator[BinanceSimulator]:
    """The Binance that the venues speak to, as new; live trading is on."""
    binance_process.reset()
    binance_process.account(KEY, SECRET)
    for house in ("SPOT", "USDM", "COINM"):
        setattr(settings, f"BINANCE_{house}_URL", binance_process.url)
    settings.LIVE_TRADING = True
    settings.ORDER_RATE_LIMIT_MAX = settings.API_RATE_LIMIT_MAX = 10_000
    registry.adapters_close()
    yield binance_process
    registry.adapters_close()


def live_account(user: User, venue: str = "binance", **values: Any) -> TradingAccount:
    """Return a live account that may trade, with the simulator's key."""
    account = make_account(user=user, venue=venue, mode=Mode.LIVE, live_enabled=True, **values)
    ciphertext, key_id = seal(Credentials(KEY, SECRET), account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="kkkk", can_trade=True)
    return account


@pytest.fixture
def ada(db: None) -> Caller:
    """Ada's program, with a live account at each of the three venues."""
    user = make_user(username="ada")
    for venue in VENUES.values():
        make_market(venue=venue)
        live_account(user, venue)
    return Caller(user)


def at(user: User, venue: str) -> TradingAccount:
    """Return the user's account at a venue."""
    return TradingAccount.objects.get(user=user, venue=venue)
