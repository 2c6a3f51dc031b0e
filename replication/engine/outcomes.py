"""What became of copies' orders, taken up in the transaction that stores it."""

from collections import defaultdict
from collections.abc import Sequence

from copytrade.lib.sql import numbers, run
from orders.accounting import FillFact
from orders.executor.rows import OrderRow
from orders.services.booking import Booked
from replication.engine.booking import Key
from replication.engine.settling import Settled, decisions_settle, orders_settle, settled_resume

# Whoever changes decisions locks them before positions, in this order.
LOCK = "SELECT id, copy_id, side FROM replication_copyintent WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


class Outcomes:
    """Books and judges with each batch of outcomes. `freed` are the orders that were waiting and may be sent now."""

    wakes_copies = False

    def __init__(self) -> None:
        self.freed: list[int] = []
        self._settled: list[Settled] = []

    def book(self, orders: Sequence[OrderRow], trades: Sequence[Booked]) -> None:
        """Add trades to positions and days, judge the decisions, and tell their owners."""
        self._settled = []
        of_copies = {order.id: order for order in orders if order.cause_id is not None}
        if not of_copies:
            return
        found = run(LOCK, [numbers({order.cause_id for order in of_copies.values()})])
        facts = _facts(of_copies, trades, {pk: (copy, side) for pk, copy, side in found})
        self._settled = decisions_settle([pk for pk, _, _ in found], facts)

    def go_on(self, order_ids: Sequence[int], *, booked: bool) -> None:
        """Plan what waited for those that are final; what was not booked is settled first."""
        self.freed += settled_resume(self._settled) if booked else orders_settle(order_ids)


def _facts(
    orders: dict[int, OrderRow], trades: Sequence[Booked], intents: dict[int, tuple[int, str]]
) -> dict[Key, list[FillFact]]:
    facts: dict[Key, list[FillFact]] = defaultdict(list)
    for trade in trades:
        order = orders.get(trade.order_id)
        if order is not None and order.cause_id is not None:
            copy_id, side = intents[order.cause_id]
            facts[copy_id, order.market_id, side].append(trade)
    return facts
