"""The whole exchange: its parts, and the state that they share."""

from collections.abc import Callable
from typing import Any

from tests.simulators.exchange import accounts
from tests.simulators.exchange.accounts import Account
from tests.simulators.exchange.algos import Algos
from tests.simulators.exchange.books import Book
from tests.simulators.exchange.candles import Candles
from tests.simulators.exchange.faults import Faults
from tests.simulators.exchange.feeds import Feeds
from tests.simulators.exchange.filters import check
from tests.simulators.exchange.hub import Hub
from tests.simulators.exchange.journal import Journal
from tests.simulators.exchange.kinds import Clock, Market
from tests.simulators.exchange.limits import Limits
from tests.simulators.exchange.matching import Engine
from tests.simulators.exchange.orders import Order
from tests.simulators.exchange.refusals import Refusal, missing
from tests.simulators.exchange.symbols import Catalogue


class Venue:
    """Everything in memory; one thread uses it. `latency`: least and most milliseconds before each answer."""

    def __init__(self, latency: tuple[float, float] = (0.0, 0.0)) -> None:
        self.clock = Clock()
        self._usual_latency = latency
        self.sockets: set[Callable[[], None]] = set()
        self._accounts_made = 0
        self.start()

    def start(self) -> None:
        """Begin anew, with no accounts; open sockets are cut."""
        for cut in list(self.sockets):
            cut()
        self.clock.offset = 0
        self.latency = self._usual_latency
        self.faults = Faults()
        self.hub = Hub(self.clock, self.faults)
        self.limits = Limits()
        self.journal = Journal()
        self.catalogues = {market: Catalogue(market) for market in Market}
        self.books = {market: self._listed(market) for market in Market}
        self.engine = Engine(self.clock, self.hub, self.books)
        self.algos = Algos(self.clock, self.hub, self.engine, self.faults)
        self.candles = Candles()
        self.feeds = Feeds(self.clock)
        self.accounts: dict[str, Account] = {}

    def _listed(self, market: Market) -> dict[str, Book]:
        return {name: Book(symbol) for name, symbol in self.catalogues[market].symbols.items()}

    def open_account(self, **options: Any) -> Account:
        """Create an account, or replace the one of that key."""
        self._accounts_made += 1
        account = accounts.create(self._accounts_made, self.clock.ms(), **options)
        self.accounts[account.key] = account
        return account

    def book(self, market: Market, name: str | None) -> Book:
        """Return a symbol with its state (-1102, -1121)."""
        if not name:
            raise missing("symbol")
        try:
            return self.books[market][name]
        except KeyError:
            raise Refusal(-1121) from None

    def submit(self, order: Order) -> None:
        """Pass an order through the filters and the engine, and remember the attempt."""
        book = self.books[order.symbol.market][order.symbol.name]
        try:
            check(order, book)
            self.engine.place(order)
        except Refusal as refusal:
            self.journal.note(order, self.clock.ms(), code=refusal.code)
            raise
        self.journal.note(order, order.time, number=order.id)
