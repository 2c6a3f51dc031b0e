"""What the trades of orders add up to, and what that says of the orders."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

from copytrade.lib.sql import numbers, run
from markets.venues.vocabulary import MarketKind
from orders.accounting import EXACT, ZERO
from orders.executor.rows import OrderRow
from orders.services.booking import Booked
from orders.services.storing import AnyOrder


def fill_totals(order_ids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    """Return by order the sums over its trades: quantity, quote, quantity x price, quantity / price."""
    rows = run(
        "SELECT order_id, sum(quantity), sum(quote_quantity), sum(quantity * price), sum(quantity / price) "
        "FROM orders_fill WHERE order_id = ANY(%s) GROUP BY order_id",
        [numbers(order_ids)],
    )
    return {row[0]: row[1:] for row in rows}


def totals(orders: Mapping[int, OrderRow], booked: Sequence[Booked]) -> dict[int, tuple[Any, ...]]:
    """Return what `fill_totals` does; what it would find for orders that had no trades is known here."""
    new: dict[int, list[Booked]] = defaultdict(list)
    for trade in booked:
        new[trade.order_id].append(trade)
    first = {pk: mine for pk, mine in new.items() if not orders[pk].booked_quantity and _priced(mine)}
    others = [pk for pk in orders if pk not in first]
    return _booked_totals(first) | (fill_totals(others) if others else {})


def worth_take(order: AnyOrder, sums: Sequence[Any]) -> None:
    """Give an order the worth and the average price of its trades, whose sums are as `fill_totals` has them."""
    quantity, quote, by_price, over_price = sums
    inverse = order.market.kind == MarketKind.COIN_M
    order.filled_quote = quote
    order.average_price = (quantity / over_price) if inverse else (by_price / quantity)


def _priced(trades: Sequence[Booked]) -> bool:
    return all(trade.price for trade in trades)


def _booked_totals(trades: Mapping[int, Sequence[Booked]]) -> dict[int, tuple[Any, ...]]:
    with localcontext(EXACT):
        return {pk: _sums(mine) for pk, mine in trades.items()}


def _sums(trades: Sequence[Booked]) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    quantity = quote = by_price = over_price = ZERO
    for trade in trades:
        quantity, quote = quantity + trade.quantity, quote + trade.quote_quantity
        by_price, over_price = by_price + trade.quantity * trade.price, over_price + trade.quantity / trade.price
    return quantity, quote, by_price, over_price
