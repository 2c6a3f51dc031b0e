"""What Binance's three venues can do."""

from datetime import timedelta

from markets.venues.base import Capabilities
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce

SPOT_CLIENT_ORDER_ID = r"[A-Za-z0-9_-]{1,36}"
FUTURES_CLIENT_ORDER_ID = r"[.A-Z:/a-z0-9_-]{1,36}"
RECEIVE_WINDOW = timedelta(seconds=5)

SPOT = Capabilities(
    kinds=frozenset({MarketKind.SPOT}),
    order_types=frozenset(OrderType) - {OrderType.TRAILING_STOP_MARKET},
    times_in_force=frozenset(TimeInForce) - {TimeInForce.GTD},
    quote_quantity=True,
    private_stream=True,
    price_stream=True,
    client_order_id=SPOT_CLIENT_ORDER_ID,
    request_lifetime=RECEIVE_WINDOW,
)


def _futures(kind: MarketKind, times_in_force: frozenset[TimeInForce]) -> Capabilities:
    return Capabilities(
        kinds=frozenset({kind}),
        order_types=frozenset(OrderType),
        times_in_force=times_in_force,
        hedge_mode=True,
        reduce_only=True,
        close_position=True,
        private_stream=True,
        price_stream=True,
        open_interest=True,
        client_order_id=FUTURES_CLIENT_ORDER_ID,
        request_lifetime=RECEIVE_WINDOW,
    )


USD_M = _futures(MarketKind.USD_M, frozenset(TimeInForce))
COIN_M = _futures(MarketKind.COIN_M, frozenset(TimeInForce) - {TimeInForce.GTD})
