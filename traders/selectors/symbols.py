"""Totals by symbol."""

from django.db.models import F

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from traders.models import SymbolAggregate


def symbols_list(*, platform: str, page: Page) -> tuple[list[SymbolAggregate], int]:
    """Return a page of the symbols of a platform, most open positions first, and how many there are."""
    symbols = SymbolAggregate.objects.filter(platform=platform)
    ordered = symbols.order_by((F("open_long_count") + F("open_short_count")).desc(), "symbol")
    return list(ordered[page.offset : page.offset + page.limit]), symbols.count()


def symbol_known(symbol: str, *, platform: str | None = None) -> str:
    """Return the symbol if a push ever named it (at the platform); raises `NotFound`."""
    if "\0" in symbol:
        raise NotFound("No symbol has such a name.")
    known = SymbolAggregate.objects.filter(symbol=symbol)
    if platform is not None:
        known = known.filter(platform=platform)
    if not known.exists():
        raise NotFound(f"No symbol {symbol[:64]} is known.")
    return symbol
