"""Pushes the demo world's present through the real endpoint, for ever and politely, and tells its prices."""

import time
from collections.abc import Callable

import requests
from django.db import close_old_connections
from django.utils import timezone

from copytrade.ops.demo.prices import DemoPrices
from copytrade.ops.demo.world import World, report

PATH = "/ingest/binance-copytrade"
TIMEOUT = (3, 10)  # to connect, to answer
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
MOST_AT_ONCE = 3


class KeyRefused(Exception):
    """The endpoint does not know the key (any more)."""


class PushRefused(Exception):
    """The endpoint does not take what was pushed, and never will."""


class Endpoint:
    """The ingest endpoint; says in one line whenever it begins to answer otherwise than before."""

    def __init__(self, base_url: str, key: str, say: Callable[[str], None]) -> None:
        self._url = base_url.rstrip("/") + PATH
        self._say = say
        self._state = ""
        self._pause = FIRST_PAUSE
        self._session = requests.Session()
        self._session.trust_env = False  # the way to this machine leads through no proxy
        self._session.headers.update({"X-API-Key": key, "Content-Type": "application/json"})

    def deliver(self, body: bytes) -> None:
        """Push until it is taken. Raises `KeyRefused` or `PushRefused` where that never happens."""
        while (pause := self._push(body)) is not None:
            time.sleep(pause)

    def _push(self, body: bytes) -> float | None:
        """Push once; return the seconds to wait before the next try, None where the body was taken."""
        try:
            answer = self._session.post(self._url, data=body, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            return self._wait(f"no answer ({type(error).__name__})")
        if answer.status_code in {401, 403}:
            raise KeyRefused
        if answer.status_code == 429:
            return self._wait("too many pushes (429)", answer.headers.get("Retry-After", ""))
        if answer.status_code >= 500:
            return self._wait(f"it fails ({answer.status_code})", answer.headers.get("Retry-After", ""))
        if answer.status_code != 200:
            raise PushRefused(f"{answer.status_code}: {answer.text[:300]}")
        self._tell("taken")
        self._pause = FIRST_PAUSE
        return None

    def _wait(self, state: str, retry_after: str = "") -> float:
        self._tell(state)
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return float(retry_after) if retry_after.isdecimal() else pause

    def _tell(self, state: str) -> None:
        if state != self._state:
            self._say(f"Pushes to {self._url}: {state}.")
        self._state = state


def feed(world: World, endpoint: Endpoint, prices: DemoPrices, *, interval: float, count: int | None) -> None:
    """Tell prices and push a report of a few leaders at each tick, until `count` pushes are done (None: for ever)."""
    at_once = max(1, min(MOST_AT_ONCE, int(interval)))  # one a second: well below the budget of a key
    pushed = 0
    while count is None or pushed < count:
        began = time.monotonic()
        world.advance(interval)
        close_old_connections()  # one that broke is replaced
        prices.tell(world.market.prices)
        for leader in world.next_leaders(at_once, timezone.now()):
            endpoint.deliver(report(leader))
            pushed += 1
        time.sleep(max(0.0, interval - (time.monotonic() - began)))
