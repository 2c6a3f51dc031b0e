"""How Kraken writes orders and trades, and what it calls what happens to them."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from markets.venues.paper.facts import Order, Trade
from markets.venues.vocabulary import VenueStatus
from tests.simulators.floor import Account, average

SHORT = "XBTUSD"
FEE = Decimal("0.0026")
STATUSES = {
    VenueStatus.NEW: "open",
    VenueStatus.PARTIALLY_FILLED: "open",
    VenueStatus.FILLED: "closed",
    VenueStatus.CANCELED: "canceled",
    VenueStatus.EXPIRED: "canceled",
}
CODES = {
    "TAKEN": "EOrder:cl_ord_id already in use",
    "INSUFFICIENT_BALANCE": "EOrder:Insufficient funds",
    "PRICE_FILTER": "EOrder:Tick size check failed",
    "LOT_SIZE": "EGeneral:Invalid arguments:volume minimum not met",
    "MIN_NOTIONAL": "EOrder:Cost minimum not met",
    "POST_ONLY_WOULD_TAKE": "EOrder:Post only order",
}
FAILURES = {
    "expired": "EService:Deadline elapsed",
    "account_limit": "EAPI:Rate limit exceeded",
    "timeout": "EGeneral:Internal error",
}


def order_id(number: int) -> str:
    """Return the id of an order."""
    return f"O{number}-AAAAA-BBBBBB"


def trade_id(number: int, trade: Trade) -> str:
    """Return the id of a trade."""
    return f"T{number}-{trade.number:05d}-CCCCCC"


def words(order: Order) -> str:
    """Return an order in words."""
    price = f"limit {order.price}" if order.price else "market"
    return f"{order.side.value.lower()} {order.quantity:.8f} {SHORT} @ {price}"


def order_row(order: Order) -> dict[str, Any]:
    """Return an order."""
    kind = {"pair": SHORT, "type": order.side.value.lower(), "ordertype": order.type.value.lower()}
    row = {
        "cl_ord_id": order.client_order_id,
        "status": STATUSES[order.status],
        "opentm": order.created_at.timestamp(),
        "descr": {**kind, "price": order.price or "0", "price2": "0", "leverage": "none", "order": words(order)},
        "vol": f"{order.quantity:.8f}",
        "vol_exec": f"{order.filled_quantity:.8f}",
        "cost": f"{order.filled_quote:.5f}",
        "fee": f"{order.filled_quote * FEE:.5f}",
        "price": average(order) or "0.00000",
        "oflags": "fciq",
    }
    return row if order.is_open else row | {"closetm": order.updated_at.timestamp()}


def trade_rows(account: Account, found: Iterable[tuple[int, Trade]]) -> dict[str, Any]:
    """Return trades by their ids."""
    return {
        trade_id(number, trade): {
            "ordertxid": order_id(number),
            "pair": account.orders[number].symbol,
            "time": trade.time.timestamp(),
            "type": account.orders[number].side.value.lower(),
            "ordertype": account.orders[number].type.value.lower(),
            "price": trade.price,
            "cost": trade.quote_quantity,
            "fee": trade.fee,
            "vol": trade.quantity,
            "maker": trade.is_maker,
        }
        for number, trade in found
    }
