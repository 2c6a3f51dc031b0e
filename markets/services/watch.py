"""Which prices are watched, and asking for prices at once."""

from collections.abc import Iterable

from django.conf import settings
from redis.exceptions import RedisError

from copytrade.lib import loop
from copytrade.lib.sql import run
from markets.prices import logger, prices_write
from markets.venues import registry
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind

WANT = """
    INSERT INTO markets_pricewatch (market_id, wanted_at)
    SELECT id, statement_timestamp() FROM markets_market WHERE id = ANY(%s) ORDER BY id
    ON CONFLICT (market_id) DO NOTHING
"""


def price_watch_want(market_ids: Iterable[int]) -> None:
    """Watch the prices of these markets from now on; those that are watched already cost nothing."""
    run(WANT, [sorted(set(market_ids))])


def prices_fetch(*, venue: str, kind: MarketKind, symbols: Iterable[str]) -> dict[str, PriceReport]:
    """Ask a venue for prices now, keep them, and return those of the symbols that it knows. Raises `VenueError`.

    For a market that is not watched yet: the watch itself begins some seconds after it was wanted.
    """
    question = registry.adapter(venue).prices(kind, list(symbols))
    reports = list(loop.run(question, timeout=settings.VENUE_TIMEOUT_SECONDS))
    try:
        reports = prices_write(venue, reports)
    except RedisError as error:
        logger.warning("Prices were not kept, since Redis does not answer: %s", error)
    return {report.symbol: report for report in reports}
