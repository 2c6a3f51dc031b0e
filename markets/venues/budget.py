"""The request budget that all processes share, in Redis: nobody calls a venue without asking here first.

After a 429 or 418 nobody in the pool calls until the venue takes requests again; orders go ahead of reads; what the
venue itself says it has counted corrects the count upwards. It costs one round trip per request, or one for many that
are about to be sent together. Where Redis is away, each process keeps the same rules for itself.
"""

import asyncio
import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from redis.exceptions import RedisError

from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.venues.budget_rules import Demand, Ledger, Pool, Ruling, Verdict
from markets.venues.budget_script import POSTPONE, RESERVE
from markets.venues.errors import RateLimited, Retryable
from markets.venues.redis_scripts import Scripts

logger = logging.getLogger(__name__)

PREFIX, HELD = "venue-budget:", "held"
# How long this process keeps to itself after Redis did not answer.
ALONE_SECONDS = 1.0
KEEP_MS = timedelta(days=2) // timedelta(milliseconds=1)
# Requests that were on their way together are told of one ban, each at its moment.
SAME_BAN_MS = 5000
NO_PATIENCE = timedelta(0)
# What was reserved ahead and is not used by then is reserved anew: the venue's spans go on.
AHEAD_SECONDS = 1.0
REMEMBERED = 20_000
# Of very many, so many are asked for at once: nobody else has his turn in Redis meanwhile.
ASKED_AT_ONCE = 1_000

_patience: ContextVar[timedelta] = ContextVar("patience", default=NO_PATIENCE)


@contextmanager
def patient(limit: timedelta) -> Iterator[None]:
    """Let calls in this block wait so long for their turn instead of being refused at once.

    It holds for coroutines that the block hands to the venue loop, too. Orders never wait.
    """
    token = _patience.set(limit)
    try:
        yield
    finally:
        _patience.reset(token)


@lru_cache(maxsize=REMEMBERED)
def fingerprint(key: str) -> str:
    """Return a name for the account of an API key that does not tell the key."""
    return hashlib.sha256(key.encode()).hexdigest()[:24]


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """A granted request: when it was granted by the budget's clock (ms), and by this process' own."""

    pool: Pool
    granted: int
    at: float

    def span_now(self) -> int:
        """Return the number of the present span of the pool's weight."""
        return (self.granted + int((time.monotonic() - self.at) * 1000)) // self.pool.weight.milliseconds


