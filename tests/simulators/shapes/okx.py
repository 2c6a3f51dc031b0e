"""How OKX writes orders and trades, and what it calls what happens to them."""

from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.paper.facts import Order, Trade
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, TimeInForce, VenueStatus
from tests.simulators.floor import Account, average

TIMES = {
    "limit": TimeInForce.GTC,
    "post_only": TimeInForce.GTX,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
}
NAMES = {time_in_force: name for name, time_in_force in TIMES.items()}
STATES = {
    VenueStatus.NEW: "live",
    VenueStatus.PARTIALLY_FILLED: "partially_filled",
    VenueStatus.FILLED: "filled",
    VenueStatus.CANCELED: "canceled",
    VenueStatus.EXPIRED: "canceled",
}
CODES = {
    "TAKEN": ("51016", "Client order ID already exists."),
    "INSUFFICIENT_BALANCE": ("51008", "Order failed. Insufficient USDT balance in account."),
    "INSUFFICIENT_MARGIN": ("51008", "Order failed. Insufficient USDT margin in account."),
    "PRICE_BAND": ("51006", "Order price is not within the price limit."),
    "LOT_SIZE": ("51121", "Order quantity must be a multiple of the lot size."),
    "REDUCE_ONLY_REFUSED": ("51169", "Order failed because you don't have any positions to reduce in this direction."),
}
FAILURES = {
    "expired": (401, "50102", "Timestamp request expired"),
    "account_limit": (429, "50011", "Too Many Requests"),
    "timeout": (200, "50004", "API endpoint request timeout"),
}


def type_of(kind: MarketKind) -> str:
    """Return what OKX calls a kind of market."""
    return "SPOT" if kind is MarketKind.SPOT else "SWAP"


def side_of(position_side: PositionSide) -> str:
    """Return what OKX calls the position that an order changes."""
    return "net" if position_side is PositionSide.BOTH else position_side.value.lower()


def order_row(number: int, order: Order) -> dict[str, Any]:
    """Return an order."""
    return {
        "instId": order.symbol,
        "instType": type_of(order.kind),
        "ordId": str(number),
        "clOrdId": order.client_order_id,
        "side": order.side.value.lower(),
        "posSide": side_of(order.position_side),
        "ordType": NAMES[order.time_in_force or TimeInForce.GTC] if order.type is OrderType.LIMIT else "market",
        "state": STATES[order.status],
        "px": order.price or "",
        "sz": order.quantity,
        "tgtCcy": "base_ccy" if order.kind is MarketKind.SPOT else "",
        "tdMode": "cash" if order.kind is MarketKind.SPOT else "cross",
        "accFillSz": order.filled_quantity,
        "avgPx": average(order),
        "reduceOnly": "true" if order.reduce_only else "false",
        "fee": "0",
        "feeCcy": "",
        "cTime": str(to_milliseconds(order.created_at)),
        "uTime": str(to_milliseconds(order.updated_at)),
    }


def fill_row(bill: int, number: int, account: Account, trade: Trade) -> dict[str, Any]:
    """Return a trade of an order, by its place in the list."""
    order = account.orders[number]
    return {
        "instId": order.symbol,
        "instType": type_of(order.kind),
        "billId": str(bill),
        "tradeId": f"{number}{trade.number:04d}",
        "ordId": str(number),
        "clOrdId": order.client_order_id,
        "side": order.side.value.lower(),
        "posSide": side_of(order.position_side),
        "execType": "M" if trade.is_maker else "T",
        "fillPx": trade.price,
        "fillSz": trade.quantity,
        "fee": -trade.fee,
        "feeCcy": trade.fee_asset,
        "ts": str(to_milliseconds(trade.time)),
    }
