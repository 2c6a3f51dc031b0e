"""Writing many orders at once: the rows of a fan-out with their first steps, in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from uuid import uuid4

import msgspec
from django.utils import timezone

from copytrade.lib.sql import UNLESS_THERE, as_table, insert_mostly_new
from markets.venues.vocabulary import OrderType, PositionSide, Side
from orders.executor.findings import Source
from orders.models import Origin
from orders.states import OrderState

COLUMNS = {
    "account_id": "bigint",
    "market_id": "bigint",
    "origin": "text",
    "client_order_id": "text",
    "side": "text",
    "position_side": "text",
    "type": "text",
    "time_in_force": "text",
    "quantity": "numeric",
    "quote_quantity": "numeric",
    "price": "numeric",
    "stop_price": "numeric",
    "reduce_only": "boolean",
    "close_position": "boolean",
    "closes": "boolean",
    "working_type": "text",
    "price_protect": "boolean",
    "callback_rate": "numeric",
    "activation_price": "numeric",
    "extra": "jsonb",
    "cause_id": "bigint",
    "attempts_allowed": "smallint",
}
WRITE = f"""
WITH first AS (
    SELECT %s::text AS state, %s::text AS source, %s::smallint AS attempts, %s::timestamptz AS now,
        %s::timestamptz AS claimed_at, %s::timestamptz AS check_at
), written AS (
    INSERT INTO orders_order (
        {{names}}, state, reason_code, reason, venue_order_id, filled_quantity, booked_quantity, attempts, checks,
        created_at, updated_at, send_after, claimed_at, check_at, send_before
    )
    SELECT {{values}}, first.state, '', '', '', 0, 0, first.attempts, 0, first.now, first.now, first.now,
        first.claimed_at, first.check_at, first.now + {{within}}
    FROM first, {{source}}
    {UNLESS_THERE}
    RETURNING account_id, client_order_id, id
), steps AS (
    INSERT INTO orders_orderevent (order_id, from_state, to_state, source, code, message, filled_quantity, at)
    SELECT id, '', first.state, first.source, '', '', 0, first.now FROM first, written
)
SELECT account_id, client_order_id, id FROM written
"""


def client_order_id_new() -> str:
    """Return a client order id that nobody has used: 32 letters and digits, which every venue takes."""
    return uuid4().hex


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to write; the words are those of `order_write`."""

    account_id: int
    market_id: int
    origin: Origin
    side: Side
    type: OrderType
    send_within: timedelta
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = ""
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    closes: bool = False
    working_type: str = ""
    price_protect: bool = False
    callback_rate: Decimal | None = None
    activation_price: Decimal | None = None
    extra: Mapping[str, str] = msgspec.field(default_factory=dict)
    client_order_id: str = msgspec.field(default_factory=client_order_id_new)
    cause_id: int | None = None
    attempts_allowed: int = 5


def orders_write_many(
    orders: Sequence[NewOrder], *, source: Source = Source.EXECUTOR, taken_until: datetime | None = None
) -> list[int | None]:
    """Write orders that wait to be sent; return their numbers in the order given.

    An order whose client order id its account has used already is not written: None stands for it. One statement
    inserts them all; `source` is who wants them, for their first event. With `taken_until` they are the caller's to
    send until then, and nobody else's: `orders_write_taken` sees to all that goes with it.
    """
    if not orders:
        return []
    now, state = timezone.now(), OrderState.SENDING if taken_until else OrderState.PENDING
    first = [state.value, source.value, 1 if taken_until else 0, now, now if taken_until else None, taken_until]
    new = as_table({**COLUMNS, "send_within": "interval"}, orders, key="client_order_id", read=attrgetter)
    values = [new.values[name] for name in COLUMNS]
    statement = WRITE.format(
        names=", ".join(COLUMNS), values=", ".join(values), within=new.values["send_within"], source=new.source
    )
    written = {(account, name): pk for account, name, pk in insert_mostly_new(statement, [*first, *new.parameters])}
    return [written.pop((order.account_id, order.client_order_id), None) for order in orders]
