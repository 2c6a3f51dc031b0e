"""Writing orders, and cancelling them. What is written is carried to the venue by `orders.executor`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from copytrade.lib.errors import ApplicationError, ErrorCode
from markets.models import Market
from markets.venues.vocabulary import OrderType, PositionSide, Side
from orders.executor.checking import orders_check
from orders.executor.claiming import Claims, Taken, orders_write_taken, taken_open
from orders.executor.findings import Source
from orders.executor.sending import Carrier, Companion, orders_execute
from orders.models import Order, OrderEvent, Origin, TradingAccount
from orders.services.accounts import account_hold
from orders.services.cancelling import orders_cancel
from orders.services.pricing import prices_bring
from orders.services.writing import NewOrder, client_order_id_new, orders_write_many
from orders.states import OrderState

__all__ = [
    "DuplicateClientOrderId",
    "NewOrder",
    "Written",
    "client_order_id_new",
    "order_cancel",
    "order_refresh",
    "order_send",
    "order_write",
    "order_write_taken",
    "orders_execute",
    "orders_place",
    "orders_write_many",
]


class DuplicateClientOrderId(ApplicationError):
    """The account has an order with this client order id already; nothing was written."""

    code = ErrorCode.IDEMPOTENCY_CONFLICT
    status = 409


@dataclass(frozen=True, slots=True)
class Written:
    """An order that is its caller's to send, and nobody else's; in `taken`, where it may be sent at all."""

    pk: int
    taken: Taken


def order_write(
    *,
    account: TradingAccount,
    market: Market,
    origin: Origin,
    side: Side,
    type: OrderType,  # noqa: A002  (the word of the field)
    send_within: timedelta,
    quantity: Decimal | None = None,
    quote_quantity: Decimal | None = None,
    price: Decimal | None = None,
    stop_price: Decimal | None = None,
    time_in_force: str = "",
    position_side: PositionSide = PositionSide.BOTH,
    reduce_only: bool = False,
    close_position: bool = False,
    closes: bool = False,
    working_type: str = "",
    price_protect: bool = False,
    callback_rate: Decimal | None = None,
    activation_price: Decimal | None = None,
    extra: Mapping[str, str] | None = None,
    client_order_id: str = "",
    attempts_allowed: int = 5,
) -> Order:
    """Write an order that waits to be sent; from its commit on, it is sent once, whatever dies.

    It is sent within `send_within` or not at all. Without a client order id of the caller's it has one of ours. One
    that the account has used raises `DuplicateClientOrderId`, a closed account `AccountConflict`. `closes` may say only
    who has counted what is under way against what is held, no request: such an order passes where nothing may be
    opened.
    """
    now = timezone.now()
    order = Order(
        account=account,
        market=market,
        origin=origin,
        side=side,
        type=type,
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=price,
        stop_price=stop_price,
        time_in_force=time_in_force,
        position_side=position_side,
        reduce_only=reduce_only,
        close_position=close_position,
        closes=closes,
        working_type=working_type,
        price_protect=price_protect,
        callback_rate=callback_rate,
        activation_price=activation_price,
        attempts_allowed=attempts_allowed,
        extra=dict(extra or {}),
        client_order_id=client_order_id or client_order_id_new(),
        created_at=now,
        updated_at=now,
        send_after=now,
        send_before=now + send_within,
    )
    _insert(order)
    return order


def order_write_taken(order: NewOrder) -> Written:
    """Write an order that its caller sends by `order_send`, as soon as the transaction, which this needs, is committed.

    Should the caller die, it is asked about, and sent, once the send window has ended. `DuplicateClientOrderId` as of
    `order_write`, and so is `AccountConflict`.
    """
    account_hold(order.account_id)
    taken, waiting = orders_write_taken([order], source=Source.USER)
    numbers = [*(row.id for row in taken.rows), *waiting]
    if not numbers:
        raise _duplicate(order.client_order_id)
    return Written(numbers[0], taken)


def order_send(written: Written, companion: Companion | None = None) -> None:
    """Send an order that was written for it, as `orders_place` does; what may not be sent ends as FAILED."""
    if not written.taken.rows:
        orders_place([written.pk])
        return
    if written.taken.on_paper:
        prices_bring([written.pk])
    carrier = Carrier(companion)
    carrier.take(Claims(taken_open(written.taken), []))
    carrier.finish()
    _ask_where_in_doubt(carrier.sent)


def orders_place(order_ids: list[int]) -> None:
    """Send written orders now, and ask once about those whose outcome is in doubt."""
    prices_bring(order_ids)
    _ask_where_in_doubt(orders_execute(order_ids))


def order_cancel(*, order: Order) -> Order:
    """Cancel an order and return it as it is then; one that is over stays as it is.

    One that was not sent yet never will be. One whose outcome is in doubt is cancelled as soon as it is known.
    """
    orders_cancel(order_ids=[order.pk])
    return _fresh(order)


def order_refresh(*, order: Order) -> Order:
    """Ask the venue about the order now and return it as it is then."""
    orders_check([order.pk])
    return _fresh(order)


def _ask_where_in_doubt(order_ids: list[int]) -> None:
    doubtful = Order.objects.filter(pk__in=order_ids, state=OrderState.UNKNOWN).values_list("pk", flat=True)
    if ids := list(doubtful):
        orders_check(ids)


def _duplicate(client_order_id: str) -> DuplicateClientOrderId:
    return DuplicateClientOrderId(f"The account has an order with the client order id {client_order_id} already.")


def _insert(order: Order) -> None:
    try:
        with transaction.atomic():
            account_hold(order.account_id)
            order.save(force_insert=True)
            OrderEvent.objects.create(order=order, to_state=order.state, source=Source.USER, at=order.created_at)
    except IntegrityError as error:
        if "orders_order_client_id" not in str(error):
            raise
        raise _duplicate(order.client_order_id) from error


def _fresh(order: Order) -> Order:
    return Order.objects.select_related("account", "market").get(pk=order.pk)
