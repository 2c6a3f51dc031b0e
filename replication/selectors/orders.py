"""A person's orders, and how each came about: what the leader did, what was decided, what the venue made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db.models import Exists, OuterRef, Q, QuerySet

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Cursor
from copytrade.lib.errors import NotFound
from orders.models import Fill, Order, OrderEvent, Origin
from replication.models import CopyIntent, LeaderAccount, SignalPart
from replication.selectors.statistics import Replication, order_replication
from replication.vocabulary import SignalSource

RoleWord = Literal["master", "copy"]
UNFILLED, PARTLY = Q(filled_quantity=0), Q(filled_quantity__gt=0)
# As `order_status` has it.
STATUSES: Mapping[str, Q] = {
    "PENDING": Q(state="PENDING"),
    "SUBMITTED": Q(state__in=["SENDING", "UNKNOWN", "NEW"]),
    "PARTIAL": Q(state="PARTIALLY_FILLED") | (Q(state__in=["CANCELED", "EXPIRED"]) & PARTLY),
    "EXECUTED": Q(state="FILLED"),
    "CANCELLED": Q(state__in=["CANCELED", "EXPIRED"]) & UNFILLED,
    "FAILED": Q(state__in=["REJECTED", "FAILED"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are asked for; None and empty texts leave it open. `since` counts, `until` does not."""

    symbol: str = ""
    status: str = ""
    side: str = ""
    account_id: int | None = None
    is_master_order: bool | None = None
    role: RoleWord | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a copy's order is there: the decision, the leader, and the leader's own order where it is one of ours."""

    intent_id: int
    master_id: int
    master_order_id: int | None
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its account and market; `cause` is None for one that copies nobody's."""

    order: Order
    is_master: bool
    cause: Cause | None

    @property
    def latency(self) -> float | None:
        """Milliseconds from when the leader's trade was known here to the venue's first answer about this order."""
        if self.cause is None or self.order.acknowledged_at is None:
            return None
        return milliseconds(self.cause.detected_at, self.order.acknowledged_at)


@dataclass(frozen=True, slots=True)
class LeaderFact:
    """One trade of a leader that led to a decision. `source` is `event` (seen) or `fill` (made here)."""

    source: str
    kind: str
    price: Decimal
    quantity: Decimal
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChain:
    """An order and everything about it; `intent` only where it copies, `replication` only where it was copied."""

    view: OrderView
    events: Sequence[OrderEvent]
    fills: Sequence[Fill]
    intent: CopyIntent | None
    facts: Sequence[LeaderFact]
    replication: Replication | None


def orders_list(
    *, user: User, wanted: OrderFilter, limit: int, offset: int = 0, after: Cursor | None = None
) -> tuple[list[OrderView], Cursor | None]:
    """Return a user's orders, newest first, and where the next page begins; two statements."""
    rows = _filtered(_orders(user), wanted).order_by("-pk")
    if after is not None:
        rows, offset = rows.filter(pk__lt=after.id), 0
    found = list(rows[offset : offset + limit + 1])
    page = found[:limit]
    following = Cursor(page[-1].created_at, page[-1].pk) if len(found) > limit else None
    return _views(page), following


def order_get(*, user: User, order_id: int) -> OrderView:
    """Return an order of the user; anybody else's is `NotFound`, as if it were not there."""
    order = _orders(user).filter(pk=order_id).first()
    if order is None:
        raise NotFound("You have no such order.")
    return _views([order])[0]


def order_chain(*, user: User, order_id: int) -> OrderChain:
    """Return an order of the user with its whole chain; the statements do not grow with it. Or `NotFound`."""
    view = order_get(user=user, order_id=order_id)
    intent = _intent(view.cause)
    return OrderChain(
        view=view,
        events=list(OrderEvent.objects.filter(order=order_id)),
        fills=list(Fill.objects.filter(order=order_id).order_by("time", "pk")),
        intent=intent,
        facts=[] if intent is None else leader_facts(intent.signal_id),
        replication=order_replication(order_id) if view.is_master else None,
    )


def milliseconds(start: datetime, end: datetime) -> float:
    """Return the time between two moments in milliseconds, to a tenth."""
    return round((end - start).total_seconds() * 1000, 1)


def _orders(user: User) -> "QuerySet[Order]":
    """Return a user's orders; what an account trades that leads, and does not copy, is a master's."""
    leads = Exists(LeaderAccount.objects.filter(account=OuterRef("account")))
    rows = Order.objects.filter(account__user=user).select_related("account", "market")
    return rows.annotate(leads=leads)


def _filtered(rows: "QuerySet[Order]", wanted: OrderFilter) -> "QuerySet[Order]":
    master = Q(origin=Origin.MASTER) | (Q(leads=True) & ~Q(origin=Origin.COPY))
    conditions = {
        "market__symbol": wanted.symbol,
        "side": wanted.side,
        "account": wanted.account_id,
        "created_at__gte": wanted.since,
        "created_at__lt": wanted.until,
    }
    rows = rows.filter(**{name: value for name, value in conditions.items() if value})
    if wanted.status:
        rows = rows.filter(STATUSES[wanted.status])
    if wanted.is_master_order is not None:
        rows = rows.filter(master if wanted.is_master_order else ~master)
    if wanted.role == "copy":
        return rows.filter(origin=Origin.COPY)
    return rows.filter(master) if wanted.role == "master" else rows


def _views(orders: Sequence[Order]) -> list[OrderView]:
    causes = _causes([order.cause_id for order in orders if order.cause_id is not None])
    return [OrderView(order, _is_master(order), causes.get(order.cause_id or 0)) for order in orders]


def _is_master(order: Order) -> bool:
    leads: bool = getattr(order, "leads", False)
    return order.origin == Origin.MASTER or (leads and order.origin != Origin.COPY)


def _causes(intent_ids: Sequence[int]) -> dict[int, Cause]:
    if not intent_ids:
        return {}
    rows = CopyIntent.objects.filter(pk__in=intent_ids).values_list(
        "pk", "copy__trader", "signal__order", "detected_at"
    )
    return {row[0]: Cause(*row) for row in rows}


def _intent(cause: Cause | None) -> CopyIntent | None:
    if cause is None:
        return None
    rows = CopyIntent.objects.select_related("signal", "copy__trader", "market")
    return rows.get(pk=cause.intent_id)


def leader_facts(signal_id: int) -> list[LeaderFact]:
    """Return the trades of the leader that a signal is made of, in their order, in one statement."""
    parts = SignalPart.objects.filter(signal=signal_id).select_related("event", "fill").order_by("pk")
    facts = []
    for part in parts:
        if part.event is not None:
            event = part.event
            facts.append(LeaderFact(SignalSource.EVENT, event.kind, event.price, event.amount, event.event_time))
        elif part.fill is not None:
            fill = part.fill
            facts.append(LeaderFact(SignalSource.FILL, fill.side, fill.price, fill.quantity, fill.time))
    return facts
