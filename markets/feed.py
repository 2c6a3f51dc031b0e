"""Hearing the prices of one venue and kind, on the venue loop: by its stream, and by asking where that is silent.

What is heard lies in a mailbox, the newest of each symbol, until somebody takes it.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from markets.prices import PARTS
from markets.venues.base import MarketData, PriceReport
from markets.venues.errors import RateLimited, VenueError
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

SYMBOLS_OF_ONE_STREAM = 100
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


class Mailbox:
    """The newest prices that nobody has taken yet, by venue. Any thread may use it."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, MarketKind, str], PriceReport] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()

    def put(self, venue: str, report: PriceReport) -> None:
        """Add a report; the parts that it tells replace older ones."""
        key = (venue, report.kind, report.symbol)
        with self._lock:
            waiting = self._reports.get(key)
            self._reports[key] = report if waiting is None else merged(waiting, report)
            self._filled.set()

    def take(self, *, timeout: float) -> dict[str, list[PriceReport]]:
        """Return what is there by venue, after waiting for something at most so many seconds."""
        self._filled.wait(timeout)
        with self._lock:
            self._filled.clear()
            reports, self._reports = self._reports, {}
        found: dict[str, list[PriceReport]] = {}
        for (venue, _, _), report in reports.items():
            found.setdefault(venue, []).append(report)
        return found


def merged(older: PriceReport, newer: PriceReport) -> PriceReport:
    """Return the newer report with the parts that only the older one tells."""
    parts = {name: getattr(older, name) for name in PARTS if getattr(newer, name) is None}
    return replace(newer, time=max(older.time, newer.time), **parts)


@dataclass(slots=True)
class Feed:
    """The prices of some symbols of a venue and kind. `ask_every` seconds, those that were not told are asked for."""

    venue: str
    kind: MarketKind
    symbols: Sequence[str]
    source: MarketData
    streams: bool
    ask_every: float
    mailbox: Mailbox
    _told: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Listen and ask until cancelled; what fails is tried again, ever more slowly."""
        size = SYMBOLS_OF_ONE_STREAM if self.streams else len(self.symbols)
        parts = [self.symbols[start : start + size] for start in range(0, len(self.symbols), size)]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask())
            for part in parts if self.streams else ():
                group.create_task(self._listen(part))

    async def _listen(self, symbols: Sequence[str]) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for report in self.source.price_stream(self.kind, symbols):
                    self._hear(report)
                    pause = FIRST_PAUSE
            except VenueError as error:
                logger.info("The price stream of %s (%s): %s", self.venue, self.kind, error)
            except Exception:
                logger.exception("The price stream of %s (%s) failed.", self.venue, self.kind)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  (so that not all come at once)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _ask(self) -> None:
        pause = self.ask_every
        while True:
            wait = self.ask_every
            try:
                silent = self._silent()
                for report in await self.source.prices(self.kind, silent) if silent else ():
                    self._hear(report)
                pause = self.ask_every
            except RateLimited as error:
                wait = max(self.ask_every, (error.until - datetime.now(UTC)).total_seconds())
            except VenueError as error:
                logger.info("The prices of %s (%s): %s", self.venue, self.kind, error)
                wait, pause = pause, min(pause * 2, LONGEST_PAUSE)
            except Exception:
                logger.exception("Asking %s (%s) for prices failed.", self.venue, self.kind)
                wait, pause = pause, min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(wait)

    def _silent(self) -> list[str]:
        """Return the symbols that no price to trade at was told of lately."""
        since = time.monotonic() - self.ask_every
        return [symbol for symbol in self.symbols if self._told.get(symbol, 0.0) < since or not self.streams]

    def _hear(self, report: PriceReport) -> None:
        if report.last is not None or report.bid is not None:
            self._told[report.symbol] = time.monotonic()
        self.mailbox.put(self.venue, report)
