"""The state of each symbol: its price, the orders that wait for it, and how orders fill."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.simulators.exchange.kinds import ZERO, floored
from tests.simulators.exchange.orders import Algo, Order
from tests.simulators.exchange.symbols import Symbol, first_price


@dataclass(slots=True, frozen=True)
class Plan:
    """How an order that meets the market fills.

    `parts`: in how many trades; `fraction`: how much of it at all; `slip`: by how many ticks each trade is worse
    than the one before.
    """

    parts: int = 1
    fraction: Decimal = Decimal(1)
    slip: int = 0


@dataclass(slots=True)
class Book:
    """One symbol. Plans are kept by API key; the empty one is for everybody."""

    symbol: Symbol
    price: Decimal = ZERO
    mark: Decimal = ZERO
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, Algo] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    updates: int = 0

    def __post_init__(self) -> None:
        self.price = self.price or first_price(self.symbol)
        self.mark = self.mark or self.price

    @property
    def bid(self) -> Decimal:
        """Return the best price at which somebody buys."""
        return self.price - self.symbol.prices.step

    @property
    def ask(self) -> Decimal:
        """Return the best price at which somebody sells."""
        return self.price + self.symbol.prices.step

    def fills(self, order: Order, quantity: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Return quantity and price of each trade of an order that meets the market now."""
        plan = self.plans.get(order.account.key) or self.plans.get("") if self.plans else None
        if plan is None:
            return [(quantity, self.price)]
        step = self.symbol.lots.step
        total = quantity if plan.fraction >= 1 else floored(quantity * plan.fraction, step)
        part = floored(total / plan.parts, step)
        if not part:
            return [(total, self.price)] if total else []
        sizes = [part] * (plan.parts - 1) + [total - part * (plan.parts - 1)]
        worse = self.symbol.prices.step * plan.slip * (1 if order.buys else -1)
        return [(size, self.price + worse * number) for number, size in enumerate(sizes)]
