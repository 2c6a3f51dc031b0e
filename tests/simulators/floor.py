"""What the simulators of single exchanges share: accounts, orders and money, kept by the pure engine of paper.

An exchange adds its face: which paths there are, how it is spoken to, and its words for what happens here.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any, ClassVar

from copytrade.lib.wire import plain_digits
from markets.filters import Filters
from markets.venues.base import MarketSpec, OrderRequest, PriceReport
from markets.venues.errors import Rejected
from markets.venues.paper import engine, matching
from markets.venues.paper.facts import Balance, Ledger, MarketKey, Order, Trade
from markets.venues.paper.numbers import exact
from markets.venues.paper.pricing import Slice
from markets.venues.paper.settle import settle
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import MarketKind, VenueStatus

HALF_SPREAD = Decimal("0.1")
FIRST_PRICE = Decimal(50_000)
MINUTE = 60_000
CANDLE = ("50000", "50010.5", "49990", "50005", "12.5", "625000")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived: `query` and `body` as they were sent, for the signature, and both decoded."""

    method: str
    path: str
    query: str
    body: str
    headers: Mapping[str, str]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, or text as it is."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The exchange says no, with a code of its own."""

    def __init__(self, code: str | int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Account:
    """A key with what it owns; orders by their number. `number` is the last one that its requests were counted by."""

    key: str
    secret: str
    permissions: Any
    ledger: Ledger
    passphrase: str = ""
    number: int = 0
    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[tuple[int, Trade]] = field(default_factory=list)

    def find(self, number: Any = None, link: Any = None) -> tuple[int, Order] | None:
        """Return an order by its number, or the last one of a client order id; some orders have none."""
        orders = self.orders.items()
        found = [item for item in orders if (link and link == item[1].client_order_id) or number == str(item[0])]
        return found[-1] if found else None

    def trades_of(self, number: int) -> list[Trade]:
        """Return the trades of an order, oldest first."""
        return [trade for owner, trade in self.trades if owner == number]


class Exchange(ABC):
    """An exchange with a few markets, by the names that its face has for them."""

    name: ClassVar[str]
    creates: ClassVar[str]
    terms: ClassVar[Terms] = Terms(slippage=Decimal(0), liquidity=None)
    ids_for_ever: ClassVar[bool] = True  # whether a client order id is taken once its order has ended

    def __init__(self, markets: Mapping[str, MarketSpec]) -> None:
        self.accounts: dict[str, Account] = {}
        self.markets = markets
        self.prices: dict[str, PriceReport] = {}
        self.numbers = count(1_000_001)
        self._names = {MarketKey(spec.kind, spec.symbol): name for name, spec in markets.items()}
        for market in markets:
            self.price(market, FIRST_PRICE)

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request; what it says no to raises `Refusal`."""

    @abstractmethod
    def refused(self, refusal: Refusal) -> Reply:
        """Return how the exchange says no."""

    @abstractmethod
    def failed(self, kind: str, seconds: float) -> Reply:
        """Return what the exchange says when something goes wrong: expired, limit, account_limit, timeout or banned."""

    @abstractmethod
    def permissions(self, *, withdraws: bool) -> Any:
        """Return the rights of a key that may trade, in the exchange's words."""

    def open_account(self, number: int, balances: Mapping[str, str], *, withdraws: bool = False) -> Account:
        """Return a new key that owns these coins."""
        coins = {asset: Balance(Decimal(amount)) for asset, amount in balances.items()}
        ledger, name = Ledger(coins, leverage=10), f"{self.name}-{number}"
        rights = self.permissions(withdraws=withdraws)
        made = Account(f"key-of-{name}", self.secret(number), rights, ledger, f"phrase-of-{name}")
        self.accounts[made.key] = made
        return made

    def secret(self, number: int) -> str:
        """Return the secret of a new key."""
        return f"secret-of-{self.name}-{number}"

    def price(self, market: str, price: Decimal) -> None:
        """Move a market, and fill what it reaches."""
        spec, now = self.markets[market], datetime.now(UTC)
        self.prices[market] = PriceReport(
            spec.symbol, spec.kind, now, last=price, bid=price - HALF_SPREAD, ask=price + HALF_SPREAD, mark=price
        )
        for account in self.accounts.values():
            for number, order in list(account.orders.items()):
                if order.is_open and self.market_of(order) == market:
                    outcome = matching.work(account.ledger, order, self._view(market), self.terms)
                    self.keep(account, number, outcome)

    @exact
    def fill(self, key: str, number: int, quantity: Decimal) -> None:
        """Fill a part of a resting order at its own price."""
        account = self.accounts[key]
        order, ledger = account.orders[number], account.ledger.copy()
        assert order.price is not None
        part, spec = Slice(order.price, quantity), self.markets[self.market_of(order)]
        filled, trade = settle(ledger, order, part, spec, self.terms, is_maker=True, now=datetime.now(UTC))
        self.keep(account, number, engine.Outcome(ledger, filled, (trade,)))

    def place(self, account: Account, market: str, request: OrderRequest) -> int:
        """Place an order and return its number; a client order id that is taken, or a broken rule, is `Rejected`."""
        taken = account.find(link=request.client_order_id)
        if taken and (self.ids_for_ever or taken[1].is_open):
            raise Rejected("The client order id is taken.", reason="TAKEN")
        outcome = engine.place(account.ledger, request, self._view(market), self.terms)
        number = next(self.numbers)
        self.keep(account, number, outcome)
        return number

    def stillborn(self, account: Account, request: OrderRequest) -> int:
        """Accept an order that is cancelled at once, as some exchanges do with post-only orders that would take."""
        now, number = datetime.now(UTC), next(self.numbers)
        order = Order(
            request.client_order_id,
            request.symbol,
            request.kind,
            request.side,
            request.type,
            request.position_side,
            request.quantity or Decimal(0),
            now,
            now,
            price=request.price,
            time_in_force=request.time_in_force,
            status=VenueStatus.CANCELED,
        )
        self.keep(account, number, engine.Outcome(account.ledger, order))
        return number

    def cancel(self, account: Account, found: tuple[int, Order] | None) -> bool:
        """Cancel an order; return whether it was open."""
        if found is None or not found[1].is_open:
            return False
        outcome = engine.cancel(account.ledger, found[1], now=datetime.now(UTC), status=VenueStatus.CANCELED)
        self.keep(account, found[0], outcome)
        return True

    def keep(self, account: Account, number: int, outcome: engine.Outcome) -> None:
        """Store what became of an order."""
        account.ledger = outcome.ledger
        account.orders[number] = replace(outcome.order, id=number)
        account.trades += [(number, trade) for trade in outcome.trades]

    def market_of(self, order: Order) -> str:
        """Return the name of an order's market."""
        return self._names[MarketKey(order.kind, order.symbol)]

    def _view(self, market: str) -> engine.View:
        price, spec = self.prices[market], self.markets[market]
        marks = {MarketKey(each.kind, each.symbol): each.mark for each in self.prices.values() if each.mark}
        return engine.View(spec, price, False, marks, datetime.now(UTC))


def bitcoin(symbol: str, kind: MarketKind, *, quote: str = "USDT", contract: str = "1", **rules: str) -> MarketSpec:
    """Return a market of Bitcoin with these rules."""
    numbers: dict[str, Any] = {name: Decimal(value) for name, value in rules.items()}
    filters = Filters(price_tick=Decimal("0.1"), **numbers)
    margin = {MarketKind.SPOT: "", MarketKind.USD_M: quote, MarketKind.COIN_M: "BTC"}[kind]
    return MarketSpec(symbol, kind, "BTC", quote, margin, "live", True, "", Decimal(contract), filters)


def average(order: Order) -> Decimal | str:
    """Return the mean price of what has filled, nothing where nothing has."""
    return round(order.filled_quote / order.filled_base, 8) if order.filled_base else ""


def page(rows: Sequence[Any], values: Mapping[str, Any], parameter: str, number: Callable[[Any], int]) -> list[Any]:
    """Return a page of rows, newest first: those older than the number in a parameter, at most a hundred."""
    before = int(values.get(parameter) or 1 << 62)
    return sorted((row for row in rows if number(row) < before), key=number, reverse=True)[:100]


def candle_starts(first: int | None, limit: int, length: int = MINUTE) -> list[int]:
    """Return when candles open, oldest first, in milliseconds: from a moment on, or the latest."""
    latest = int(time.time() * 1000) // length * length
    begin = latest - (limit - 1) * length if first is None else -(-first // length) * length
    return list(range(begin, latest + 1, length))[:limit]


def digits(value: Any) -> str:
    """Return a Decimal as exchanges write numbers: text."""
    return plain_digits(value)
