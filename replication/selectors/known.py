"""Whether what a filter names is there at all: a mistake is told as one, and is no empty list."""

from copytrade.lib.errors import NotFound
from markets.models import Market
from traders.models import LeadTrader, SymbolAggregate


def leader_known(number: int) -> None:
    """Raise `NotFound` where there is no such leader; one who was blocked is one whom people may have copied."""
    if not LeadTrader.objects.filter(pk=number).exists():
        raise NotFound("There is no such leader.")


def traded_symbol_known(symbol: str) -> None:
    """Raise `NotFound` where neither a leader nor a venue has this symbol."""
    if not (Market.objects.filter(symbol=symbol).exists() or SymbolAggregate.objects.filter(symbol=symbol).exists()):
        raise NotFound(f"Neither a leader nor a venue here has {symbol[:64]}.")
