"""Reading markets."""

from dataclasses import dataclass

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from markets.models import Market
from markets.venues.vocabulary import MarketKind
from markets.wanted import VENUES, symbol_at

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MarketFilter:
    """Which markets; empty words match everything. `search` is a part of the symbol in any case."""

    venue: str = ""
    kind: str = ""
    quote: str = ""
    search: str = ""
    trading_only: bool = False


def markets_list(wanted: MarketFilter, page: Page) -> tuple[list[Market], int]:
    """Return a page of markets by venue, kind and symbol, and how many there are."""
    rows = Market.objects.all()
    if wanted.venue:
        rows = rows.filter(venue=wanted.venue)
    if wanted.kind:
        rows = rows.filter(kind=wanted.kind)
    if wanted.quote:
        rows = rows.filter(quote_asset=wanted.quote)
    if wanted.search:
        rows = rows.filter(symbol__icontains=wanted.search)
    if wanted.trading_only:
        rows = rows.filter(trading=True)
    return list(rows[page.offset : page.offset + page.limit]), rows.count()


def market_get(text: str) -> Market:
    """Return the market with this id; anything else is `NotFound`."""
    known = text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID
    market = Market.objects.filter(pk=int(text)).first() if known else None
    if market is None:
        raise NotFound(f"There is no market {text[:40]}.")
    return market


def market_of_type(kind: MarketKind, symbol: str) -> Market:
    """Return Binance's market of a type by its symbol (`BTCUSDT` among inverse contracts means `BTCUSD_PERP`)."""
    name = symbol_at(kind, symbol.upper())
    market = Market.objects.filter(venue=VENUES[kind], kind=kind, symbol=name).first()
    if market is None:
        raise NotFound(f"There is no symbol {name[:64]} among the {kind} markets.")
    return market
