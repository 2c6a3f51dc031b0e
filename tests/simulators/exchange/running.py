"""Starting a simulator in an event loop, and calling its control API."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.simulators.exchange.server import ExchangeServer
from tests.simulators.exchange.venue import Venue

CALL_SECONDS = 30.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy

Amount = Decimal | str | int
Balances = Mapping[str, Mapping[str, Amount]]


@dataclass(frozen=True, slots=True)
class ApiAccount:
    """An API key of the simulator with its secret."""

    key: str
    secret: str
    uid: int


class ControlFailed(Exception):
    """The simulator did not carry out a command; the text says why."""


async def start(
    *, port: int = 0, latency: tuple[float, float] = (0, 0), accounts: int = 0
) -> tuple[ExchangeServer, str, list[ApiAccount]]:
    """Start a server in the running loop; return it with its address and the accounts that it begins with."""
    venue = Venue(latency)
    made = [venue.open_account() for _ in range(accounts)]
    server = ExchangeServer(venue)
    bound = await server.start(port)
    rows = [ApiAccount(account.key, account.secret, account.uid) for account in made]
    return server, f"http://127.0.0.1:{bound}", rows


def call(url: str, command: str, **options: Any) -> Any:
    """Carry out a command of the control API; return its result."""
    request = urllib.request.Request(f"{url}/_control/{command}", json.dumps(options).encode(), method="POST")
    try:
        with DIRECT.open(request, timeout=CALL_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as failure:
        with failure:
            raise ControlFailed(failure.read().decode()) from None


def text(value: Amount | None) -> str | None:
    """Write an amount for JSON without losing digits."""
    return None if value is None else str(value)


def texts(balances: Balances | None) -> dict[str, dict[str, str]] | None:
    """Write the amounts of balances for JSON."""
    if balances is None:
        return None
    return {market: {asset: str(amount) for asset, amount in held.items()} for market, held in balances.items()}
