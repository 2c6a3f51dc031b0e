"""Closing a position by hand."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from copytrade.accounts.models import User
from copytrade.lib.errors import ApplicationError, ErrorCode
from copytrade.lib.idempotency import Claimed, Existing, idempotency_claim, idempotency_settle
from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.rounding import quantity_floor
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce
from orders.failures import order_refusal
from orders.models import Holding, Mode, Order, Origin, TradingAccount
from orders.services.cancelling import orders_cancel
from orders.services.placing import order_write, orders_place
from orders.states import FINAL, OrderState

ROUTE = "positions.close"
REFERENCE = "order:"
SEND_WITHIN = timedelta(seconds=30)
AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)
Claim = tuple[User, str, dict[str, Any]]


class PositionConflict(ApplicationError):
    """The position cannot be closed as it is now."""

    code = ErrorCode.CONFLICT
    status = 409


class OrdersInTheWay(PositionConflict):
    """Open orders would close the position as well, and nothing keeps both from trading more than is held."""

    def __init__(self, orders: Sequence[Order], holding: Holding) -> None:
        self.order_ids = [order.pk for order in orders]
        held = abs(holding.quantity)
        covered = min(sum((_remaining(order, held) for order in orders), Decimal(0)), held)
        super().__init__(
            f"Open orders in {holding.market.symbol} would close {plain_digits(covered)} of {plain_digits(held)} as "
            "well, and more than is held could be traded: cancel them, or close with cancel_orders.",
            details={"orders": self.order_ids, "quantity": plain_digits(covered)},
        )


def position_close(
    *, user: User, holding: Holding, cancel_orders: bool = False, idempotency_key: str | None = None
) -> Order:
    """Sell or buy back all of a position at the market and return the order as it is then.

    The order can only reduce: on contracts it is reduce-only (in hedge mode its position side says so), on spot it
    sells what is held. What one market order cannot take stays; closing again takes the rest. The same idempotency key
    returns the first order again. With `cancel_orders` the account's open orders against the position are cancelled
    first. Without, they stay, and where nothing holds the close to what is left (on spot, at a broker of shares) it is
    `OrdersInTheWay`. `PositionConflict`: nothing is open, it is being closed already, or it is less than the smallest
    order. What the venue refuses is raised as `order_refusal` has it. Must not run inside a transaction.
    """
    body = {"position": holding.pk, "cancel_orders": cancel_orders}
    claim = None if idempotency_key is None else (user, idempotency_key, body)
    try:
        order_id = _write(holding, claim, spares_orders=not cancel_orders)
    except OrdersInTheWay as found:
        if not cancel_orders:
            raise
        orders_cancel(order_ids=found.order_ids)
        order_id = _write(holding, claim, spares_orders=True)
    if Order.objects.filter(pk=order_id, state=OrderState.PENDING).exists():
        orders_place([order_id])
    order = Order.objects.select_related("account", "market").get(pk=order_id)
    if refusal := order_refusal(order):
        raise refusal
    return order


@transaction.atomic
def _write(holding: Holding, claim: Claim | None, *, spares_orders: bool) -> int:
    """Write the order; `OrdersInTheWay` where there are any to cancel, or to spare and they are not harmless."""
    claimed = None if claim is None else _claim(*claim)
    if isinstance(claimed, Existing):
        return int(claimed.result.removeprefix(REFERENCE))
    # Whoever plans an exit of a copy holds the account as well: one of the two sees the order of the other.
    TradingAccount.objects.select_for_update(no_key=True).get(pk=holding.account_id)
    locked = Holding.objects.select_for_update(of=("self",)).select_related("account", "market").get(pk=holding.pk)
    order = _write_order(locked, spares_orders=spares_orders)
    if claimed is not None:
        idempotency_settle(claim=claimed, result=f"{REFERENCE}{order.pk}")
    return order.pk


def _claim(user: User, key: str, body: dict[str, Any]) -> Claimed | Existing:
    return idempotency_claim(user=user, key=key, route=ROUTE, body=body)


def _write_order(holding: Holding, *, spares_orders: bool) -> Order:
    if not holding.quantity:
        raise PositionConflict("This position is closed already.")
    hedged = holding.side != PositionSide.BOTH
    reduce_only = not hedged and _venue_reduces(holding)
    _check_orders(holding, cannot_turn=hedged or reduce_only, spares_orders=spares_orders)
    return order_write(
        account=holding.account,
        market=holding.market,
        origin=Origin.MANUAL,
        side=_way_out(holding),
        type=OrderType.MARKET,
        send_within=SEND_WITHIN,
        quantity=closing_quantity(holding.market, abs(holding.quantity)),
        position_side=PositionSide(holding.side),
        reduce_only=reduce_only,
        closes=True,
    )


def closing_quantity(market: Market, held: Decimal) -> Decimal:
    """Return how much of what is held one market order may take; `PositionConflict` where that is nothing."""
    filters, kind = market.filters, MarketKind(market.kind)
    bounds = [bound for bound in (filters.quantity_max, filters.market_quantity_max) if bound]
    quantity = quantity_floor(filters, min([held, *bounds]), market_order=True, kind=kind)
    least = max((bound for bound in (filters.quantity_min, filters.market_quantity_min) if bound), default=Decimal(0))
    if not quantity or quantity < least:
        raise PositionConflict(
            f"{plain_digits(held)} is less than the smallest order in {market.symbol}, {plain_digits(least)}."
        )
    return quantity


def _check_orders(holding: Holding, *, cannot_turn: bool, spares_orders: bool) -> None:
    """Refuse to close beside orders that trade against the position, unless they are to be spared and do no harm."""
    against = list(_orders_against(holding))
    if any(_closes_now(order) for order in against):
        raise PositionConflict("This position is being closed already.")
    resting = [order for order in against if order.state not in FINAL]
    if resting and not (spares_orders and cannot_turn):
        raise OrdersInTheWay(resting, holding)
    if against and not cannot_turn:
        raise PositionConflict("A trade against this position is not booked yet: close again in a moment.")


def _orders_against(holding: Holding) -> "QuerySet[Order]":
    """Return the orders that trade against a position, or have traded and it does not show that yet."""
    orders = Order.objects.filter(account=holding.account, market=holding.market, position_side=holding.side)
    unbooked = Q(filled_quantity__gt=F("booked_quantity"))
    return orders.filter(~Q(state__in=list(FINAL)) | unbooked, side=_way_out(holding)).order_by("pk")


def _closes_now(order: Order) -> bool:
    """Whether an order waits for no price: two of these could turn a position around."""
    return order.type == OrderType.MARKET or order.time_in_force in AT_ONCE


def _venue_reduces(holding: Holding) -> bool:
    account = holding.account
    able = capabilities(account.venue, paper=account.mode == Mode.PAPER)
    return holding.market.kind != MarketKind.SPOT and able.reduce_only


def _way_out(holding: Holding) -> Side:
    return Side.SELL if holding.quantity > 0 else Side.BUY


def _remaining(order: Order, held: Decimal) -> Decimal:
    """Return how much of what is held an order may still take; one that closes a position takes all."""
    return held if order.quantity is None else order.quantity - order.booked_quantity
