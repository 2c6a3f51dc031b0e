"""How Bybit writes orders and trades, and what it calls what happens to them."""

from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.paper.facts import Order, Trade
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce, VenueStatus
from tests.simulators.floor import average

TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "PostOnly": TimeInForce.GTX}
NAMES = {time: name for name, time in TIMES.items()}
STATUSES = {
    VenueStatus.NEW: "New",
    VenueStatus.PARTIALLY_FILLED: "PartiallyFilled",
    VenueStatus.FILLED: "Filled",
    VenueStatus.CANCELED: "Cancelled",
    VenueStatus.EXPIRED: "Cancelled",
}
POST_ONLY = (170218, "The LIMIT-MAKER order is rejected due to invalid price.")
CODES = {
    "spot": {
        "TAKEN": (170141, "Duplicate clientOrderId."),
        "INSUFFICIENT_BALANCE": (170131, "Insufficient balance."),
        "PRICE_FILTER": (170134, "Order price has too many decimals."),
        "PRICE_BAND": (170193, "Buy order price cannot be higher than 0USDT."),
        "LOT_SIZE": (170136, "Order quantity exceeded lower limit."),
        "MIN_NOTIONAL": (170140, "Order value exceeded lower limit."),
        "POST_ONLY_WOULD_TAKE": POST_ONLY,
    },
    "linear": {
        "TAKEN": (110072, "OrderLinkedID is duplicate"),
        "INSUFFICIENT_MARGIN": (110007, "ab not enough for new order"),
        "PRICE_FILTER": (10001, "params error: price invalid"),
        "PRICE_BAND": (110003, "Order price exceeds the allowable range."),
        "LOT_SIZE": (10001, "params error: Qty invalid"),
        "MIN_NOTIONAL": (110094, "Order does not meet minimum order value 5USDT"),
        "REDUCE_ONLY_REFUSED": (110017, "current position is zero, cannot fix reduce-only order qty"),
        "POST_ONLY_WOULD_TAKE": POST_ONLY,
    },
}
NOT_FOUND = {"spot": (170213, "Order does not exist."), "linear": (110001, "order not exists or too late to cancel")}
FAILURES = {
    "expired": (10002, "invalid request, please check your timestamp"),
    "limit": (10018, "Exceeded the IP Rate Limit."),
    "account_limit": (10006, "Too many visits!"),
}


def order_row(number: int, order: Order) -> dict[str, Any]:
    """Return an order."""
    return {
        "symbol": order.symbol,
        "orderId": str(number),
        "orderLinkId": order.client_order_id,
        "side": order.side.value.title(),
        "orderType": order.type.value.title(),
        "timeInForce": NAMES[order.time_in_force or TimeInForce.IOC],
        "orderStatus": STATUSES[order.status],
        "price": order.price or "0",
        "qty": order.quantity,
        "marketUnit": "baseCoin" if order.kind is MarketKind.SPOT and order.type is OrderType.MARKET else "",
        "cumExecQty": order.filled_quantity,
        "cumExecValue": order.filled_quote,
        "leavesQty": order.remaining if order.is_open else "0",
        "avgPrice": average(order),
        "reduceOnly": order.reduce_only,
        "triggerPrice": "",
        "createdTime": str(to_milliseconds(order.created_at)),
        "updatedTime": str(to_milliseconds(order.updated_at)),
    }


def trade_row(number: int, order: Order, trade: Trade) -> dict[str, Any]:
    """Return a trade."""
    return {
        "symbol": order.symbol,
        "orderId": str(number),
        "orderLinkId": order.client_order_id,
        "execId": f"{number}-{trade.number}",
        "side": order.side.value.title(),
        "orderType": order.type.value.title(),
        "execPrice": trade.price,
        "execQty": trade.quantity,
        "execValue": trade.quote_quantity,
        "execFee": trade.fee,
        "feeCurrency": trade.fee_asset,
        "isMaker": trade.is_maker,
        "execTime": str(to_milliseconds(trade.time)),
        "execType": "Trade",
    }
