"""Placing orders by hand, as masters do: checked, written once, sent, and handed to those who copy."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction

from copytrade.accounts.models import User
from copytrade.lib.errors import ApplicationError, IdempotencyConflict
from copytrade.lib.idempotency import Claimed, Existing, idempotency_claim, idempotency_settle
from copytrade.lib.structs import Problems
from copytrade.lib.wire import plain_digits
from markets.venues.vocabulary import TimeInForce
from orders.failures import order_refusal
from orders.models import Order, Origin
from orders.services.placing import (
    NewOrder,
    Written,
    client_order_id_new,
    order_refresh,
    order_send,
    order_write_taken,
    orders_place,
)
from orders.states import OrderState
from replication.engine.beginning import FirstCopies
from replication.services.placing_checks import OrderWish, Target, check_target, check_wish, refuse_stopped, target_of

ROUTE = "orders.place"
REFERENCE = "order:"
SEND_WITHIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that its venue has, may have, or will get. `repeated`: an earlier request placed it."""

    order: Order
    repeated: bool


def order_place(*, user: User, wish: OrderWish, idempotency_key: str | None = None) -> Placed:
    """Check an order, write it, send it, and return it as it is then; those who copy the account are woken.

    The same idempotency key (or, without one, the same client order id) and wish return the first order again. All that
    is wrong with it is one `InvalidInput`, and nothing is written; what the venue refuses is raised as `order_refusal`
    has it. Must not run inside a transaction.
    """
    written = _write(user, wish, idempotency_key)
    if isinstance(written, Written):
        order_send(written, FirstCopies())
        order = _load(written.pk)
    else:
        order = _bring_on(written)
    if refusal := order_refusal(order):
        raise refusal
    return Placed(order, not isinstance(written, Written))


def _bring_on(order_id: int) -> Order:
    """Return the order of a repeated request: whoever wrote it may have died before it was sent, or resolved."""
    order = _load(order_id)
    if order.state == OrderState.PENDING:
        orders_place([order_id])
        return _load(order_id)
    return order_refresh(order=order) if order.state == OrderState.UNKNOWN else order


def _load(order_id: int) -> Order:
    return Order.objects.select_related("account", "market").get(pk=order_id)


@transaction.atomic
def _write(user: User, wish: OrderWish, key: str | None) -> Written | int:
    """Write the order in one transaction with its key; return it, or the id of the one that was there already."""
    problems = Problems()
    check_wish(wish, problems)
    claim = None if len(problems) else _claim(user, wish, key)
    if isinstance(claim, Existing):
        return int(claim.result.removeprefix(REFERENCE))
    written = order_write_taken(_new_order(wish, _checked_target(user, wish, problems)))
    if claim is not None:
        idempotency_settle(claim=claim, result=f"{REFERENCE}{written.pk}")
    return written


def _claim(user: User, wish: OrderWish, key: str | None) -> Claimed | Existing | None:
    """Claim the request's key; a client order id is one within the account, where that is named."""
    body = _normalised(wish)
    if key is not None:
        return idempotency_claim(user=user, key=key, route=ROUTE, body=body)
    if not wish.client_order_id:
        return None
    try:
        key = f"{wish.account_id or ''}:{wish.client_order_id}"
        return idempotency_claim(user=user, key=key, route=ROUTE, body=body)
    except IdempotencyConflict as conflict:
        raise IdempotencyConflict(
            "This client order id was used before, for another order; use a new one for a new order.",
            details={"client_order_id": wish.client_order_id},
        ) from conflict


def _normalised(wish: OrderWish) -> dict[str, str]:
    """Return what was asked for, the same for every spelling of the same order."""
    given = {name: value for name, value in asdict(wish).items() if value is not None}
    given["symbol"] = wish.symbol.upper()
    return {name: plain_digits(value) if isinstance(value, Decimal) else str(value) for name, value in given.items()}


def _checked_target(user: User, wish: OrderWish, problems: Problems) -> Target:
    try:
        target = target_of(user=user, wish=wish)
        check_target(wish, target, problems)
    except ApplicationError:
        problems.refuse_if_any()
        raise
    problems.refuse_if_any()
    refuse_stopped(wish, target)
    return target


def _new_order(wish: OrderWish, target: Target) -> NewOrder:
    return NewOrder(
        account_id=target.account.pk,
        market_id=target.market.pk,
        origin=Origin.MASTER if target.leads else Origin.MANUAL,
        side=wish.side,
        type=wish.type,
        quantity=wish.quantity,
        price=wish.price,
        stop_price=wish.stop_price,
        time_in_force=wish.time_in_force or (TimeInForce.GTC if wish.is_priced else ""),
        position_side=wish.position_side,
        reduce_only=wish.reduce_only,
        client_order_id=wish.client_order_id or client_order_id_new(),
        send_within=SEND_WITHIN,
    )
