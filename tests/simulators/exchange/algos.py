"""Conditional orders of the futures markets: they wait for a price and then place an order."""

import itertools
from decimal import Decimal
from functools import partial

from tests.simulators.exchange import events
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.faults import Faults
from tests.simulators.exchange.filters import check
from tests.simulators.exchange.futures_money import closable
from tests.simulators.exchange.hub import Hub
from tests.simulators.exchange.kinds import FUTURES, Clock, Market
from tests.simulators.exchange.matching import FIRST_ID, Engine, reached
from tests.simulators.exchange.orders import Algo, Order
from tests.simulators.exchange.refusals import Refusal

MOST_OPEN = 200  # conditional orders of an account
PLACES = {"STOP": "LIMIT", "TAKE_PROFIT": "LIMIT"}


class Algos:
    """The conditional orders of all accounts."""

    def __init__(self, clock: Clock, hub: Hub, engine: Engine, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._hub = hub
        self._engine = engine
        self._ids = {market: itertools.count(FIRST_ID) for market in FUTURES}

    def add(self, algo: Algo) -> None:
        """Let a conditional order wait (-4116 duplicate, -4045 too many, -2021 where it would trigger at once)."""
        order = algo.order
        market = order.symbol.market
        ledger, book = order.account.ledgers[market], self._engine.books[market][order.symbol.name]
        if any(other.client_id == algo.client_id for other in ledger.open_algos.values()):
            raise Refusal(-4116)
        if len(ledger.open_algos) >= MOST_OPEN:
            raise Refusal(-4045)
        if not algo.trails and reached(order.type, order.side, algo.trigger, _price(book, order)):
            raise Refusal(-2021)
        algo.id = next(self._ids[market])
        algo.created = algo.updated = self._clock.ms()
        algo.active, algo.extreme = not algo.activate, book.price
        ledger.algos[algo.id] = ledger.open_algos[algo.id] = algo
        ledger.algos_by_client[algo.client_id] = algo
        book.algos[algo.id] = algo
        self._tell(algo)

    def cancel(self, algo: Algo) -> None:
        """Cancel a conditional order that waits."""
        self._finish(algo, "CANCELED")

    def move(self, book: Book) -> None:
        """Look which conditional orders of a symbol its new price sets off."""
        for algo in list(book.algos.values()):
            if algo.id in book.algos and self._due(book, algo):
                self._trigger(book, algo)

    def _due(self, book: Book, algo: Algo) -> bool:
        order, price = algo.order, _price(book, algo.order)
        if algo.trails:
            return _trail(algo, price)
        if not reached(order.type, order.side, algo.trigger, price):
            return False
        gap = abs(book.mark - book.price) / book.price
        return not algo.price_protect or gap <= Decimal(str(order.symbol.raw["triggerProtect"]))

    def _trigger(self, book: Book, algo: Algo) -> None:
        algo.triggered = self._clock.ms()
        self._close(algo)
        self._set(algo, "TRIGGERING")
        if self._faults.for_event("algo_stuck", algo.order.account.key, "ALGO_UPDATE"):
            return
        order = self._actual(algo)
        if not order.quantity:
            self._finish(algo, "EXPIRED")
            return
        try:
            check(order, book)
            self._engine.place(order)
        except Refusal as refusal:
            algo.reason = refusal.message
            self._finish(algo, "REJECTED")
            return
        algo.actual = order
        self._set(algo, "TRIGGERED")
        if order.open:
            order.ended = partial(self._set, algo, "FINISHED")
        else:
            self._set(algo, "FINISHED")

    @staticmethod
    def _actual(algo: Algo) -> Order:
        """Return the order to place; one that closes a position has the size that the position has now."""
        model = algo.order
        quantity = model.quantity
        if model.close_position:
            quantity = closable(model.account, model.symbol, model.side, model.position_side)
        return Order(
            account=model.account,
            symbol=model.symbol,
            side=model.side,
            type=PLACES.get(model.type, "MARKET"),
            quantity=quantity,
            client_id=algo.client_id,
            price=model.price,
            time_in_force=model.time_in_force,
            position_side=model.position_side,
            reduce_only=model.reduce_only or (model.close_position and model.position_side == "BOTH"),
            close_position=model.close_position,
            stop_price=algo.trigger,
            working_type=model.working_type,
            original_type=model.type,
            stp_mode=model.stp_mode,
        )

    def _finish(self, algo: Algo, status: str) -> None:
        self._close(algo)
        self._set(algo, status)

    def _close(self, algo: Algo) -> None:
        symbol = algo.order.symbol
        algo.order.account.ledgers[symbol.market].open_algos.pop(algo.id, None)
        self._engine.books[symbol.market][symbol.name].algos.pop(algo.id, None)

    def _set(self, algo: Algo, status: str) -> None:
        algo.status, algo.updated = status, self._clock.ms()
        self._tell(algo)

    def _tell(self, algo: Algo) -> None:
        market: Market = algo.order.symbol.market
        place = (market, algo.order.account.key)
        if self._hub.listens(place):
            self._hub.add(place, events.algo_update(algo, self._clock.ms()))


def _price(book: Book, order: Order) -> Decimal:
    return book.mark if order.working_type == "MARK_PRICE" else book.price


def _trail(algo: Algo, price: Decimal) -> bool:
    """Follow the price; return whether it has turned by the callback rate (percent) from its extreme."""
    buys = algo.order.buys
    if not algo.active:
        if not (price <= algo.activate if buys else price >= algo.activate):
            return False
        algo.active, algo.extreme = True, price
    algo.extreme = min(algo.extreme, price) if buys else max(algo.extreme, price)
    turn = algo.callback / 100
    algo.trigger = algo.extreme * (1 + turn if buys else 1 - turn)
    return price >= algo.trigger if buys else price <= algo.trigger
