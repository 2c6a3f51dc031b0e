"""Prices for orders that are about to be sent."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from django.utils import timezone
from redis.exceptions import RedisError

from markets.models import Market
from markets.prices import is_stale, prices_of
from markets.services.watch import price_watch_want, prices_fetch
from markets.venues.errors import VenueError
from markets.venues.registry import venues
from markets.venues.vocabulary import MarketKind
from orders.models import Mode, Order

logger = logging.getLogger(__name__)


def prices_bring(order_ids: Sequence[int]) -> None:
    """See to it that paper orders find fresh prices: markets that nobody watches are watched from now on.

    A venue that does not tell leaves the orders to the paper books, which open nothing at stale prices.
    """
    paper = Order.objects.filter(pk__in=order_ids, account__mode=Mode.PAPER).values("market")
    markets = list(Market.objects.filter(pk__in=paper, venue__in=list(venues())))
    stale = _stale(markets)
    if not stale:
        return
    price_watch_want(market.pk for market in stale)
    by_feed = defaultdict(list)
    for market in stale:
        by_feed[market.venue, MarketKind(market.kind)].append(market.symbol)
    for (venue, kind), symbols in by_feed.items():
        try:
            prices_fetch(venue=venue, kind=kind, symbols=symbols)
        except (VenueError, TimeoutError) as error:
            logger.warning("No prices of %s at %s: %s", ", ".join(symbols), venue, error)


def _stale(markets: Sequence[Market]) -> list[Market]:
    now = timezone.now()
    try:
        prices = prices_of(markets) if markets else {}
    except RedisError as error:
        logger.warning("Prices cannot be read, since Redis does not answer: %s", error)
        return []
    return [market for market in markets if is_stale(prices.get(market.pk), now)]
