"""Request weights, order counts, and what happens to who goes on too long."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.kinds import SPOT, Market
from tests.simulators.exchange.refusals import Refusal

MINUTE_MS = 60_000
SPANS: Mapping[str, int] = {"10S": 10_000, "1M": MINUTE_MS, "1D": 86_400_000}
WORDS: Mapping[str, str] = {"10S": "10 SECOND", "1M": "1 MINUTE", "1D": "1 DAY"}
ORDERS: Mapping[str, Mapping[str, int]] = {
    "spot": {"10S": 50, "1D": 160_000},
    "futures": {"10S": 300, "1M": 1200},
}
WEIGHTS: Mapping[str, int] = {"spot": 6000, "futures": 2400}
PATIENCE = 5  # so many answers of 429 in a minute before the ban


def pool_of(market: Market) -> str:
    """Return the name of the pool that a market counts in; both futures markets share one."""
    return "spot" if market is SPOT else "futures"


@dataclass(slots=True)
class Pool:
    """The weight that one address has used in the present minute."""

    limit: int
    minute: int = 0
    used: int = 0
    refused: int = 0
    banned_until: int = 0


class Limits:
    """Everything is counted; it is refused only where `enforced`. Bans always hold."""

    def __init__(self) -> None:
        self.enforced = False
        self.ban_ms = 120_000
        self.banned_calls = 0
        self.orders = {name: dict(limits) for name, limits in ORDERS.items()}
        self.pools = {name: Pool(limit) for name, limit in WEIGHTS.items()}
        self._pool_of = {market: self.pools[pool_of(market)] for market in Market}

    def admit(self, market: Market, now: int, weight: int) -> int:
        """Count a request and return the weight used so far; refuse with 418 in a ban, 429 above the limit."""
        pool = self._pool_of[market]
        if now < pool.banned_until:
            self.banned_calls += 1
            raise self._banned(pool, now)
        minute = now // MINUTE_MS
        if minute != pool.minute:
            pool.minute, pool.used, pool.refused = minute, 0, 0
        pool.used += weight
        if self.enforced and pool.used > pool.limit:
            raise self._over(pool, now)
        return pool.used

    def ban(self, pools: list[str], now: int, milliseconds: int) -> None:
        """Answer 418 for so long."""
        for name in pools:
            self.pools[name].banned_until = now + milliseconds

    def count_order(self, account: Account, market: Market, now: int) -> str:
        """Count an order; return the headers that say so, or refuse with -1015 where limits are enforced."""
        pool = pool_of(market)
        windows, headers = account.windows[pool], ""
        for span, limit in self.orders[pool].items():
            window, number = windows[span], now // SPANS[span]
            if window.number != number:
                window.number, window.count = number, 0
            count = window.count = window.count + 1
            headers += f"X-MBX-ORDER-COUNT-{span}: {count}\r\n"
            if self.enforced and count > limit:
                message = f"Too many new orders; current limit is {limit} orders per {WORDS[span]}."
                raise Refusal(-1015, message, status=429, headers=_retry(SPANS[span] - now % SPANS[span]))
        return headers

    def _over(self, pool: Pool, now: int) -> Refusal:
        pool.refused += 1
        if pool.refused > PATIENCE:
            pool.banned_until = now + self.ban_ms
            return self._banned(pool, now)
        return too_many(pool.limit, MINUTE_MS - now % MINUTE_MS)

    @staticmethod
    def _banned(pool: Pool, now: int) -> Refusal:
        message = (
            f"Way too much request weight used; IP banned until {pool.banned_until}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return Refusal(-1003, message, status=418, headers=_retry(pool.banned_until - now))


def too_many(limit: int, milliseconds: int) -> Refusal:
    """Return the answer 429 that asks to wait for so long."""
    message = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return Refusal(-1003, message, status=429, headers=_retry(milliseconds))


def _retry(milliseconds: int) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(milliseconds / 1000)))}
