"""What may go wrong around the paper books: their database, and the source of their prices.

The connections really break: PostgreSQL itself ends them, or cancels a statement.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from markets.venues.base import PriceReport
from markets.venues.errors import RateLimited
from markets.venues.paper import books
from markets.venues.paper.adapter import in_thread
from markets.venues.paper.scene import FeedPrices
from markets.venues.vocabulary import MarketKind
from tests.contract.bench import Fault

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def hang_up() -> None:
    """Let PostgreSQL end this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def time_out() -> None:
    """Let PostgreSQL give a statement up."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(1)")


def babble() -> None:
    """Meet an answer that nobody can read."""
    json.loads("\x00")


BREAKS: Mapping[Fault, Callable[[], None]] = {
    Fault.ANSWER_LOST: hang_up,
    Fault.ANSWER_LATE: time_out,
    Fault.REQUEST_LOST: hang_up,
    Fault.GARBAGE: babble,
}
EFFECTLESS = frozenset({Fault.REQUEST_LOST})


class Books:
    """How the adapter reaches the books; `reached` counts what got there. `fault` is what the next order will meet."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.is_away = False
        self.reached = 0

    async def __call__(
        self,
        function: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result:
        """Run a function in a thread, unless its connection breaks before or after it."""
        fault = None
        if function is books.place_batch:
            fault, self.fault = self.fault, None
        if self.is_away:
            fault = Fault.REQUEST_LOST

        def run() -> Result:
            if fault in EFFECTLESS:
                hang_up()
            result = function(*arguments, **options)
            self.reached += 1
            if fault is not None:
                BREAKS[fault]()
            return result

        return await in_thread(run)


class PausedPrices(FeedPrices):
    """The price feed, whose source may ask everyone to wait."""

    until: datetime | None = None

    def read(self, venue: str, kind: MarketKind, symbols: Sequence[str]) -> Mapping[str, PriceReport]:
        """Return the last prices, except during the pause."""
        if self.until is not None and timezone.now() < self.until:
            raise RateLimited("The source of prices asks to wait.", until=self.until)
        return super().read(venue, kind, symbols)
