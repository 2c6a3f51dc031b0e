"""Taking written orders for sending, each by one worker only."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from copytrade.lib.sql import insert_rows, update_rows
from markets.venues.base import AccountAccess, OrderReference, OrderRequest
from markets.venues.registry import venues
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, WorkingType
from orders.access import accesses_of, venue_of
from orders.executor.findings import Source
from orders.executor.permits import Applicant, Halt, Refusal, is_exit, refuse
from orders.models import AccountState, Mode, Order, TradingHalt
from orders.services.recording import EVENT_COLUMNS, event_row, send_window
from orders.states import OrderState, move

LARGEST_BATCH = 500
CLAIM_COLUMNS = {
    "state": "text",
    "reason_code": "text",
    "reason": "text",
    "attempts": "smallint",
    "claimed_at": "timestamptz",
    "check_at": "timestamptz",
    "finished_at": "timestamptz",
    "updated_at": "timestamptz",
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order that this worker, and no other, may send until `deadline` (on `time.monotonic`).

    There is no access where the account's key is missing or cannot be read.
    """

    order_id: int
    attempt: int
    venue: str
    paper: bool
    access: AccountAccess | None
    request: OrderRequest
    deadline: float


@dataclass(frozen=True, slots=True)
class Claims:
    """A batch: how many orders were taken, and those of them that may be sent."""

    taken: int
    allowed: list[Claimed]


def orders_claim(order_ids: Sequence[int] | None = None, *, limit: int = LARGEST_BATCH) -> Claims:
    """Take orders that wait to be sent: these, or whichever are due; exits first.

    Those that may not be sent end as FAILED with the reason. The statements do not grow with orders.
    """
    with transaction.atomic():
        waiting = list(_waiting(order_ids, limit))
        if not waiting:
            return Claims(0, [])
        for account in {order.account for order in waiting if order.account.venue in venues()}:
            venue_of(account)  # the first use of a venue loads its library, which must not eat the time to send
        deadline = time.monotonic() + send_window().total_seconds()
        allowed = _settle(waiting)
    accesses = accesses_of([order.account for order in allowed])
    return Claims(len(waiting), [_claimed(order, accesses.get(order.account_id), deadline) for order in allowed])


def _claimed(order: Order, access: AccountAccess | None, deadline: float) -> Claimed:
    return Claimed(
        order_id=order.pk,
        attempt=order.attempts,
        venue=order.account.venue,
        paper=order.account.mode == Mode.PAPER,
        access=access,
        request=request_of(order),
        deadline=deadline,
    )


def request_of(order: Order) -> OrderRequest:
    """Return the order as a venue is asked for it."""
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.market.symbol,
        kind=MarketKind(order.market.kind),
        side=Side(order.side),
        type=OrderType(order.type),
        quantity=order.quantity,
        quote_quantity=order.quote_quantity,
        price=order.price,
        stop_price=order.stop_price,
        time_in_force=TimeInForce(order.time_in_force) if order.time_in_force else None,
        position_side=PositionSide(order.position_side),
        reduce_only=order.reduce_only,
        close_position=order.close_position,
        working_type=WorkingType(order.working_type) if order.working_type else None,
        price_protect=order.price_protect,
        callback_rate=order.callback_rate,
        activation_price=order.activation_price,
        extra=order.extra,
    )


def reference_of(order: Order) -> OrderReference:
    """Return what a venue finds the order by."""
    return OrderReference(
        symbol=order.market.symbol,
        kind=MarketKind(order.market.kind),
        type=OrderType(order.type),
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
    )


def _waiting(order_ids: Sequence[int] | None, limit: int) -> "QuerySet[Order]":
    rows = Order.objects.select_for_update(of=("self",), skip_locked=True).select_related("account", "market")
    rows = rows.filter(state=OrderState.PENDING, send_after__lte=timezone.now())
    if order_ids is not None:
        rows = rows.filter(pk__in=order_ids)
    return rows.order_by("-reduce_only", "-close_position", "pk")[:limit]


def _settle(waiting: Sequence[Order]) -> list[Order]:
    now, halts = timezone.now(), _halts()
    rows, events, allowed = [], [], []
    for order in waiting:
        refusal = refuse(_applicant(order), halts, live_trading=settings.LIVE_TRADING, now=now)
        before = order.state
        _stamp(order, refusal, now)
        if refusal is None:
            allowed.append(order)
        rows.append({"id": order.pk, **{name: getattr(order, name) for name in CLAIM_COLUMNS}})
        events.append(event_row(order, before, Source.EXECUTOR, code=order.reason_code, message=order.reason))
    update_rows("orders_order", CLAIM_COLUMNS, rows)
    insert_rows("orders_orderevent", EVENT_COLUMNS, events)
    return allowed


def _stamp(order: Order, refusal: Refusal | None, now: datetime) -> None:
    order.updated_at = now
    if refusal is None:
        order.state = move(OrderState(order.state), OrderState.SENDING)
        order.attempts += 1
        order.claimed_at, order.check_at = now, now + send_window()
        order.reason_code = order.reason = ""
    else:
        order.state = move(OrderState(order.state), OrderState.FAILED)
        order.finished_at, order.check_at = now, None
        order.reason_code, order.reason = refusal.code, refusal.message


def _halts() -> list[Halt]:
    rows = TradingHalt.objects.filter(lifted_at=None)
    return [Halt(row.venue, row.account_id, row.mode == "reduce_only", row.reason) for row in rows]


def _applicant(order: Order) -> Applicant:
    account = order.account
    return Applicant(
        account_id=account.pk,
        venue=account.venue,
        venue_known=account.venue in venues(),
        live=account.mode == Mode.LIVE,
        live_enabled=account.live_enabled,
        account_active=account.state == AccountState.ACTIVE,
        account_reason=account.state_reason,
        is_exit=is_exit(
            buy=order.side == Side.BUY,
            reduces=order.reduce_only or order.close_position,
            position_side=order.position_side,
            spot=order.market.kind == MarketKind.SPOT,
        ),
        send_before=order.send_before,
    )
