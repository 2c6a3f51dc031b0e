"""What the suite needs of a venue under test: an adapter, and a hand on the venue behind it."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, TypeVar

import pytest

from copytrade.lib import loop
from markets.venues.base import AccountAccess, MarketSpec, OrderReference, OrderReport, OrderRequest, Venue
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce
from tests.contract import benches

SECONDS = 20.0
Result = TypeVar("Result")


class Fault(Enum):
    """What may go wrong at a venue. What answers holds for the next request, a ban for all; some until `recover`."""

    ANSWER_LOST = auto()  # the request takes effect, and the connection breaks
    ANSWER_LATE = auto()  # the request takes effect, and the venue says that it does not know
    REQUEST_LOST = auto()  # the connection breaks, and nothing has happened
    OVERLOADED = auto()  # the venue says that it has done nothing
    GARBAGE = auto()  # the request takes effect, and the answer is not what the venue documents
    RATE_LIMIT = auto()  # the venue asks all for a pause
    ACCOUNT_LIMIT = auto()  # the venue says that this account sends too often
    BAN = auto()  # the venue answers nobody for a while
    UNREACHABLE = auto()  # nothing gets an answer until the venue recovers
    STREAM_LOST = auto()  # the connection of the private stream breaks
    FILL_UNTOLD = auto()  # the private stream does not tell of the next fill


class Bench(Protocol):
    """A venue under test.

    `symbol` is a market of `kind`, and `quantity` an amount of it that is worth little, but enough for an order.
    `faults` are those that `misbehave` can bring about.
    """

    adapter: Venue
    kind: MarketKind
    symbol: str
    quantity: Decimal
    faults: frozenset[Fault]
    fills_in_parts: bool

    @property
    def secrets(self) -> frozenset[str]:
        """All keys and secrets that the bench has given away."""
        ...

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        """Return a new account: rich, or too poor for the smallest order."""
        ...

    def set_price(self, price: Decimal) -> None:
        """Let the market be at this price; orders fill and trigger by it."""
        ...

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        """Let a resting order fill by this much (only where `fills_in_parts`)."""
        ...

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        """Let something go wrong; `seconds` is how long a pause or ban is to last."""
        ...

    def recover(self) -> None:
        """Let the venue be reached again."""
        ...

    def requests(self) -> int:
        """Return how many requests the venue has seen."""
        ...


Maker = Callable[[pytest.FixtureRequest], AbstractContextManager[Bench]]


def all_benches() -> Mapping[str, Maker]:
    """Return the benches of all modules by name."""
    found: dict[str, Maker] = {}
    for module in iter_modules(benches.__path__, f"{benches.__name__}."):
        found |= import_module(module.name).BENCHES
    return found


@dataclass
class Desk:
    """A trader at a bench: an account, and orders in few words."""

    bench: Bench
    access: AccountAccess
    orders: int = 0

    def order(self, **changes: Any) -> OrderRequest:
        """Return an order to buy at the market, with these changes."""
        self.orders += 1
        values: dict[str, Any] = {
            "client_order_id": f"contract{self.orders:04d}",
            "symbol": self.bench.symbol,
            "kind": self.bench.kind,
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "quantity": self.bench.quantity,
        }
        return OrderRequest(**{**values, **changes})

    def resting(self, **changes: Any) -> OrderRequest:
        """Return an order that waits a little below the price."""
        return self.order(type=OrderType.LIMIT, price=self.below(), time_in_force=TimeInForce.GTC, **changes)

    def place(self, request: OrderRequest) -> OrderReport:
        """Place an order."""
        return run(self.bench.adapter.place(self.access, request))

    def settled(self, request: OrderRequest) -> OrderReport:
        """Place an order and return what became of it; where brokers acknowledge first, that is asked for."""
        placed = self.place(request)
        if not self.bench.adapter.capabilities.acknowledges_first:
            return placed
        known = self.query(request)
        assert known
        return known

    def query(self, request: OrderRequest) -> OrderReport | None:
        """Ask for an order by our id alone."""
        return run(self.bench.adapter.query(self.access, reference(request)))

    def cancel(self, request: OrderRequest) -> OrderReport:
        """Cancel an order by our id alone."""
        return run(self.bench.adapter.cancel(self.access, reference(request)))

    def market(self) -> MarketSpec:
        """Return the market of the bench."""
        wanted = (self.bench.kind, self.bench.symbol)
        return next(each for each in run(self.bench.adapter.markets()) if (each.kind, each.symbol) == wanted)

    def price(self) -> Decimal:
        """Return the price of the market."""
        (report,) = run(self.bench.adapter.prices(self.bench.kind, [self.bench.symbol]))
        assert report.last is not None
        return report.last

    def below(self, factor: str = "0.97") -> Decimal:
        """Return a price below the present one (above it for a factor above 1), on the tick."""
        tick = self.market().filters.price_tick
        assert tick is not None
        return self.price() * Decimal(factor) // tick * tick


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a call of an adapter on the venue loop."""
    return loop.run(work, timeout=SECONDS)


def reference(request: OrderRequest) -> OrderReference:
    """Return what names an order of which only our id is known."""
    return OrderReference(request.symbol, request.kind, request.type, request.client_order_id)
