"""The matching engine: it takes orders, fills them against the price of their symbol, and moves the price."""

import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol

from tests.simulators.exchange import events
from tests.simulators.exchange.accounts import Ledger
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.futures_money import FuturesMoney, reducible
from tests.simulators.exchange.hub import Hub
from tests.simulators.exchange.kinds import FUTURES, SPOT, ZERO, Clock, Market
from tests.simulators.exchange.orders import Order, Trade
from tests.simulators.exchange.refusals import Refusal, filtered, rejected
from tests.simulators.exchange.spot_money import SpotMoney
from tests.simulators.exchange.symbols import value_of

FIRST_ID = 1_000_001  # on purpose the same in each market: only market and id together name an order
REDUCED, NOT_FILLED, IOC_REST, FOK_KILLED = 4, 9, 2, 10  # reasons in the field `er` of futures events

Fills = list[tuple[Decimal, Decimal]]


class Money(Protocol):
    """What an order and its trades do to balances."""

    def reserve(self, order: Order, fills: Fills, *, rests: bool) -> None:
        """Set aside what the order may cost; refuse it where the account is too poor."""

    def release(self, order: Order, quantity: Decimal) -> None:
        """Give back what was set aside for a part of the order."""

    def settle(self, order: Order, trade: Trade) -> None:
        """Move what a trade moves."""


