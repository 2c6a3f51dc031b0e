"""What copies decided about their leaders' trades, and what came of each decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Count, QuerySet

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Cursor
from copytrade.lib.errors import NotFound
from copytrade.lib.sql import run
from orders.models import Fill, Order, OrderEvent
from replication.models import CopyIntent
from replication.selectors.orders import Cause, LeaderFact, OrderView, leader_facts

# The newest of each copy by its index, then the newest of all: what other users' copies decided is never looked at.
NEWEST = """
    SELECT i.id FROM replication_copy c JOIN orders_tradingaccount a ON a.id = c.account_id
    CROSS JOIN LATERAL (
        SELECT d.id FROM replication_copyintent d {joins} WHERE d.copy_id = c.id {conditions}
        ORDER BY d.id DESC LIMIT %(limit)s
    ) i
    WHERE a.user_id = %(user)s {copies} ORDER BY i.id DESC LIMIT %(limit)s
"""
JOINS = """
    JOIN replication_signal s ON s.id = d.signal_id LEFT JOIN markets_market m ON m.id = d.market_id
"""


MOST_ORDERS = 100

Row = TypeVar("Row", OrderEvent, Fill)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFilter:
    """Which decisions are asked for; None and empty texts leave it open. A symbol is the leader's or the follower's."""

    state: str = ""
    code: str = ""
    symbol: str = ""
    trader_id: int | None = None
    copy_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderParts:
    """An order of a decision with each step and each trade."""

    view: OrderView
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class DecisionChain:
    """A decision, the leader's trades that led to it, and the orders that came of it, oldest first."""

    intent: CopyIntent
    facts: Sequence[LeaderFact]
    orders: Sequence[OrderParts]


def decisions_list(
    *, user: User, wanted: DecisionFilter, limit: int, after: Cursor | None = None
) -> tuple[list[CopyIntent], Cursor | None]:
    """Return decisions of a user's copies, newest first, and where the next page begins; two statements."""
    ids = [pk for (pk,) in run(_statement(wanted, after), _values(user, wanted, limit + 1, after))]
    page = list(_decisions().filter(pk__in=ids[:limit]).order_by("-pk"))
    following = Cursor(page[-1].planned_at, page[-1].pk) if len(ids) > limit else None
    return page, following


def decision_get(*, user: User, decision_id: int) -> CopyIntent:
    """Return a decision of one of the user's copies; anybody else's is `NotFound`, as if it were not there."""
    intent = _decisions().filter(pk=decision_id, copy__account__user=user).first()
    if intent is None:
        raise NotFound("You have no such decision.")
    return intent


def decision_chain(intent: CopyIntent) -> DecisionChain:
    """Return everything about a decision, in four statements however much there is.

    Of an exit that was tried more often than `MOST_ORDERS` times, the newest orders.
    """
    newest = Order.objects.filter(cause_id=intent.pk).select_related("account", "market").order_by("-pk")[:MOST_ORDERS]
    orders = sorted(newest, key=lambda order: order.pk)
    ids = [order.pk for order in orders]
    events = _by_order(OrderEvent.objects.filter(order__in=ids).order_by("pk"))
    fills = _by_order(Fill.objects.filter(order__in=ids).order_by("time", "pk"))
    cause = Cause(intent.pk, intent.signal.trader_id, intent.signal.order_id, intent.detected_at)
    parts = [
        OrderParts(OrderView(order, False, cause), events.get(order.pk, []), fills.get(order.pk, []))
        for order in orders
    ]
    return DecisionChain(intent, leader_facts(intent.signal_id), parts)


def decisions_counted(*, signal_id: int) -> list[tuple[str, int]]:
    """Return how many copies decided what about a signal, by state."""
    rows = CopyIntent.objects.filter(signal=signal_id).order_by("state")
    return list(rows.values_list("state").annotate(Count("pk")))


def _decisions() -> "QuerySet[CopyIntent]":
    rows = CopyIntent.objects.select_related("signal", "market", "copy__trader", "copy__account")
    return rows.defer("copy__trader__raw")


def _statement(wanted: DecisionFilter, after: Cursor | None) -> str:
    conditions = {
        "AND d.id < %(after)s": after is not None,
        "AND d.state = %(state)s": wanted.state,
        "AND d.code = %(code)s": wanted.code,
        "AND %(symbol)s IN (s.symbol, m.symbol)": wanted.symbol,
    }
    copies = {
        "AND c.id = %(copy)s": wanted.copy_id is not None,
        "AND c.trader_id = %(trader)s": wanted.trader_id is not None,
    }
    return NEWEST.format(joins=JOINS if wanted.symbol else "", conditions=_joined(conditions), copies=_joined(copies))


def _joined(conditions: Mapping[str, object]) -> str:
    return " ".join(text for text, wanted in conditions.items() if wanted)


def _values(user: User, wanted: DecisionFilter, limit: int, after: Cursor | None) -> dict[str, object]:
    return {
        "user": user.pk,
        "limit": limit,
        "after": after.id if after else None,
        "state": wanted.state,
        "code": wanted.code,
        "symbol": wanted.symbol,
        "copy": wanted.copy_id,
        "trader": wanted.trader_id,
    }


def _by_order(rows: "QuerySet[Row]") -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.order_id or 0, []).append(row)
    return found
