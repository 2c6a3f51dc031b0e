"""Orders into rows: their columns with the steps that brought them there, and when each is asked about next."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.utils import timezone

from copytrade.lib.sql import as_table, inserting, run, updating
from markets.venues.registry import capabilities
from orders.executor.findings import Source
from orders.executor.rows import AccountFacts, OrderRow
from orders.executor.timing import Pace, next_check
from orders.models import Mode, Order, Origin, TradingAccount
from orders.services.telling import orders_tell
from orders.states import FINAL, STATES

AnyOrder = Order | OrderRow
AnyAccount = TradingAccount | AccountFacts

ORDER_COLUMNS = {
    "state": "text",
    "reason_code": "text",
    "reason": "text",
    "quantity": "numeric",
    "venue_order_id": "text",
    "filled_quantity": "numeric",
    "filled_quote": "numeric",
    "average_price": "numeric",
    "booked_quantity": "numeric",
    "venue_response": "json",
    "checks": "smallint",
    "send_after": "timestamptz",
    "check_at": "timestamptz",
    "absent_since": "timestamptz",
    "sent_at": "timestamptz",
    "acknowledged_at": "timestamptz",
    "finished_at": "timestamptz",
    "updated_at": "timestamptz",
}
# What is there stays where nothing is said, as the venue's answer to the placing does.
WRITTEN_WHERE_SET = ("venue_response", "send_after", "updated_at")
EVENT_COLUMNS = {
    "order_id": "bigint",
    "from_state": "text",
    "to_state": "text",
    "source": "text",
    "code": "text",
    "message": "text",
    "filled_quantity": "numeric",
    "at": "timestamptz",
}
COPY = Origin.COPY.value  # asked for often: to look a member up takes longer than to compare
LONGEST_TEXT, LONGEST_CODE = 500, 40
POLL_PAPER = timedelta(seconds=3)
POLL_WITHOUT_STREAM = timedelta(seconds=10)
POLL_BESIDE_STREAM = timedelta(seconds=60)


def orders_lock(ids: Collection[int]) -> list[Order]:
    """Return these orders locked, with their markets and accounts; always in the same order."""
    rows = Order.objects.select_for_update(no_key=True, of=("self",)).select_related("market", "account")
    return list(rows.filter(pk__in=ids).order_by("pk"))


def orders_store(orders: Sequence[AnyOrder], events: Sequence[dict[str, Any]]) -> None:
    """Write locked orders and the steps that brought them there, and say when each is asked about next.

    Owners are told of those that moved; of copies they are told by the decisions.
    """
    pace, now = paces(), timezone.now()
    for order in orders:
        order.check_at = _next_check(order, pace(order.account), now)
    if orders:
        _store(orders, events)
    moved = {event["order_id"] for event in events}
    orders_tell(order.pk for order in orders if order.pk in moved and order.origin != COPY)


def _store(orders: Sequence[AnyOrder], events: Sequence[dict[str, Any]]) -> None:
    new = as_table({"id": "bigint", **ORDER_COLUMNS}, orders, key="id", read=attrgetter)
    for name in WRITTEN_WHERE_SET:
        new.values[name] = f"coalesce({new.values[name]}, old.{name})"
    update = updating("orders_order", ORDER_COLUMNS, new)
    if not events:
        run(update, new.parameters)
        return
    steps = as_table(EVENT_COLUMNS, events, key="order_id")
    insert = inserting("orders_orderevent", EVENT_COLUMNS, steps)
    run(f"WITH stored AS ({update}) {insert}", [*new.parameters, *steps.parameters])


def send_window() -> timedelta:
    """Return how long a worker may take between claim and sending."""
    return timedelta(seconds=settings.ORDER_SEND_WINDOW_SECONDS)


def pace_of(venue: str, *, paper: bool) -> Pace:
    """Return how a venue, or our own books for it, is asked about open orders."""
    able = capabilities(venue, paper=paper)
    streamed = POLL_BESIDE_STREAM if able.private_stream else POLL_WITHOUT_STREAM
    return Pace(POLL_PAPER if paper else streamed, able.request_lifetime)


def paces() -> Callable[[AnyAccount], Pace]:
    """Return a function that gives the pace of an account and works it out once for each venue."""
    known: dict[tuple[str, str], Pace] = {}

    def pace(account: AnyAccount) -> Pace:
        name = account.venue, account.mode
        if name not in known:
            known[name] = pace_of(account.venue, paper=account.mode == Mode.PAPER)
        return known[name]

    return pace


def event_row(order: AnyOrder, before: str, source: Source, *, code: str = "", message: str = "") -> dict[str, Any]:
    """Return the columns of one step to the order's present state."""
    return {
        "order_id": order.pk,
        "from_state": before,
        "to_state": order.state,
        "source": source,
        "code": code[:LONGEST_CODE],
        "message": told_text(message),
        "filled_quantity": order.filled_quantity,
        "at": order.updated_at,
    }


def told_text(words: str) -> str:
    """Return a venue's words as a column takes them."""
    return words.replace("\0", "")[:LONGEST_TEXT]


def _next_check(order: AnyOrder, pace: Pace, now: datetime) -> datetime | None:
    if order.cancel_requested_at is not None and order.state not in FINAL:
        return now if order.checks == 0 else now + timedelta(seconds=min(order.checks, 30))
    missing = order.filled_quantity > order.booked_quantity
    if order.state in FINAL and not missing:
        return None
    return next_check(STATES[order.state], missing_fills=missing, checks=order.checks, now=now, pace=pace)
