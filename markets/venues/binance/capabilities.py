"""What Binance's three venues can do."""

from datetime import timedelta

from markets.venues.base import Capabilities
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce

CLIENT_ORDER_ID = r"[A-Za-z0-9-_]{1,36}"
RECEIVE_WINDOW = timedelta(seconds=5)

SPOT = Capabilities(
    kinds=frozenset({MarketKind.SPOT}),
    order_types=frozenset(OrderType) - {OrderType.TRAILING_STOP_MARKET},
    times_in_force=frozenset(TimeInForce) - {TimeInForce.GTD},
    quote_quantity=True,
    private_stream=True,
    price_stream=True,
    client_order_id=CLIENT_ORDER_ID,
    request_lifetime=RECEIVE_WINDOW,
)


def _futures(kind: MarketKind) -> Capabilities:
    return Capabilities(
        kinds=frozenset({kind}),
        order_types=frozenset(OrderType),
        times_in_force=frozenset(TimeInForce),
        hedge_mode=True,
        reduce_only=True,
        close_position=True,
        private_stream=True,
        price_stream=True,
        open_interest=True,
        client_order_id=CLIENT_ORDER_ID,
        request_lifetime=RECEIVE_WINDOW,
    )


USD_M = _futures(MarketKind.USD_M)
COIN_M = _futures(MarketKind.COIN_M)
