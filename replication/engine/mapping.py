"""Which market of a follower's venue stands for a leader's symbol."""

from collections.abc import Iterable, Mapping

from markets.models import Market
from markets.venues.vocabulary import MarketKind
from replication.engine.instruments import Instrument, plain_base, quotes_like

NAMED = """
    SELECT * FROM markets_market WHERE venue = ANY(%s) AND base_asset = ANY(%s) AND delisted_at IS NULL ORDER BY id
"""
PERPETUAL = frozenset({"", "PERPETUAL", "TRADIFI_PERPETUAL"})


def markets_for(instrument: Instrument, venues: Iterable[str]) -> dict[str, Market]:
    """Return the market of each venue that stands for an instrument, in one statement.

    The base asset has to be the same (contracts over a thousand coins count as the coin), the quote the same or worth
    the same. Of several, the one with the leader's own symbol and quote wins, and contracts win over spot.
    """
    rows = Market.objects.raw(NAMED, [list(venues), list(_names(instrument))])
    found: dict[str, tuple[tuple[int, ...], Market]] = {}
    for row in rows:
        rank = _rank(row, instrument)
        if rank is not None and (row.venue not in found or rank < found[row.venue][0]):
            found[row.venue] = (rank, row)
    return {venue: row for venue, (_, row) in found.items()}


def markets_at(instruments: Iterable[Instrument], venue: str) -> dict[Instrument, Market]:
    """Return the market of one venue that stands for each instrument, as `markets_for` has it, in one statement."""
    wanted = set(instruments)
    names = set[str]().union(*(_names(instrument) for instrument in wanted))
    rows = list(Market.objects.filter(venue=venue, base_asset__in=names, delisted_at=None).order_by("pk"))
    found = {}
    for instrument in wanted:
        ranked = [
            (rank, place, row)
            for place, row in enumerate(rows)
            if row.base_asset in _names(instrument) and (rank := _rank(row, instrument))
        ]
        if ranked:
            found[instrument] = min(ranked)[2]
    return found


def instruments_of(symbols: Iterable[str], venue: str) -> Mapping[str, Instrument]:
    """Return what symbols stand for where the venue lists them, in one statement."""
    rows = Market.objects.filter(venue=venue, symbol__in=set(symbols)).values_list(
        "symbol", "base_asset", "quote_asset"
    )
    return {symbol: Instrument(symbol, base, quote) for symbol, base, quote in rows}


def _names(instrument: Instrument) -> set[str]:
    base = plain_base(instrument.base_asset)[0]
    return {base, *(f"{'1' + '000' * times}{base}" for times in (1, 2))}


def _rank(market: Market, instrument: Instrument) -> tuple[int, ...] | None:
    if market.quote_asset not in quotes_like(instrument.quote_asset) or market.contract_type not in PERPETUAL:
        return None
    return (
        not market.trading,
        market.quote_asset != instrument.quote_asset,
        market.kind == MarketKind.COIN_M,
        market.kind == MarketKind.SPOT,
        market.symbol != instrument.symbol,
    )
