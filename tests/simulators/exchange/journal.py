"""What the simulator remembers for tests: every attempt to place an order, all requests by path, and its own time."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from tests.simulators.exchange.orders import Order


@dataclass(slots=True)
class Placement:
    """One attempt; `code` is 0 where the order was accepted, `order_id` is 0 where it was not."""

    key: str
    market: str
    symbol: str
    side: str
    type: str
    quantity: str
    client_id: str
    order_id: int
    code: int
    time: int
    algo: bool = False

    def describe(self) -> dict[str, Any]:
        """Return it for the control API."""
        return asdict(self)


class Journal:
    """Grows until it is cleared."""

    def __init__(self) -> None:
        self.placements: list[Placement] = []
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.seconds: list[float] = []

    def note(self, order: Order, now: int, *, number: int = 0, code: int = 0, algo: bool = False) -> None:
        """Remember an attempt."""
        symbol = order.symbol
        self.placements.append(
            Placement(
                order.account.key,
                symbol.market.value,
                symbol.name,
                order.side,
                order.type,
                str(order.quantity),
                order.client_id,
                number,
                code,
                now,
                algo,
            )
        )

    def clear(self) -> None:
        """Forget everything."""
        self.placements.clear()
        self.requests.clear()
        self.answers.clear()
        self.seconds.clear()
