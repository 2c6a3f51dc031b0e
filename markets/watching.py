"""Watching prices: one process for all venues. Feeds run on the venue loop, this thread stores what they hear.

After each batch, paper orders that the prices reach are filled.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from django.conf import settings
from django.db import close_old_connections
from redis.exceptions import RedisError

from copytrade.lib import loop
from copytrade.lib.database import DATABASE_AWAY
from markets.feed import Feed, Mailbox
from markets.prices import prices_write
from markets.selectors.prices import Feeds, price_feeds_wanted
from markets.venues import registry
from markets.venues.base import PriceReport
from markets.venues.paper.feed import paper_match
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 2.0
GATHER_SECONDS = 0.1  # what comes within it is stored together
RETRY_SECONDS = 1.0

Name = tuple[str, MarketKind]


class PriceWatching:
    """All feeds; `run` returns when `stop` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._mailbox = Mailbox()
        self._feeds: dict[Name, tuple[frozenset[str], Future[None]]] = {}

    def run(self) -> None:
        """Watch until told to stop; a database or Redis that is away is waited for."""
        next_look = 0.0
        try:
            while not self._stop.is_set():
                try:
                    if time.monotonic() >= next_look:
                        close_old_connections()
                        self._tend(price_feeds_wanted())
                        next_look = time.monotonic() + LOOK_EVERY_SECONDS
                    self._store(self._mailbox.take(timeout=GATHER_SECONDS * 5))
                except DATABASE_AWAY as error:
                    logger.warning("The database does not answer; prices go on: %s", error)
                    self._stop.wait(RETRY_SECONDS)
                self._stop.wait(GATHER_SECONDS)
        finally:
            self._end()

    def _tend(self, wanted: Feeds) -> None:
        """Start the feeds that are wanted, and those anew whose symbols changed or that ended; stop all others."""
        for name, (symbols, future) in list(self._feeds.items()):
            if wanted.get(name) != symbols or future.done():
                future.cancel()
                del self._feeds[name]
        for name in wanted.keys() - self._feeds.keys():
            self._feeds[name] = wanted[name], loop.submit(self._feed(*name, sorted(wanted[name])).run())

    def _feed(self, venue: str, kind: MarketKind, symbols: Sequence[str]) -> Feed:
        return Feed(
            venue=venue,
            kind=kind,
            symbols=symbols,
            source=registry.adapter(venue),
            streams=registry.capabilities(venue).price_stream,
            ask_every=float(settings.PRICE_SYNC_SECONDS),
            mailbox=self._mailbox,
        )

    def _store(self, heard: dict[str, list[PriceReport]]) -> None:
        for venue, told in heard.items():
            reports = told
            try:
                reports = prices_write(venue, told)
            except RedisError as error:
                logger.warning("Prices are not kept, since Redis does not answer: %s", error)
            try:
                paper_match(venue=venue, prices=reports)
            except DATABASE_AWAY:
                raise
            except Exception:
                logger.exception("Matching paper orders of %s with new prices failed.", venue)

    def _end(self) -> None:
        for _, future in self._feeds.values():
            future.cancel()
        with contextlib.suppress(TimeoutError):  # the process ends anyway
            registry.adapters_close()