class Engine:
    """Orders of all accounts in all markets."""

    def __init__(self, clock: Clock, hub: Hub, books: dict[Market, dict[str, Book]]) -> None:
        self._clock = clock
        self._hub = hub
        self.books = books
        self.futures = {market: FuturesMoney(market, books[market]) for market in FUTURES}
        self._spot = SpotMoney(books[SPOT])
        self._money: dict[Market, Money] = {**self.futures, SPOT: self._spot}
        self._order_ids = {market: itertools.count(FIRST_ID) for market in Market}
        self._trade_ids = {market: itertools.count(FIRST_ID) for market in Market}

    def place(self, order: Order) -> None:
        """Take an order that has passed the filters; refuse it as the matching engine would."""
        symbol, market = order.symbol, order.symbol.market
        book, ledger = self.books[market][symbol.name], order.account.ledgers[market]
        if order.client_id in ledger.open_clients:
            raise rejected("Duplicate order sent.") if market is SPOT else Refusal(-4116)
        if symbol.most_orders and len(ledger.open) >= symbol.most_orders:
            self._check_count(order)
        if market is SPOT and self._is_plain(book, order):
            self._swap(book, ledger, order)
            return
        fills, rests = self._plan(book, order)
        self._money[market].reserve(order, fills, rests=rests)
        self._enter(book, ledger, order, rests=rests)
        self._fill_all(order, fills, order.time, maker=False)
        if order.open and not rests:
            self._expire(order, self._why(order))

    def cancel(self, order: Order, cancel_id: str = "") -> None:
        """Cancel an open order."""
        order.cancel_id = cancel_id or order.client_id
        self._finish(order, "CANCELED")

    def move(self, book: Book, price: Decimal, mark: Decimal | None = None) -> None:
        """Set price and mark price of a symbol; resting orders that the price reaches fill at their own price."""
        book.price, book.mark = price, price if mark is None else mark
        book.updates += 1
        for order in list(book.orders.values()):
            if order.waits:
                self._wake(book, order)
            elif order.open and order.crosses(price):
                self.fill_resting(order)

    def fill_resting(self, order: Order, quantity: Decimal | None = None, price: Decimal | None = None) -> None:
        """Fill an open order as the maker, wholly or partly, at its own price where none is given."""
        size = order.remaining if quantity is None else min(quantity, order.remaining)
        if order.reduce_only:
            size = min(size, reducible(order))
        if not size:
            self._expire(order, REDUCED)
            return
        book = self.books[order.symbol.market][order.symbol.name]
        own = price or order.price or book.price
        planned = book.fills(order, size) if quantity is None else [(size, own)]
        self._fill_all(order, [(part, own) for part, _ in planned], self._clock.ms(), maker=True)

    def reset(self) -> None:
        """Forget all orders of all symbols, and how they fill."""
        for book in itertools.chain.from_iterable(books.values() for books in self.books.values()):
            book.orders.clear()
            book.algos.clear()
            book.plans.clear()

    def _is_plain(self, book: Book, order: Order) -> bool:
        """Return whether an order of the spot market is one trade whose steps nobody hears of."""
        account, hub = order.account, self._hub
        if order.type != "MARKET" or book.plans or account.fees_in_bnb:
            return False
        return not (hub.listeners and hub.listens((SPOT, account.key)))

    def _swap(self, book: Book, ledger: Ledger, order: Order) -> None:
        """Do for a plain order what the rest of `place` comes to: a fan-out has no others."""
        quantity, price = order.quantity, book.price
        worth = value_of(order.symbol, quantity, price)
        asset, fee = self._spot.swap(order, ledger, worth)
        number = order.id = next(self._order_ids[SPOT])
        now = order.time = order.updated = self._clock.ms()
        ledger.orders[number] = order
        order.status, order.executed, order.worth = "FILLED", quantity, worth
        order.trades = [Trade(next(self._trade_ids[SPOT]), order, quantity, price, worth, False, now, fee, asset)]

    @staticmethod
    def _check_count(order: Order) -> None:
        symbol = order.symbol
        open_here = sum(
            other.symbol.name == symbol.name for other in order.account.ledgers[symbol.market].open.values()
        )
        if open_here >= symbol.most_orders:
            raise filtered("MAX_NUM_ORDERS") if symbol.market is SPOT else Refusal(-2025)

    def _plan(self, book: Book, order: Order) -> tuple[Fills, bool]:
        """Return how an order fills at once, and whether its rest stays in the book."""
        if order.waits:
            return [], True
        quantity = order.quantity if order.symbol.market is SPOT else self._fillable(order)
        if order.type == "MARKET":
            return book.fills(order, quantity), False
        patient = order.time_in_force in {"GTC", "GTX", "GTD"}
        if not order.crosses(book.price):
            self._check_killed(order, [])
            return [], patient
        if order.time_in_force == "GTX" or order.type == "LIMIT_MAKER":
            spot = order.symbol.market is SPOT
            raise rejected("Order would immediately match and take.") if spot else Refusal(-5022)
        better = min if order.buys else max
        fills = [(size, better(price, order.price)) for size, price in book.fills(order, quantity)]
        if self._check_killed(order, fills):
            return [], False
        return fills, patient

    @staticmethod
    def _check_killed(order: Order, fills: Iterable[tuple[Decimal, Decimal]]) -> bool:
        """Return whether a fill-or-kill order cannot fill as a whole; -5021 on the futures markets."""
        if order.time_in_force != "FOK" or sum((size for size, _ in fills), ZERO) >= order.quantity:
            return False
        if order.symbol.market is not SPOT:
            raise Refusal(-5021)
        return True

    @staticmethod
    def _fillable(order: Order) -> Decimal:
        closes = order.position_side != "BOTH" and (order.position_side == "LONG") != order.buys
        if not order.reduce_only and not closes:
            return order.quantity
        most = reducible(order)
        if not most or (closes and order.quantity > most):
            raise Refusal(-2022)
        return min(order.quantity, most)

    def _enter(self, book: Book, ledger: Ledger, order: Order, *, rests: bool) -> None:
        number = order.id = next(self._order_ids[order.symbol.market])
        order.time = order.updated = self._clock.ms()
        ledger.orders[number] = order
        if rests:
            ledger.open[number] = ledger.open_clients[order.client_id] = book.orders[number] = order
        if self._hub.listeners:
            self._tell(order, "NEW")

    def _wake(self, book: Book, order: Order) -> None:
        """Let a conditional order of the spot market begin to work, once the price has reached its stop."""
        if not reached(order.type, order.side, order.stop_price, book.price):
            return
        order.waits = False
        if order.type in {"STOP_LOSS", "TAKE_PROFIT"}:
            self._fill_all(order, book.fills(order, order.quantity), self._clock.ms(), maker=False)
            if order.open:
                self._expire(order, NOT_FILLED)
        elif order.crosses(book.price):
            self._fill_all(order, [(order.quantity, book.price)], self._clock.ms(), maker=False)

    def _fill_all(self, order: Order, fills: Fills, now: int, *, maker: bool) -> None:
        symbol, market = order.symbol, order.symbol.market
        ids, money, ledger = self._trade_ids[market], self._money[market], order.account.ledgers[market]
        for quantity, price in fills:
            trade = Trade(next(ids), order, quantity, price, value_of(symbol, quantity, price), maker, now)
            self._fill(ledger, order, trade, money)
            if self._hub.listeners:
                self._tell(order, "TRADE", trade)
            if order.ended and not order.open:
                order.ended()

    def _fill(self, ledger: Ledger, order: Order, trade: Trade, money: Money) -> None:
        money.release(order, trade.quantity)
        # What fills at once needs no numbers of its own.
        order.executed = order.executed + trade.quantity if order.executed else trade.quantity
        order.worth = order.worth + trade.worth if order.worth else trade.worth
        order.updated = trade.time
        money.settle(order, trade)
        order.trades.append(trade)
        if order.executed < order.quantity:
            order.status = "PARTIALLY_FILLED"
            return
        order.status = "FILLED"
        if order.id in ledger.open:
            self._close(order)

    @staticmethod
    def _why(order: Order) -> int:
        if order.reduce_only and order.executed:
            return REDUCED
        return {"IOC": IOC_REST, "FOK": FOK_KILLED}.get(order.time_in_force, NOT_FILLED)

    def _expire(self, order: Order, reason: int) -> None:
        order.expiry = reason
        self._finish(order, "EXPIRED")

    def _finish(self, order: Order, status: str) -> None:
        self._money[order.symbol.market].release(order, order.remaining)
        order.status, order.updated = status, self._clock.ms()
        self._close(order)
        if self._hub.listeners:
            self._tell(order, status)
        if order.ended:
            order.ended()

    def _close(self, order: Order) -> None:
        market = order.symbol.market
        ledger = order.account.ledgers[market]
        if ledger.open.pop(order.id, None):
            ledger.open_clients.pop(order.client_id, None)
            self.books[market][order.symbol.name].orders.pop(order.id, None)

    def _tell(self, order: Order, kind: str, trade: Trade | None = None) -> None:
        market = order.symbol.market
        place = (market, order.account.key)
        if not self._hub.listens(place):
            return
        now = self._clock.ms()
        if market is SPOT:
            self._hub.add(place, events.execution_report(order, kind, trade, now))
            self._hub.add(place, events.account_position(order, trade, now))
            return
        if trade:
            book = self.books[market][order.symbol.name]
            self._hub.add(place, events.trade_lite(order, trade, now))
            self._hub.add(place, events.account_update(order, trade, book, now))
        self._hub.add(place, events.order_update(order, kind, trade, now))


def reached(kind: str, side: str, trigger: Decimal, price: Decimal) -> bool:
    """Return whether a price sets off a conditional order: stops follow the price, profits are taken against it."""
    upwards = (side == "BUY") == kind.startswith("STOP")
    return price >= trigger if upwards else price <= trigger
