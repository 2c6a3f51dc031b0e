"""How Bitget writes orders and trades, and what it calls what happens to them."""

from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.paper.facts import Order, Trade
from markets.venues.vocabulary import PositionSide, TimeInForce, VenueStatus
from tests.simulators.floor import Account, average

TIMES = {
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
    "post_only": TimeInForce.GTX,
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
    "TAKEN": ("40786", "Duplicate clientOid"),
    "INSUFFICIENT_MARGIN": ("40762", "The order amount exceeds the balance"),
    "PRICE_FILTER": ("45115", "The price you enter should be a multiple of 0.1"),
    "LOT_SIZE": ("45112", "more than the maximum order quantity"),
    "MIN_NOTIONAL": ("45110", "less than the minimum amount 5 USDT"),
    "REDUCE_ONLY_REFUSED": ("22002", "No position to close"),
}
FAILURES = {
    "expired": ("40008", "Request timestamp expired"),
    "account_limit": ("40918", "Traders open positions with orders too frequently"),
    "timeout": ("40010", "Request timed out"),
}


def sides(order: Order) -> dict[str, str]:
    """Return which way an order trades; where both sides are held, the side is that of the position."""
    if order.position_side is PositionSide.BOTH:
        return {"side": order.side.value.lower(), "posMode": "one_way_mode"}
    held = "buy" if order.position_side is PositionSide.LONG else "sell"
    return {"side": held, "tradeSide": "close" if order.closes_only else "open", "posMode": "hedge_mode"}


def order_row(number: int, order: Order, state: str) -> dict[str, Any]:
    """Return an order."""
    return {
        "symbol": order.symbol,
        "orderId": str(number),
        "clientOid": order.client_order_id,
        **sides(order),
        "posSide": "net" if order.position_side is PositionSide.BOTH else order.position_side.value.lower(),
        "orderType": order.type.value.lower(),
        "force": NAMES[order.time_in_force or TimeInForce.GTC],
        state: STATES[order.status],
        "price": order.price or "",
        "size": order.quantity,
        "baseVolume": order.filled_quantity,
        "quoteVolume": order.filled_quote,
        "priceAvg": average(order),
        "marginCoin": "USDT",
        "marginMode": "crossed",
        "reduceOnly": "yes" if order.reduce_only else "no",
        "fee": "",
        "cTime": str(to_milliseconds(order.created_at)),
        "uTime": str(to_milliseconds(order.updated_at)),
    }


def fill_row(index: int, number: int, account: Account, trade: Trade) -> dict[str, Any]:
    """Return a trade of an order, by its place in the list."""
    fee = {"deduction": "no", "feeCoin": trade.fee_asset, "totalDeductionFee": "", "totalFee": -trade.fee}
    return {
        "tradeId": str(index),
        "symbol": account.orders[number].symbol,
        "orderId": str(number),
        "price": trade.price,
        "baseVolume": trade.quantity,
        "quoteVolume": trade.quote_quantity,
        **sides(account.orders[number]),
        "feeDetail": [fee],
        "tradeScope": "maker" if trade.is_maker else "taker",
        "cTime": str(to_milliseconds(trade.time)),
    }
