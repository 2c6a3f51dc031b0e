"""What IIFL's XTS interface can do, and how its paper accounts begin."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from markets.venues.base import Capabilities
from markets.venues.iifl.names import unique_identifier
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce

# Requests carry no time by which they expire: this is far longer than gateways in between keep one.
REQUEST_LIFETIME = timedelta(seconds=30)

EQUITY = Capabilities(
    kinds=frozenset({MarketKind.EQUITY}),
    order_types=frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.STOP_LIMIT}),
    times_in_force=frozenset({TimeInForce.GTC, TimeInForce.IOC}),
    private_stream=True,
    candles=False,
    acknowledges_first=True,
    key_of_many=True,
    client_order_id=r"[A-Za-z0-9_-]{1,36}",
    told_as=unique_identifier,
    request_lifetime=REQUEST_LIFETIME,
)

# A person with 10,000 rupees can try a hundred shares of a large company.
PAPER_LEVERAGE = 50
# An order takes 50 to 150 ms, as over the real interface; fees are those of a discount broker, and one trade takes at
# most ten million rupees.
PAPER_SETTINGS: Mapping[str, Any] = {
    "latency": 50,
    "latency_most": 150,
    "liquidity": "10000000",
    "maker_fee": "0.0003",
    "taker_fee": "0.0003",
}
