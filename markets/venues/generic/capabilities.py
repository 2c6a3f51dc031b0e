"""What the other exchanges can do, as far as ccxt's unified calls reach."""

from markets.venues.base import Capabilities
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce


def for_exchange(slug: str) -> Capabilities:
    """Return what is safe to ask of any exchange of the allow-list: plain orders, found again by their client id."""
    kinds = {MarketKind.SPOT} if slug == "kraken" else {MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M}
    return Capabilities(
        kinds=frozenset(kinds),
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        times_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX}),
        reduce_only=len(kinds) > 1,
    )
