"""Which venues there are, by slug; adapters are made on first use.

`adapter(slug)` speaks to the venue itself, `adapter(slug, paper=True)` to the paper books, which fill orders from the
same markets and prices.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, cast

from django.conf import settings

from copytrade.lib import loop
from copytrade.lib.errors import InvalidInput
from markets.venues.base import Capabilities, MarketSpec, Venue
from markets.venues.binance.capabilities import COIN_M, SPOT, USD_M
from markets.venues.generic.capabilities import for_exchange
from markets.venues.iifl.capabilities import EQUITY, PAPER_LEVERAGE, PAPER_SETTINGS
from markets.venues.paper.capabilities import for_paper


@dataclass(frozen=True)
class VenueInfo:
    """A venue that accounts may be opened at. `factory` is `module:function`; it takes the slug.

    `paper_leverage` and `paper_settings` (by the names of `Terms`) are what its paper accounts begin with. `listing` is
    a `module:function` that returns markets which are known without asking anybody.
    """

    slug: str
    name: str
    capabilities: Capabilities
    factory: str
    equity_asset: str = "USDT"
    paper_balance_asset: str = "USDT"
    paper_leverage: int = 20
    paper_settings: Mapping[str, Any] = field(default_factory=dict)
    listing: str = ""


BINANCE = "markets.venues.binance.adapter:make"
IIFL = "markets.venues.iifl.adapter:make"
IIFL_LISTING = "markets.venues.iifl.listing:built_in"
GENERIC = "markets.venues.generic.adapter:make"
PAPER = "markets.venues.paper.adapter:make"
CLOSE_SECONDS = 10.0

_making = threading.RLock()
_adapters: dict[tuple[int, str, bool], Venue] = {}

BINANCE_VENUES = (
    VenueInfo("binance", "Binance spot", SPOT, BINANCE),
    VenueInfo("binanceusdm", "Binance USD-M futures", USD_M, BINANCE),
    VenueInfo("binancecoinm", "Binance COIN-M futures", COIN_M, BINANCE, "BTC", "BTC"),
)
FIRST_CLASS = (
    *BINANCE_VENUES,
    VenueInfo(
        "iifl", "IIFL (shares of the NSE)", EQUITY, IIFL, "INR", "INR", PAPER_LEVERAGE, PAPER_SETTINGS, IIFL_LISTING
    ),
)


@cache
def venues() -> Mapping[str, VenueInfo]:
    """Return all venues by slug: the first-class ones, and those that `CCXT_EXCHANGES` allows."""
    generic = (VenueInfo(slug, slug.title(), for_exchange(slug), GENERIC) for slug in settings.CCXT_EXCHANGES)
    return {info.slug: info for info in (*FIRST_CLASS, *generic)}


def venue_info(slug: str) -> VenueInfo:
    """Return a venue; an unknown slug is `InvalidInput`."""
    try:
        return venues()[slug]
    except KeyError:
        known = ", ".join(sorted(venues()))
        raise InvalidInput([{"path": "venue", "message": f"write one of {known}"}]) from None


def capabilities(slug: str, *, paper: bool = False) -> Capabilities:
    """Return what an account at the venue can do."""
    own = venue_info(slug).capabilities
    return for_paper(own) if paper else own


def built_in_markets(slug: str) -> Sequence[MarketSpec]:
    """Return the markets of a venue that are known without asking it, mostly none."""
    info = venue_info(slug)
    return cast("Callable[[], Sequence[MarketSpec]]", _named(info.listing))() if info.listing else ()


def adapter(slug: str, *, paper: bool = False) -> Venue:
    """Return this process' adapter of a venue; a forked child makes its own."""
    name = (os.getpid(), slug, paper)
    with _making:
        if name not in _adapters:
            _adapters[name] = _make(slug, paper=paper)
        return _adapters[name]


def adapters_import() -> None:
    """Import what the first-class venues need, so that the first order of a process does not wait for it.

    Those that ccxt knows are left out: it takes a second, and much memory.
    """
    for path in {PAPER, *(info.factory for info in FIRST_CLASS)}:
        _named(path)


def adapters_close() -> None:
    """Close the adapters of this process; the next use makes new ones, with the settings of then."""
    with _making:
        mine = [name for name in _adapters if name[0] == os.getpid()]
        for name in mine:
            loop.run(_adapters.pop(name).close(), timeout=CLOSE_SECONDS)


def _make(slug: str, *, paper: bool) -> Venue:
    info = venue_info(slug)
    make = cast("Callable[[str], Venue]", _named(PAPER if paper else info.factory))
    return make(slug)


def _named(path: str) -> Any:
    module, _, function = path.partition(":")
    return getattr(import_module(module), function)
