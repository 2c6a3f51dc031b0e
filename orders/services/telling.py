"""What people are told of their orders on their private stream."""

from collections.abc import Iterable
from typing import Any

from copytrade.lib.sql import run
from copytrade.lib.wire import iso_time, plain_digits
from copytrade.realtime.messages import Message, private_stream
from copytrade.realtime.services import messages_publish

TELL = """
    SELECT a.user_id, o.id, o.account_id, a.venue, m.symbol, o.client_order_id, o.venue_order_id, o.origin, o.side,
        o.type, o.state, trim_scale(o.quantity), trim_scale(o.price), trim_scale(o.filled_quantity),
        trim_scale(o.average_price), o.reason_code, o.reason, o.updated_at
    FROM orders_order o JOIN orders_tradingaccount a ON a.id = o.account_id JOIN markets_market m ON m.id = o.market_id
    WHERE o.id = ANY(%s) ORDER BY o.id
"""


def orders_tell(order_ids: Iterable[int]) -> None:
    """Publish `order:updated` of these orders as they stand in this transaction; two statements, none for none."""
    ids = sorted(set(order_ids))
    if ids:
        messages_publish([_message(row) for row in run(TELL, [ids])])


def _message(row: tuple[Any, ...]) -> Message:
    user, pk, account, venue, symbol, client_id, venue_id, origin, side, kind, state, *figures = row
    quantity, price, filled, average, code, reason, updated_at = figures
    data = {
        "orderId": pk,
        "accountId": account,
        "venue": venue,
        "symbol": symbol,
        "clientOrderId": client_id,
        "venueOrderId": venue_id or None,
        "origin": origin,
        "side": side,
        "type": kind,
        "state": state,
        "quantity": None if quantity is None else plain_digits(quantity),
        "price": None if price is None else plain_digits(price),
        "filledQuantity": plain_digits(filled),
        "averagePrice": None if average is None else plain_digits(average),
        "code": code or None,
        "reason": reason or None,
        "updatedAt": iso_time(updated_at),
    }
    return Message("order:updated", data, (private_stream(user),), replaces=f"order:{pk}")
