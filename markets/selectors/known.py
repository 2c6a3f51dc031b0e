"""Markets by their numbers, kept by each process for a while: what orders ask of them hardly ever changes."""

import time
from collections.abc import Collection

from copytrade.lib.errors import NotFound
from markets.models import Market

KEEP_SECONDS = 10.0

_known: dict[int, tuple[float, Market]] = {}


def markets_known(market_ids: Collection[int]) -> dict[int, Market]:
    """Return these markets by number, up to `KEEP_SECONDS` old; at most one statement.

    For what a market is called and how it counts and settles. What a venue changes from day to day, its filters and
    whether it trades, is read anew where it matters. Nobody changes the objects: all threads share them.
    """
    now = time.monotonic()
    found = {pk: _known[pk] for pk in market_ids if pk in _known}
    fresh = {pk: market for pk, (since, market) in found.items() if now - since < KEEP_SECONDS}
    if missing := set(market_ids) - fresh.keys():
        read = Market.objects.in_bulk(missing)
        _known.update({pk: (now, market) for pk, market in read.items()})
        fresh |= read
    return fresh


def markets_forget() -> None:
    """Read all of them anew from now on."""
    _known.clear()


def symbol_known(symbol: str) -> None:
    """Raise `NotFound` where no venue has a market of this symbol: a filter by it is a mistake, not an empty list."""
    if not Market.objects.filter(symbol=symbol).exists():
        raise NotFound(f"No venue here has a market {symbol[:64]}.")
