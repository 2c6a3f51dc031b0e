"""Mark price and open interest: asked of the venue, kept in Redis for a moment, and shown with their age.

Where the venue fails, the last answer is shown and marked as stale; without Redis every call asks the venue.
"""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib import loop
from copytrade.lib.redis import client
from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.models import Market
from markets.refusals import refusal_of
from markets.venues import registry
from markets.venues.base import Venue
from markets.venues.errors import NotSupported, Rejected, VenueError
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

MARK_PRICE_AGE = timedelta(seconds=2)
OPEN_INTEREST_AGE = timedelta(seconds=15)
HISTORY_AGE = timedelta(seconds=60)
KEPT_SECONDS = 24 * 3600
FAILED_SECONDS = 10  # so long a venue that failed is not asked again where an answer is at hand
HASTE_SECONDS = 2  # and with one at hand nobody waits longer for a fresh one

Question = Coroutine[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What the venue said, in its own words, and when. `stale`: it was asked again, and failed."""

    data: Any
    fetched_at: datetime
    stale: bool = False


def mark_price(market: Market) -> LiveAnswer:
    """Return mark price, index price and funding, at most 2 seconds old unless stale. Raises an ApplicationError."""
    symbol, kind = market.symbol, MarketKind(market.kind)
    return _answer(market, "mark", lambda venue: venue.mark_price(symbol, kind), MARK_PRICE_AGE)


def open_interest(market: Market) -> LiveAnswer:
    """Return the open interest, at most 15 seconds old unless stale. Raises an ApplicationError."""
    symbol, kind = market.symbol, MarketKind(market.kind)
    return _answer(market, "interest", lambda venue: venue.open_interest(symbol, kind), OPEN_INTEREST_AGE)


def open_interest_history(
    market: Market, *, period: str, limit: int, start: datetime | None = None, end: datetime | None = None
) -> LiveAnswer:
    """Return the history of the open interest, at most a minute old unless stale. Raises an ApplicationError."""

    def ask(venue: Venue) -> Question:
        kind = MarketKind(market.kind)
        return venue.open_interest_history(market.symbol, kind, period, limit=limit, start=start, end=end)

    span = ":".join("" if moment is None else str(to_milliseconds(moment)) for moment in (start, end))
    return _answer(market, f"interest-history:{period}:{limit}:{span}", ask, HISTORY_AGE)


def _answer(market: Market, what: str, ask: Callable[[Venue], Question], age: timedelta) -> LiveAnswer:
    """Return the kept answer while it is young, or as stale just after a failure; else ask the venue."""
    key = f"copytrade:live:{market.venue}:{market.kind}:{market.symbol}:{what}"
    (known, failed), now = _read(key), timezone.now()
    if known is not None and now - known.fetched_at <= age:
        return known
    if known is not None and failed:
        return replace(known, stale=True)
    wait = settings.VENUE_TIMEOUT_SECONDS
    try:
        data = loop.run(
            ask(registry.adapter(market.venue)), timeout=wait if known is None else min(wait, HASTE_SECONDS)
        )
    except (VenueError, TimeoutError) as error:
        if known is None or isinstance(error, Rejected | NotSupported):
            raise refusal_of(error, market.venue) from error
        logger.warning("%s of %s is shown stale: %s", what, market, error)
        _keep(_failed(key), b"1", FAILED_SECONDS)
        return replace(known, stale=True)
    fresh = LiveAnswer(data, timezone.now())
    _keep(key, msgspec.json.encode((to_milliseconds(fresh.fetched_at), fresh.data)), KEPT_SECONDS)
    return fresh


def _read(key: str) -> tuple[LiveAnswer | None, bool]:
    """Return the kept answer, and whether asking for a newer one failed just now."""
    try:
        found: Any = client(settings.REDIS_URL).mget([key, _failed(key)])
    except RedisError as error:
        logger.warning("Venues are asked each time, since Redis does not answer: %s", error)
        return None, False
    text, failed = found
    if text is None:
        return None, False
    moment, data = msgspec.json.decode(text, type=tuple[int, Any])
    return LiveAnswer(data, from_milliseconds(moment)), failed is not None


def _failed(key: str) -> str:
    return f"{key}:failed"


def _keep(key: str, text: bytes, seconds: int) -> None:
    try:
        client(settings.REDIS_URL).set(key, text, ex=seconds)
    except RedisError as error:
        logger.warning("An answer was not kept, since Redis does not answer: %s", error)
