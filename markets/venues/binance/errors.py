"""What Binance's refusals mean for us, by HTTP status, code, text and market (pure).

Source: the error pages of the three APIs. The same number may mean different things on spot and on futures.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from copytrade.lib.wire import from_milliseconds
from markets.venues.binance.error_codes import (
    ANYWHERE,
    AUTHENTICATION,
    BUSY,
    DUPLICATE,
    EXPIRED_REQUEST,
    FILTERS,
    FUTURES,
    MESSAGES,
    PASSING,
    SPOT,
    UNKNOWN_OUTCOME,
)
from markets.venues.errors import (
    AuthFailed,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.vocabulary import MarketKind

SOON = timedelta(seconds=1)
AT_ONCE = timedelta(0)
AFTER_BUSY = timedelta(milliseconds=400)
AFTER_429 = timedelta(minutes=1)
AFTER_418 = timedelta(minutes=2)
AFTER_FIREWALL = timedelta(minutes=5)
AFTER_ORDER_COUNT = timedelta(seconds=10)
# Statuses that a gateway gives before anything reached the matching engine.
BEFORE_THE_ENGINE = frozenset({401, 404, 405, 413, 414})
ORDER_COUNT = -1015
TOO_MANY_REQUESTS = -1003
DISCONNECTED = -1001
SHUTTING_DOWN = -1016
REFUSED_503 = "Service Unavailable."

BANNED_UNTIL = re.compile(r"banned until (\d{13})")
FILTER = re.compile(r"Filter failure: ([A-Z_]+)")


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that is no success. `code` is None where the body is not Binance's; `retry_after` in seconds."""

    status: int
    code: int | None
    message: str
    retry_after: int | None = None


def failure(status: int, headers: Mapping[str, str], body: object) -> Failure:
    """Return the failure that an answer tells of; `body` is decoded JSON, or the text where it was none."""
    wait = headers.get("Retry-After", "")
    seconds = int(wait) if wait.isascii() and wait.isdigit() else None
    if isinstance(body, dict) and "msg" in body:
        code = body.get("code")
        return Failure(status, code if isinstance(code, int) else None, str(body["msg"]), seconds)
    if body == REFUSED_503:
        return Failure(status, None, REFUSED_503, seconds)
    return Failure(status, None, f"HTTP {status} without a message of the venue", seconds)


def error_of(what: Failure, *, kind: MarketKind, writes: bool, now: datetime) -> VenueError:
    """Return the error to raise. `writes`: whether the request would have changed something."""
    return (
        _limited(what, now)
        or _by_code(what, kind, writes=writes)
        or _by_status(what, writes=writes)
        or _make(Rejected, what, reason=_reason(what, kind))
    )


def unknown(what: Failure, *, writes: bool) -> VenueError:
    """Return the error for an answer that leaves open what happened."""
    return _make(OutcomeUnknown, what) if writes else _make(Retryable, what, after=SOON)


def _limited(what: Failure, now: datetime) -> VenueError | None:
    wait = None if what.retry_after is None else timedelta(seconds=what.retry_after)
    if what.code == ORDER_COUNT:
        # Only this account has sent too many orders; the others on this address may go on.
        return _make(Retryable, what, after=wait or AFTER_ORDER_COUNT)
    if what.status == 403 and what.code is None:
        return _make(RateLimited, what, until=now + (wait or AFTER_FIREWALL))
    if what.status not in {429, 418} and what.code != TOO_MANY_REQUESTS:
        return None
    default = AFTER_418 if what.status == 418 else AFTER_429
    named = BANNED_UNTIL.search(what.message)
    until = from_milliseconds(int(named[1])) if named else now + (wait or default)
    return _make(RateLimited, what, until=max(until, now + (wait or timedelta(0))))


def _by_code(what: Failure, kind: MarketKind, *, writes: bool) -> VenueError | None:
    code, futures = what.code, kind is not MarketKind.SPOT
    if what.status == 503 and what.message == REFUSED_503:
        return _make(Retryable, what, after=AFTER_BUSY)
    if code in AUTHENTICATION:
        return _make(AuthFailed, what)
    if code in EXPIRED_REQUEST:
        return _make(Retryable, what, after=AT_ONCE)
    if code in BUSY:
        return _make(Retryable, what, after=AFTER_BUSY)
    if code == DISCONNECTED and futures:
        return _make(Retryable, what, after=AFTER_BUSY)
    if code in PASSING:
        return _make(Retryable, what, after=SOON)
    if code == SHUTTING_DOWN and what.status < 500:
        return _make(VenueDown, what)
    if code in DUPLICATE or (code == -2010 and "Duplicate order" in what.message):
        # The order that is there may be the very one that this request repeats.
        return unknown(what, writes=writes)
    if code in UNKNOWN_OUTCOME or code == DISCONNECTED:
        return unknown(what, writes=writes)
    return None


def _by_status(what: Failure, *, writes: bool) -> VenueError | None:
    status = what.status
    if status >= 500:
        return unknown(what, writes=True) if writes else _make(VenueDown, what)
    if status == 451 or 300 <= status < 400:
        return _make(VenueDown, what)
    if status == 401:
        return _make(AuthFailed, what)
    if what.code is None and status not in BEFORE_THE_ENGINE:
        return unknown(what, writes=writes)
    return None


def _reason(what: Failure, kind: MarketKind) -> RejectReason:
    code = what.code or 0
    if named := FILTER.search(what.message):
        return FILTERS.get(named[1], RejectReason.BAD_PARAMETERS)
    if code in {-2010, -2011, -1013}:
        for text, reason in MESSAGES:
            if text in what.message:
                return reason
    own = SPOT if kind is MarketKind.SPOT else FUTURES
    return own.get(code) or ANYWHERE.get(code) or RejectReason.REFUSED


def _make(error: type[VenueError], what: Failure, **more: object) -> VenueError:
    return error(what.message, code="" if what.code is None else str(what.code), status=what.status, **more)
