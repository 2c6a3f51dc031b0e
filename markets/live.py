"""Mark price and open interest: asked of the venue, kept in Redis for a moment, and shown with their age.

Where the venue fails, the last answer is shown and marked as stale; without Redis every call asks the venue.
"""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib.redis import client
from copytrade.lib.wire import from_milliseconds, to_milliseconds
from markets.models import Market
from markets.refusals import refusal_of
from markets.venues import loop, registry
from markets.venues.base import Venue
from markets.venues.errors import NotSupported, Rejected, VenueError
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

MARK_PRICE_AGE = timedelta(seconds=2)
OPEN_INTEREST_AGE = timedelta(seconds=15)
HISTORY_AGE = timedelta(seconds=60)
KEPT_SECONDS = 24 * 3600

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
    """Return the kept answer while it is young, else ask the venue."""
    key = f"copytrade:live:{market.venue}:{market.kind}:{market.symbol}:{what}"
    known, now = _read(key), timezone.now()
    if known is not None and now - known.fetched_at <= age:
        return known
    try:
        data = loop.run(ask(registry.adapter(market.venue)), timeout=settings.VENUE_TIMEOUT_SECONDS)
    except (VenueError, TimeoutError) as error:
        if known is None or isinstance(error, Rejected | NotSupported):
            raise refusal_of(error, market.venue) from error
        logger.warning("%s of %s is shown stale: %s", what, market, error)
        return LiveAnswer(known.data, known.fetched_at, stale=True)
    fresh = LiveAnswer(data, timezone.now())
    _write(key, fresh)
    return fresh


def _read(key: str) -> LiveAnswer | None:
    try:
        text: Any = client(settings.REDIS_URL).get(key)
    except RedisError as error:
        logger.warning("Venues are asked each time, since Redis does not answer: %s", error)
        return None
    if text is None:
        return None
    moment, data = msgspec.json.decode(text, type=tuple[int, Any])
    return LiveAnswer(data, from_milliseconds(moment))


def _write(key: str, answer: LiveAnswer) -> None:
    text = msgspec.json.encode((to_milliseconds(answer.fetched_at), answer.data))
    try:
        client(settings.REDIS_URL).set(key, text, ex=KEPT_SECONDS)
    except RedisError as error:
        logger.warning("An answer was not kept, since Redis does not answer: %s", error)
