"""Closing a position by hand."""

from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q

from copytrade.accounts.models import User
from copytrade.lib.errors import ApplicationError, ErrorCode
from copytrade.lib.idempotency import Claimed, Existing, idempotency_claim, idempotency_settle
from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.rounding import quantity_floor
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from orders.failures import order_refusal
from orders.models import Holding, Mode, Order, Origin
from orders.services.placing import order_write, orders_place
from orders.states import FINAL, OrderState

ROUTE = "positions.close"
REFERENCE = "order:"
SEND_WITHIN = timedelta(seconds=30)


class PositionConflict(ApplicationError):
    """The position cannot be closed as it is now."""

    code = ErrorCode.CONFLICT
    status = 409


def position_close(*, user: User, holding: Holding, idempotency_key: str | None = None) -> Order:
    """Sell or buy back all of a position at the market and return the order as it is then.

    The order can only reduce: on contracts it is reduce-only (in hedge mode its position side says so), on spot it
    sells what is held. What one market order cannot take stays; closing again takes the rest. The same idempotency key
    returns the first order again. `PositionConflict`: nothing is open, it is being closed already, or it is less than
    the smallest order. What the venue refuses is raised as `order_refusal` has it. Must not run inside a transaction.
    """
    order_id = _write(user, holding, idempotency_key)
    if Order.objects.filter(pk=order_id, state=OrderState.PENDING).exists():
        orders_place([order_id])
    order = Order.objects.select_related("account", "market").get(pk=order_id)
    if refusal := order_refusal(order):
        raise refusal
    return order


@transaction.atomic
def _write(user: User, holding: Holding, key: str | None) -> int:
    claim = None if key is None else _claim(user, holding, key)
    if isinstance(claim, Existing):
        return int(claim.result.removeprefix(REFERENCE))
    locked = Holding.objects.select_for_update(of=("self",)).select_related("account", "market").get(pk=holding.pk)
    order = _write_order(locked)
    if claim is not None:
        idempotency_settle(claim=claim, result=f"{REFERENCE}{order.pk}")
    return order.pk


def _claim(user: User, holding: Holding, key: str) -> Claimed | Existing:
    return idempotency_claim(user=user, key=key, route=ROUTE, body={"position": holding.pk})


def _write_order(holding: Holding) -> Order:
    if not holding.quantity:
        raise PositionConflict("This position is closed already.")
    if _being_closed(holding):
        raise PositionConflict("This position is being closed already.")
    account = holding.account
    one_way = holding.market.kind != MarketKind.SPOT and holding.side == PositionSide.BOTH
    return order_write(
        account=account,
        market=holding.market,
        origin=Origin.MANUAL,
        side=Side.SELL if holding.quantity > 0 else Side.BUY,
        type=OrderType.MARKET,
        send_within=SEND_WITHIN,
        quantity=closing_quantity(holding.market, abs(holding.quantity)),
        position_side=PositionSide(holding.side),
        reduce_only=one_way and capabilities(account.venue, paper=account.mode == Mode.PAPER).reduce_only,
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


def _being_closed(holding: Holding) -> bool:
    """Return whether a market order against this position is under way: two could turn it around."""
    against = Side.SELL if holding.quantity > 0 else Side.BUY
    orders = Order.objects.filter(account=holding.account, market=holding.market, position_side=holding.side)
    unbooked = Q(filled_quantity__gt=F("booked_quantity"))  # it is done, and the holding does not show it yet
    return orders.filter(~Q(state__in=list(FINAL)) | unbooked, side=against, type=OrderType.MARKET).exists()
