"""A request on its way to the part that answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter
from typing import Any

import msgspec

from tests.simulators.exchange.accounts import Account, Ledger
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.kinds import Market
from tests.simulators.exchange.orders import Order, Trade
from tests.simulators.exchange.params import Params
from tests.simulators.exchange.refusals import Refusal, missing
from tests.simulators.exchange.venue import Venue


class Security(Enum):
    """What an endpoint asks for."""

    NONE = 0
    KEY = 1
    SIGNED = 2


class Call(msgspec.Struct):
    """One request."""

    venue: Venue
    market: Market
    params: Params
    now: int
    account: Account | None = None
    method: str = "GET"

    @property
    def owner(self) -> Account:
        """Return the account that sent it (-2014)."""
        if self.account is None:
            raise Refusal(-2014)
        return self.account

    @property
    def ledger(self) -> Ledger:
        """Return what the account has in this market."""
        return self.owner.ledgers[self.market]

    @property
    def book(self) -> Book:
        """Return the symbol that it names (-1102, -1121)."""
        return self.venue.book(self.market, self.params.values.get("symbol"))


@dataclass(slots=True, frozen=True)
class Endpoint:
    """One path and method of a market. `counts`: whether it counts as an order."""

    handle: Callable[[Call], Any]
    market: Market
    security: Security = Security.SIGNED
    weight: int | Callable[[Params], int] = 1
    permission: str = "reading"
    counts: bool = False


def find_order(call: Call, *, code: int) -> Order:
    """Return the order that a request names by either id; refuse with the code where there is none."""
    params, ledger, book = call.params, call.ledger, call.book
    number, client = params.number("orderId"), params.get("origClientOrderId")
    if number is None and not client:
        raise missing("orderId") if call.market is Market.SPOT else missing("origClientOrderId or orderId")
    order = ledger.orders.get(number) if number is not None else _by_client(ledger, client)
    if order is None or order.symbol.name != book.symbol.name or (client and order.client_id != client):
        raise Refusal(code)
    return order


def _by_client(ledger: Ledger, client: str) -> Order | None:
    """Return the open order of this id, or the latest that used it, which few ask for: there is no index of those."""
    latest_first = reversed(ledger.orders.values())
    return ledger.open_clients.get(client) or next((each for each in latest_first if each.client_id == client), None)


def chosen_orders(call: Call, symbols: set[str]) -> list[Order]:
    """Return orders of these symbols, oldest first, as `orderId`, `startTime`, `endTime` and `limit` say."""
    params = call.params
    limit = params.limit(500, 1000)
    first, start, end = params.number("orderId"), params.number("startTime"), params.number("endTime")
    rows = [
        order
        for order in call.ledger.orders.values()
        if order.symbol.name in symbols
        and (first is None or order.id >= first)
        and (start is None or order.time >= start)
        and (end is None or order.time <= end)
    ]
    return rows[:limit] if first is not None or start is not None else rows[-limit:]


def chosen_trades(call: Call, symbols: set[str]) -> list[Trade]:
    """Return fills of these symbols, oldest first, as `orderId`, `fromId`, times and `limit` say."""
    params = call.params
    limit = params.limit(500, 1000)
    order, first = params.number("orderId"), params.number("fromId")
    start, end = params.number("startTime"), params.number("endTime")
    if order is not None:
        known = call.ledger.orders.get(order)
        trades = known.trades if known else []
    else:
        trades = sorted((trade for each in call.ledger.orders.values() for trade in each.trades), key=attrgetter("id"))
    rows = [
        trade
        for trade in trades
        if trade.order.symbol.name in symbols
        and (first is None or trade.id >= first)
        and (start is None or trade.time >= start)
        and (end is None or trade.time <= end)
    ]
    return rows[:limit] if first is not None or start is not None else rows[-limit:]
