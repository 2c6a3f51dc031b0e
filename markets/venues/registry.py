"""Which venues there are, by slug; adapters are made on first use, since importing ccxt takes a second.

`adapter(slug)` speaks to the venue itself, `adapter(slug, paper=True)` to the paper books, which fill orders from the
same markets and prices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import cast

from django.conf import settings

from copytrade.lib.errors import InvalidInput
from markets.venues.base import Capabilities, Venue
from markets.venues.binance.capabilities import COIN_M, SPOT, USD_M
from markets.venues.generic.capabilities import for_exchange
from markets.venues.paper.capabilities import for_paper


@dataclass(frozen=True)
class VenueInfo:
    """A venue that accounts may be opened at. `factory` is `module:function`; it takes the slug."""

    slug: str
    name: str
    capabilities: Capabilities
    factory: str
    equity_asset: str = "USDT"
    paper_balance_asset: str = "USDT"


BINANCE = "markets.venues.binance.adapter:make"
GENERIC = "markets.venues.generic.adapter:make"

FIRST_CLASS = (
    VenueInfo("binance", "Binance spot", SPOT, BINANCE),
    VenueInfo("binanceusdm", "Binance USD-M futures", USD_M, BINANCE),
    VenueInfo("binancecoinm", "Binance COIN-M futures", COIN_M, BINANCE, "BTC", "BTC"),
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


@cache
def adapter(slug: str, *, paper: bool = False) -> Venue:
    """Return this process' adapter of a venue."""
    info = venue_info(slug)
    module, _, function = ("markets.venues.paper.adapter:make" if paper else info.factory).partition(":")
    make = cast(Callable[[str], Venue], getattr(import_module(module), function))
    return make(slug)