class Budget:
    """The budgets of all pools, as this process sees them."""

    def __init__(self, url: str) -> None:
        self._scripts = Scripts(url, (RESERVE, POSTPONE))
        self._ledgers: dict[str, Ledger] = {}
        self._ahead: defaultdict[tuple[str, Demand], list[Reservation]] = defaultdict(list)
        self._alone_until = 0.0
        self._alone = False

    async def reserve(self, pool: Pool, demand: Demand) -> Reservation:
        """Count a request that is about to be sent.

        Raises `RateLimited` where the pool is banned or exhausted, `Retryable` where the account has placed too many
        orders. Inside `patient` a read waits for its turn first.
        """
        if ahead := self.reserved(pool, demand):
            return ahead
        patience = NO_PATIENCE if demand.urgent else _patience.get()
        deadline = time.monotonic() + patience.total_seconds()
        while True:
            verdict = await self._ask(pool, demand)
            if verdict.ruling is Ruling.GRANTED:
                return Reservation(pool, verdict.now, time.monotonic())
            seconds = (verdict.until - verdict.now) / 1000
            if time.monotonic() + seconds > deadline:
                raise _refusal(pool, verdict)
            await asyncio.sleep(seconds)

    def reserved(self, pool: Pool, demand: Demand) -> Reservation | None:
        """Take what was reserved ahead, if anything: `reserve` does the same, and costs more where nothing is awaited.

        Nothing is taken where that was long ago, or somebody was told to stop since.
        """
        waiting = self._ahead.pop((pool.name, demand), None)
        if waiting is None or self._ledger(pool).stops(demand, int(time.time() * 1000)):
            return None
        found = waiting.pop()
        if time.monotonic() - found.at >= AHEAD_SECONDS:
            return None  # the others are older still
        if waiting:
            self._ahead[pool.name, demand] = waiting
        return found

    async def reserve_ahead(self, pool: Pool, demands: Sequence[Demand]) -> None:
        """Count requests that are about to be sent, together; all but their accounts are alike.

        `reserve` then finds them counted. Those that are refused here are refused there.
        """
        for start in range(0, len(demands), ASKED_AT_ONCE):
            asked = demands[start : start + ASKED_AT_ONCE]
            verdicts = await self._ask_all(pool, asked)
            at = time.monotonic()
            for demand, verdict in zip(asked, verdicts, strict=True):
                if verdict.ruling is Ruling.GRANTED:
                    self._ahead[pool.name, demand].append(Reservation(pool, verdict.now, at))

    def learn(self, reservation: Reservation, used: int) -> None:
        """Take note of the weight that the venue says was used; it goes to Redis with the next request."""
        self._ledger(reservation.pool).learn(used, reservation.span_now())

    async def ban(self, pool: Pool, until: datetime) -> None:
        """Let nobody in the pool call before `until`."""
        ledger, milliseconds = self._ledger(pool), to_milliseconds(until)
        if milliseconds > ledger.banned_until + SAME_BAN_MS:
            logger.warning("No requests to %s before %s", pool.name, until)
        ledger.ban(milliseconds)
        await self._postpone(_key(pool), "banned", until)

    async def hold(self, pool: Pool, account: str, until: datetime) -> None:
        """Let an account place nothing before `until`."""
        self._ledger(pool).hold(account, to_milliseconds(until))
        await self._postpone(_key(pool, HELD), account, until)

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._scripts.close()

    async def _ask(self, pool: Pool, demand: Demand) -> Verdict:
        (verdict,) = await self._ask_all(pool, (demand,))
        return verdict

    async def _ask_all(self, pool: Pool, demands: Sequence[Demand]) -> list[Verdict]:
        ledger = self._ledger(pool)
        reply = await self._shared(self._reserve_there(pool, demands, ledger))
        if reply is None:
            now = to_milliseconds(datetime.now(UTC))
            return [ledger.reserve(demand, now) for demand in demands]
        now, banned, *refused = (int(value) for value in reply)
        ledger.ban(banned)
        verdicts = [Verdict(Ruling.GRANTED, 0, now)] * len(demands)
        for number, ruling, until in zip(*(iter(refused),) * 3, strict=True):
            verdicts[number] = Verdict(Ruling(ruling), until, now)
        return verdicts

    def _reserve_there(self, pool: Pool, demands: Sequence[Demand], ledger: Ledger) -> Coroutine[Any, Any, Any]:
        demand = demands[0]
        number, used = ledger.seen()
        arguments: list[int | str] = [demand.weight, pool.weight.milliseconds, demand.allowed(pool)]
        spans = pool.orders if demand.places else ()
        arguments += [number, used, ledger.banned_until, KEEP_MS, len(spans)]
        for span in spans:
            arguments += [span.milliseconds, span.limit]
        arguments += [each.account for each in demands]
        counts = [_key(pool, f"orders:{span.milliseconds}") for span in spans]
        return self._scripts.run(RESERVE, [_key(pool), _key(pool, HELD), *counts], arguments)

    async def _postpone(self, key: str, field: str, until: datetime) -> None:
        milliseconds = to_milliseconds(until)
        keep = max(KEEP_MS, milliseconds - to_milliseconds(datetime.now(UTC)) + KEEP_MS)
        await self._shared(self._scripts.run(POSTPONE, [key], [field, milliseconds, keep]))

    async def _shared(self, question: Coroutine[Any, Any, Any]) -> Any:
        """Return what Redis says, or None where this process is on its own."""
        if time.monotonic() < self._alone_until:
            question.close()
            return None
        try:
            answer = await question
        except (RedisError, OSError, TimeoutError) as error:
            self._alone_until = time.monotonic() + ALONE_SECONDS
            if not self._alone:
                logger.warning("Redis is away (%s): request budgets are kept by each process", type(error).__name__)
            self._alone = True
            return None
        if self._alone:
            logger.info("Redis is back: request budgets are shared again")
        self._alone = False
        return answer

    def _ledger(self, pool: Pool) -> Ledger:
        ledger = self._ledgers.get(pool.name)
        if ledger is None:
            ledger = self._ledgers[pool.name] = Ledger(pool)
        return ledger


def _key(pool: Pool, what: str = "") -> str:
    return f"{PREFIX}{pool.name}:{what}" if what else f"{PREFIX}{pool.name}"


def _refusal(pool: Pool, verdict: Verdict) -> RateLimited | Retryable:
    until = from_milliseconds(verdict.until)
    if verdict.ruling is Ruling.TOO_MANY_ORDERS:
        wait = timedelta(milliseconds=verdict.until - verdict.now)
        return Retryable("The account has placed as many orders as its venue takes for now.", after=wait)
    word = "refuses requests" if verdict.ruling is Ruling.BANNED else "has been asked as much as it allows"
    return RateLimited(f"{pool.name} {word} until {until:%H:%M:%S} UTC.", until=until)
