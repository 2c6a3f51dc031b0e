"""What the other exchanges can do, as far as ccxt's unified calls reach."""

from markets.venues.base import Capabilities
from markets.venues.generic.exchanges import exchange_facts
from markets.venues.vocabulary import MarketKind, OrderType


def for_exchange(slug: str) -> Capabilities:
    """Return what is safe to ask of an exchange: plain orders, found again by their client id."""
    facts = exchange_facts(slug)
    return Capabilities(
        kinds=facts.kinds,
        order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
        times_in_force=facts.times_in_force,
        reduce_only=facts.kinds != {MarketKind.SPOT},
        client_order_id=facts.client_order_id,
        request_lifetime=facts.request_lifetime,
    )
