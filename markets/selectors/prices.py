"""Which prices are wanted."""

from django.db.models import Exists, OuterRef, Q

from markets.models import Market, PriceWatch
from markets.venues.vocabulary import MarketKind
from markets.wanted import VENUES, kinds_wanted, symbols_wanted

Feeds = dict[tuple[str, MarketKind], frozenset[str]]


def price_feeds_wanted() -> Feeds:
    """Return the symbols whose prices are wanted by venue and kind: those of the settings, and those being watched.

    Symbols that a venue does not list, or no longer, are left out. One statement.
    """
    wanted = Q(Exists(PriceWatch.objects.filter(market=OuterRef("pk"))))
    for kind in kinds_wanted():
        wanted |= Q(venue=VENUES[kind], kind=kind, symbol__in=symbols_wanted(kind))
    found: dict[tuple[str, MarketKind], set[str]] = {}
    for market in Market.objects.filter(wanted, delisted_at=None).only("venue", "kind", "symbol"):
        found.setdefault((market.venue, MarketKind(market.kind)), set()).add(market.symbol)
    return {name: frozenset(symbols) for name, symbols in found.items()}
