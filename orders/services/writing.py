"""Writing many orders at once: the rows of a fan-out with their first steps, in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from msgspec.structs import replace

from copytrade.lib.sql import json_rows, run
from markets.venues.vocabulary import OrderType, PositionSide, Side
from orders.executor.findings import Source
from orders.models import Origin
from orders.states import OrderState

COLUMNS = {
    "key": "uuid",
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
NAMES = ", ".join(COLUMNS)
SHAPE = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
WRITE = f"""
WITH written AS (INSERT INTO orders_order (
    {NAMES}, state, reason_code, reason, venue_order_id, filled_quantity, booked_quantity, attempts, checks,
    created_at, updated_at, send_after, send_before, claimed_at, check_at
)
SELECT {NAMES}, %(state)s, '', '', '', 0, 0, %(attempts)s, 0, %(now)s, %(now)s, %(now)s, %(now)s + send_within,
    %(claimed_at)s, %(check_at)s
FROM json_to_recordset(%(rows)s) AS new({SHAPE}, send_within interval)
ON CONFLICT DO NOTHING
RETURNING account_id, client_order_id, id
), steps AS (
INSERT INTO orders_orderevent (order_id, from_state, to_state, source, code, message, filled_quantity, at)
SELECT id, '', %(state)s, %(source)s, '', '', 0, %(now)s FROM written
)
SELECT account_id, client_order_id, id FROM written
"""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to write; the words are those of `order_write`.

    `key` is the caller's own. Without a client order id it is made of the key.
    """

    key: UUID
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
    client_order_id: str = ""
    cause_id: int | None = None
    attempts_allowed: int = 5


def client_order_id_of(key: UUID) -> str:
    """Return the client order id of a row: 32 letters and digits, which every venue takes."""
    return key.hex


def orders_write_many(
    orders: Sequence[NewOrder], *, source: Source = Source.EXECUTOR, taken_until: datetime | None = None
) -> list[int | None]:
    """Write orders that wait to be sent; return their numbers in the order given.

    An order whose client order id its account has used already, or whose key is used, is not written: None stands for
    it. One statement, however many orders; `source` is who wants them, for their first event. With `taken_until` they
    are the caller's to send until then, and nobody else's: `orders_write_taken` sees to all that goes with it.
    """
    if not orders:
        return []
    named = [_named(order) for order in orders]
    now, state = timezone.now(), OrderState.SENDING if taken_until else OrderState.PENDING
    values: dict[str, Any] = {"now": now, "state": state.value, "source": source.value, "check_at": taken_until}
    values |= {"attempts": 1 if taken_until else 0, "claimed_at": now if taken_until else None}
    written = {(account, name): pk for account, name, pk in run(WRITE, {**values, "rows": json_rows(named)})}
    return [written.pop((order.account_id, order.client_order_id), None) for order in named]


def _named(order: NewOrder) -> NewOrder:
    return order if order.client_order_id else replace(order, client_order_id=client_order_id_of(order.key))
