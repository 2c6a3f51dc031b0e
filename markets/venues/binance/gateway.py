"""The way to one house of Binance and back: budget, clock, signature, and what the answer means.

Orders are sent once, whatever happens. Every other request that the house found too old or too early is signed anew
and sent once more, after this machine's clock has been compared with the house's.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, NoReturn

from markets.venues.base import AccountAccess, Credentials
from markets.venues.binance.client import Client
from markets.venues.binance.endpoints import (
    ENDPOINTS,
    LISTS,
    MAY_BE_LISTS,
    PLACING,
    URGENT,
    WRITING,
    Call,
    Endpoint,
)
from markets.venues.binance.errors import SOON, error_of, failure
from markets.venues.binance.houses import House
from markets.venues.budget import Budget, Reservation, fingerprint
from markets.venues.budget_rules import Demand
from markets.venues.deadline import check_deadline
from markets.venues.errors import (
    AuthFailed,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.http import Answer, NoAnswerError, NotSentError, Transport, UnreadableError

USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
CLOCK_IS_OFF = "-1021"
ORDER_COUNT = "-1015"
# A reading of the clock that took longer is used, but not kept.
LONGEST_READING_SECONDS = 1.0
# What reading an answer raises where something is missing in it, or malformed.
NOT_UNDERSTOOD = (UnreadableError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError)


class Understanding:
    """A block in which an answer is read; what it raises for that becomes the error that it means."""

    __slots__ = ("_writes",)

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes

    def __enter__(self) -> None:
        """Begin to read."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise `OutcomeUnknown` or `Retryable` where the answer could not be read."""
        if isinstance(error, NOT_UNDERSTOOD):
            raise unreadable(writes=self._writes) from error


AFTER_READING, AFTER_WRITING = Understanding(writes=False), Understanding(writes=True)


