"""Lists that exchanges give out in pages, and what is looked up in them: orders by an id, trades."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.errors import NotSupported
from markets.venues.generic.exchanges import Exchange, Lookup, Pages

SEARCHED = timedelta(days=7)
MOST_TRADES = 100
TRADES_AT_ONCE = 19  # Kraken takes twenty, but ccxt would then ask once more, for none
SECOND = timedelta(seconds=1)

Structure = Mapping[str, Any]
Page = Callable[[dict[str, Any]], Awaitable[Sequence[Structure]]]


async def whole(page: Page, pages: Pages | None) -> list[Structure]:
    """Return all rows of a list. What moves from one page to the next while it is read is told once."""
    rows: dict[Hashable, Structure] = {}
    parameters: dict[str, Any] = {}
    while True:
        found = await page(dict(parameters))
        news = {_identity(row): row for row in found if _identity(row) not in rows}
        rows |= news
        beyond = _next_page(pages, found, len(rows)) if pages and news else None
        if pages is None or beyond is None:
            return list(rows.values())
        parameters = {pages.parameter: beyond}


def _identity(row: Structure) -> Hashable:
    """Return what tells rows apart: trades between two orders of one account share their id."""
    return row.get("id"), row.get("order"), row.get("symbol"), row.get("side")


def _next_page(pages: Pages, found: Sequence[Structure], known: int) -> Any:
    """Return what leads to the next page, None where this was the last one."""
    if len(found) < pages.size:
        return None
    if not pages.field:
        return known
    marks = [str(mark) for row in found if (mark := (row.get("info") or {}).get(pages.field))]
    return min(marks, key=lambda mark: (len(mark), mark), default=None)  # the lowest number is the oldest


async def orders_by_number(exchange: Any, facts: Exchange, name: str, venue_order_id: str) -> list[Structure]:
    """Return the order of an exchange's own id, as far as the exchange has it."""
    if facts.lookup is Lookup.ORDER or facts.finds_by_own_id:
        return [await exchange.fetch_order(venue_order_id, name)]
    return await _listed(exchange, facts, name, "id", {facts.order_parameter: venue_order_id})


async def orders_by_client_id(exchange: Any, facts: Exchange, name: str, client_order_id: str) -> list[Structure]:
    """Return the orders of a client order id, as far as the exchange has them."""
    by_id = {facts.id_parameter: client_order_id}
    if facts.lookup is Lookup.ORDER:
        return [await exchange.fetch_order("", name, by_id)]
    return await _listed(exchange, facts, name, "clientOrderId", by_id)


async def _listed(exchange: Any, facts: Exchange, name: str, field: str, by_id: dict[str, str]) -> list[Structure]:
    """Return the orders that have this id in this field, from the open ones, else from those that ended."""
    (wanted,) = by_id.values()
    filtered = facts.lookup is Lookup.FILTERED_LISTS
    only = by_id if filtered else {}
    since = None if filtered else to_milliseconds(datetime.now(UTC) - SEARCHED)
    found = _with(field, wanted, await exchange.fetch_open_orders(name, None, None, only))
    for method in [] if found else _past_lists(exchange.has):
        found += _with(field, wanted, await getattr(exchange, method)(name, since, None, only))
    return found


def _with(field: str, wanted: str, orders: Sequence[Structure]) -> list[Structure]:
    return [order for order in orders if order.get(field) == wanted]


def _past_lists(has: Mapping[str, Any]) -> list[str]:
    """Return the methods whose lists together hold all orders that ended."""
    if has.get("fetchCanceledAndClosedOrders"):
        return ["fetch_canceled_and_closed_orders"]
    if has.get("fetchOrders"):
        return ["fetch_orders"]
    if not has.get("fetchClosedOrders"):
        raise NotSupported("The exchange has no list of orders that ended, so nobody knows what it does not have.")
    return ["fetch_closed_orders", *(["fetch_canceled_orders"] if has.get("fetchCanceledOrders") else [])]


async def trades_of_order(exchange: Any, facts: Exchange, name: str, venue_order_id: str) -> list[Structure]:
    """Return the trades of one order, however many."""
    if facts.order_parameter:
        only = {facts.order_parameter: venue_order_id}
        return await whole(lambda more: exchange.fetch_my_trades(name, None, None, only | more), facts.trade_pages)
    if facts.finds_by_own_id:
        order = await exchange.fetch_order(venue_order_id, name)
        numbers = [trade["id"] for trade in order.get("trades") or ()]
        return [
            trade
            for start in range(0, len(numbers), TRADES_AT_ONCE)
            for trade in await exchange.fetch_order_trades(
                venue_order_id, name, None, None, {"trades": numbers[start : start + TRADES_AT_ONCE]}
            )
        ]
    if exchange.has.get("fetchOrderTrades") is True:
        return list(await exchange.fetch_order_trades(venue_order_id, name))
    return list(await exchange.fetch_my_trades(name, None, MOST_TRADES))


async def trades_since(exchange: Any, facts: Exchange, name: str, since: datetime | None) -> list[Structure]:
    """Return all trades in a market since a moment, or the latest."""
    if since is None:
        return list(await exchange.fetch_my_trades(name, None, MOST_TRADES))
    found: list[Structure] = []
    pages, now = facts.trade_pages, datetime.now(UTC)
    asked = name if pages is None or pages.filtered else None
    start = since - SECOND  # some exchanges count in seconds, and leave out the first
    while start < now:
        end = min(now, start + facts.longest_stretch) if facts.longest_stretch else now
        until = {"until": to_milliseconds(end + SECOND)} if facts.longest_stretch else {}
        found += await whole(_stretch(exchange, asked, start, until), pages)
        start = end
    return [trade for trade in found if trade["symbol"] == name and int(trade["timestamp"]) >= to_milliseconds(since)]


def _stretch(exchange: Any, name: str | None, start: datetime, until: Mapping[str, int]) -> Page:
    return lambda more: exchange.fetch_my_trades(name, to_milliseconds(start), None, {**until, **more})
