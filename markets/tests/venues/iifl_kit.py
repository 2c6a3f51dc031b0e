"""What the tests of IIFL's adapter share."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Credentials, OrderReference, OrderRequest, Venue
from markets.venues.iifl.adapter import make
from markets.venues.vocabulary import MarketKind, OrderType, Side
from tests.contract.benches.iifl import pointed_at
from tests.simulators.iifl import ApiAccount, IiflSimulator

ORDERS = "/interactive/orders"
LONG_ID = "0123456789abcdef0123456789abcdef"
# An order, its trade and a position in RELIANCE, as XTS's books show those that were made by hand.
ORDER_ROW = {
    "AppOrderID": 99,
    "ExchangeSegment": "NSECM",
    "ExchangeInstrumentID": 2885,
    "TradingSymbol": "RELIANCE",
    "OrderSide": "BUY",
    "OrderType": "Limit",
    "TimeInForce": "DAY",
    "OrderPrice": 2400,
    "OrderQuantity": 1,
    "CumulativeQuantity": 0,
    "OrderStatus": "New",
    "OrderUniqueIdentifier": "byhand",
}
TRADE_ROW = {
    **ORDER_ROW,
    "LastTradedPrice": "2,400.00",
    "LastTradedQuantity": 1,
    "LastExecutionTransactTime": "20-11-2026 11:00:00",
    "ExecutionID": "1",
}
POSITION_ROW = {
    "ExchangeSegment": "NSECM",
    "ExchangeInstrumentId": "2885",
    "TradingSymbol": "RELIANCE",
    "ProductType": "MIS",
    "Quantity": "10",
    "BuyAveragePrice": "2,400.00",
    "SellAveragePrice": "0",
    "UnrealizedMTM": "50.00",
}


@contextmanager
def venue_of(exchange: IiflSimulator, **settings: object) -> Iterator[Venue]:
    """An adapter that speaks to a simulator, with settings of its own."""
    with pointed_at(exchange, **settings):
        venue = make("iifl")
        try:
            yield venue
        finally:
            loop.run(venue.close(), timeout=10)


def access(made: ApiAccount, client: str = "") -> AccountAccess:
    """Return who acts; a dealer's key names the client."""
    return AccountAccess(f"account-{made.client}", Credentials(made.key, made.secret, client))


def order(**changes: Any) -> OrderRequest:
    """Return an order to buy ten shares of RELIANCE at the market, with these changes."""
    values = {
        "client_order_id": LONG_ID,
        "symbol": "RELIANCE",
        "kind": MarketKind.EQUITY,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal(10),
    }
    return OrderRequest(**{**values, **changes})


def resting(**changes: Any) -> OrderRequest:
    """Return an order that waits below the price."""
    return order(**{"type": OrderType.LIMIT, "price": Decimal(2400), **changes})


def named(request: OrderRequest, number: str = "") -> OrderReference:
    """Return what names an order."""
    return OrderReference(request.symbol, request.kind, request.type, request.client_order_id, number)