class Gateway:
    """Calls to one house. It belongs to the loop on which it is first used."""

    def __init__(self, house: House, *, budget: Budget, timeout_seconds: float) -> None:
        self.house = house
        self.transport = Transport(timeout_seconds)
        self.client = Client(house, self.transport)
        self._budget = budget
        self._endpoints = ENDPOINTS[house.kind]
        self._clock_read = 0.0
        self._clock_is_sure = False
        self._clock_lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def ask(self, call: Call, params: Mapping[str, Any], *, weight: int | None = None) -> Any:
        """Ask what needs no key; return the decoded answer."""
        return await self._once(call, params, None, weight)

    async def signed(
        self, account: AccountAccess, call: Call, params: Mapping[str, Any], *, weight: int | None = None
    ) -> Any:
        """Ask for an account; return the decoded answer."""
        credentials = account.credentials
        if credentials is None or not (credentials.key and credentials.secret):
            raise AuthFailed("The account has no key.")
        if not self._clock_is_sure:
            await self.compare_clocks()
        asked = time.monotonic()
        try:
            return await self._once(call, params, credentials, weight)
        except Retryable as error:
            if error.code != CLOCK_IS_OFF:
                raise
            await self.compare_clocks(since=asked)
            if call in PLACING:
                raise
        return await self._once(call, params, credentials, weight)

    async def expect(self, call: Call, accounts: Iterable[AccountAccess]) -> None:
        """Reserve the budget for a call of each of these accounts, which is about to be made, in one round trip."""
        endpoint = self._endpoint(call)
        keys = [fingerprint(account.credentials.key) for account in accounts if account.credentials]
        if keys:
            demands = [_demand(call, endpoint.weight, key) for key in keys]
            await self._budget.reserve_ahead(self.house.pools[endpoint.pool], demands)

    async def compare_clocks(self, *, since: float = 0.0) -> None:
        """Learn how far this machine's clock is off, once, or anew where that was before `since` (monotonic)."""
        asked = time.monotonic()
        if self._is_compared(since):
            return
        async with self._lock():
            # Whoever has waited here takes what was read meanwhile, sure or not.
            if self._clock_read < asked and not self._is_compared(since):
                await self._read_clock()

    def _is_compared(self, since: float) -> bool:
        return self._clock_is_sure and self._clock_read >= since

    async def _read_clock(self) -> None:
        """Take the venue's time for the time when its answer came.

        It is later there by then: so nothing is signed with a time that is yet to come, and no request lives longer
        than its lifetime says.
        """
        started = time.monotonic()
        reply = await self._once(Call.TIME, {}, None, None)
        with self.understood():
            there = int(reply["serverTime"])
        self.client.set_time_difference(int(time.time() * 1000) - there)
        self._clock_read = time.monotonic()
        self._clock_is_sure = self._clock_read - started <= LONGEST_READING_SECONDS

    async def close(self) -> None:
        """Close the connections."""
        await self.transport.close()
        await self._budget.close()

    def understood(self, *, writes: bool = False) -> Understanding:
        """Turn what is missing or malformed in an answer, read in this block, into the error that it means."""
        return AFTER_WRITING if writes else AFTER_READING

    async def _once(
        self, call: Call, params: Mapping[str, Any], credentials: Credentials | None, weight: int | None
    ) -> Any:
        endpoint = self._endpoint(call)
        account = fingerprint(credentials.key) if credentials else ""
        demand = _demand(call, endpoint.weight if weight is None else weight, account)
        pool = self.house.pools[endpoint.pool]
        reservation = self._budget.reserved(pool, demand) or await self._budget.reserve(pool, demand)
        try:
            answer = await self._request(call, endpoint, credentials, params)
        except (NotSentError, NoAnswerError, ValueError) as error:
            self._raise_unanswered(error, call)
        self._learn(endpoint, answer, reservation)
        try:
            body = _decoded(answer)
            if _is_success(answer, body):
                return _shaped(body, call)
            raise await self._failed(answer, body, call, reservation, account)
        except NOT_UNDERSTOOD as error:
            raise unreadable(writes=call in WRITING) from error

    def _request(
        self, call: Call, endpoint: Endpoint, credentials: Credentials | None, params: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Answer]:
        if call in PLACING:
            check_deadline()  # the last thing before the request is signed with the time that it is then
        return self.client.send(credentials, endpoint.api, endpoint.method, endpoint.path, params)

    def _raise_unanswered(self, error: NotSentError | NoAnswerError | ValueError, call: Call) -> NoReturn:
        if isinstance(error, ValueError):
            # Signing failed; the cause is not kept, since it may show what it could not read.
            raise AuthFailed("The key or its secret cannot sign.") from None
        if isinstance(error, NotSentError):
            raise VenueDown(f"{self.house.slug} cannot be reached ({error}).") from error
        message = f"{self.house.slug} did not answer ({error})."
        raise (OutcomeUnknown(message) if call in WRITING else VenueDown(message)) from error

    def _learn(self, endpoint: Endpoint, answer: Answer, reservation: Reservation) -> None:
        used = "" if endpoint.pool else answer.headers.get(USED_WEIGHT, "")  # it counts the house's own pool
        if used.isdigit():
            self._budget.learn(reservation, int(used))

    async def _failed(
        self, answer: Answer, body: Any, call: Call, reservation: Reservation, account: str
    ) -> VenueError:
        """Return the error that an answer means, after everyone whom it concerns was told."""
        now = datetime.now(UTC)
        what = failure(answer.status, answer.headers, body)
        error = error_of(what, kind=self.house.kind, writes=call in WRITING, now=now)
        await self._tell_everyone(error, reservation, account, now)
        return error

    async def _tell_everyone(self, error: VenueError, reservation: Reservation, account: str, now: datetime) -> None:
        if isinstance(error, RateLimited):
            await self._budget.ban(reservation.pool, error.until)
        elif isinstance(error, Retryable) and error.code == ORDER_COUNT:
            await self._budget.hold(reservation.pool, account, now + error.after)

    def _endpoint(self, call: Call) -> Endpoint:
        try:
            return self._endpoints[call]
        except KeyError:
            raise NotSupported(f"{self.house.slug} has no {call.name.lower().replace('_', ' ')}.") from None

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._clock_lock is None or self._clock_lock[0] is not loop:
            self._clock_lock = loop, asyncio.Lock()
        return self._clock_lock[1]


def _demand(call: Call, weight: int, account: str) -> Demand:
    return Demand(weight=weight, urgent=call in URGENT, account=account, places=call in PLACING)


def _is_success(answer: Answer, body: Any) -> bool:
    code = body.get("code") if isinstance(body, dict) else None
    return 200 <= answer.status < 300 and not (isinstance(code, int) and code < 0)


def _decoded(answer: Answer) -> Any:
    """Return the body, or its text where it is not JSON."""
    try:
        return answer.json()
    except UnreadableError:
        return answer.body.decode(errors="replace").strip()


def _shaped(body: Any, call: Call) -> Any:
    """Return the body where it is of the documented kind: what is no list must not pass for an empty one."""
    fits = call not in LISTS if isinstance(body, dict) else isinstance(body, list) and call in MAY_BE_LISTS
    if not fits:
        raise UnreadableError(f"{call.name} was answered with {type(body).__name__}")
    return body


def unreadable(*, writes: bool) -> VenueError:
    """Return what an answer means that was not understood."""
    message = "The venue's answer cannot be read."
    return OutcomeUnknown(message) if writes else Retryable(message, after=SOON)
