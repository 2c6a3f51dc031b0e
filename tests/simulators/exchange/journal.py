"""What the simulator remembers for tests: every attempt to place an order, all requests by path, and its own time."""

from collections import Counter
from typing import Any

import msgspec

from tests.simulators.exchange.orders import Order


class Placement(msgspec.Struct, eq=False):
    """One attempt; `code` is 0 where the order was accepted, `order_id` is 0 where it was not."""

    order: Order
    order_id: int
    code: int
    time: int
    algo: bool

    def describe(self) -> dict[str, Any]:
        """Return it for the control API."""
        order = self.order
        return {
            "key": order.account.key,
            "market": order.symbol.market.value,
            "symbol": order.symbol.name,
            "side": order.side,
            "type": order.type,
            "quantity": str(order.quantity),
            "client_id": order.client_id,
            "order_id": self.order_id,
            "code": self.code,
            "time": self.time,
            "algo": self.algo,
        }


class Journal:
    """Grows until it is cleared."""

    def __init__(self) -> None:
        self.placements: list[Placement] = []
        self.requests: Counter[str] = Counter()
        self.answers: Counter[int] = Counter()
        self.seconds: list[float] = []

    def note(self, order: Order, now: int, *, number: int = 0, code: int = 0, algo: bool = False) -> None:
        """Remember an attempt."""
        self.placements.append(Placement(order, number, code, now, algo))

    def clear(self) -> None:
        """Forget everything."""
        self.placements.clear()
        self.requests.clear()
        self.answers.clear()
        self.seconds.clear()
