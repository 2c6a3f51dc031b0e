"""Cancelling orders."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from orders.executor.checking import orders_check
from orders.executor.findings import Source
from orders.models import Order, OrderEvent
from orders.states import FINAL, IN_DOUBT, OrderState, move


def orders_cancel(*, order_ids: Collection[int]) -> None:
    """Cancel orders, in as many statements for any number; those that are over stay as they are.

    Those that were not sent yet never will be. One whose outcome is in doubt is cancelled as soon as it is known, and
    one that the venue does not let go now is tried again later. Must not run inside a transaction.
    """
    if doubtful := _want_gone(order_ids):
        orders_check(doubtful)
    left = Order.objects.filter(pk__in=order_ids).exclude(state__in=list(FINAL))
    if ids := list(left.values_list("pk", flat=True)):
        orders_check(ids)


@transaction.atomic
def orders_withdraw(*, order_ids: Collection[int]) -> list[int]:
    """Cancel those that nobody has sent, and return them. No venue is asked, so this may be part of a transaction.

    One that may have reached its venue is cancelled should that turn out to be wrong: it is not sent again.
    """
    orders, now = _locked_open(order_ids), timezone.now()
    unsent = [order for order in orders if order.state == OrderState.PENDING]
    _cancel_unsent(unsent, now)
    doubtful = [order.pk for order in orders if order.state in IN_DOUBT]
    Order.objects.filter(pk__in=doubtful).update(cancel_requested_at=now, updated_at=now)
    return [order.pk for order in unsent]


@transaction.atomic
def _want_gone(order_ids: Collection[int]) -> list[int]:
    """Note that the orders are to be cancelled, at once where nobody has sent them; return those in doubt."""
    orders, now = _locked_open(order_ids), timezone.now()
    _cancel_unsent([order for order in orders if order.state == OrderState.PENDING], now)
    sent = [order for order in orders if order.state != OrderState.PENDING]
    _note_wish([order for order in sent if order.cancel_requested_at is None], now)
    changes = {"cancel_requested_at": now, "check_at": now, "checks": 0, "updated_at": now}
    Order.objects.filter(pk__in=[order.pk for order in sent]).update(**changes)
    return [order.pk for order in sent if order.state in IN_DOUBT]


def _note_wish(orders: Sequence[Order], now: datetime) -> None:
    """Note that somebody wants them cancelled, who is told apart by that from a venue that cancels by itself."""
    OrderEvent.objects.bulk_create(
        OrderEvent(
            order=order,
            from_state=order.state,
            to_state=order.state,
            source=Source.USER,
            code="CANCEL_REQUESTED",
            message="The venue is asked to cancel it.",
            filled_quantity=order.filled_quantity,
            at=now,
        )
        for order in orders
    )


def _locked_open(order_ids: Collection[int]) -> list[Order]:
    rows = Order.objects.select_for_update(no_key=True).filter(pk__in=order_ids).exclude(state__in=list(FINAL))
    return list(rows.order_by("pk"))


def _cancel_unsent(orders: Sequence[Order], now: datetime) -> None:
    state = move(OrderState.PENDING, OrderState.CANCELED)
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(
        state=state,
        reason_code="CANCELED_UNSENT",
        reason="Cancelled before it was sent.",
        finished_at=now,
        updated_at=now,
    )
    OrderEvent.objects.bulk_create(
        OrderEvent(order=order, from_state=order.state, to_state=state, source=Source.USER, at=now) for order in orders
    )
