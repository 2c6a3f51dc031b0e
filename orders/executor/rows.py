"""Orders as the executor works with them: the columns that it needs, read and written for many at once.

A model instance with its account and market costs as much as placing the order at the venue does.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from copytrade.lib.sql import numbers, run
from markets.models import Market
from markets.selectors.known import markets_known
from orders.executor.permits import Halt
from orders.models import Mode


class AccountFacts(NamedTuple):
    """What the recording of an order asks of its account."""

    venue: str
    mode: str
    is_led: bool


class WaitingRow(msgspec.Struct, gc=False):
    """An order that waits to be sent. `late`: its time is over already."""

    id: int
    account_id: int
    market_id: int
    client_order_id: str
    side: str
    position_side: str
    type: str
    time_in_force: str
    quantity: Decimal | None
    quote_quantity: Decimal | None
    price: Decimal | None
    stop_price: Decimal | None
    reduce_only: bool
    close_position: bool
    closes: bool
    working_type: str
    price_protect: bool
    callback_rate: Decimal | None
    activation_price: Decimal | None
    extra: str
    attempts: int
    send_before: datetime


class SenderRow(msgspec.Struct, gc=False):
    """An account that wants to send, with its sealed key where it has one."""

    id: int
    key: UUID
    venue: str
    mode: str
    state: str
    state_reason: str
    live_enabled: bool
    hedge_mode: bool
    ciphertext: bytes | None
    key_id: str | None

    @property
    def is_paper(self) -> bool:
        """Whether it trades in our own books."""
        return self.mode == PAPER


class OrderRow(msgspec.Struct):
    """An order whose state changes; the words are those of `Order`.

    Some columns are not read: `venue_response`, `send_after` and `updated_at`, which are written where they are set,
    and `check_at`, which is always.
    """

    id: int
    account_id: int
    market_id: int
    origin: str
    cause_id: int | None
    state: str
    reason_code: str
    reason: str
    quantity: Decimal | None
    venue_order_id: str
    filled_quantity: Decimal
    filled_quote: Decimal | None
    average_price: Decimal | None
    booked_quantity: Decimal
    attempts: int
    attempts_allowed: int
    checks: int
    cancel_requested_at: datetime | None
    send_before: datetime
    absent_since: datetime | None
    claimed_at: datetime | None
    sent_at: datetime | None
    acknowledged_at: datetime | None
    finished_at: datetime | None
    is_answered: bool
    account: AccountFacts
    market: Market
    venue_response: Mapping[str, Any] | None = None
    send_after: datetime | None = None
    updated_at: datetime | None = None
    check_at: datetime | None = None

    @property
    def pk(self) -> int:
        """The number of the order, as models call it."""
        return self.id


PAPER = Mode.PAPER.value  # asked for often: to look a member up takes longer than to compare
WAITING_COLUMNS = ", ".join(WaitingRow.__struct_fields__)
SENDER_COLUMNS = ", ".join(
    f"credential.{name}" if name in {"ciphertext", "key_id"} else f"account.{name}"
    for name in SenderRow.__struct_fields__
)
OWN_COLUMNS = OrderRow.__struct_fields__[: OrderRow.__struct_fields__.index("account")]
# Columns keep 30 places, and a number takes longer to read with each digit.
AMOUNTS = ("quantity", "filled_quantity", "filled_quote", "average_price", "booked_quantity")
OTHERWISE = {
    "is_answered": "order_.venue_response IS NOT NULL",
    **{name: f"trim_scale(order_.{name})" for name in AMOUNTS},
}
ORDER_COLUMNS = ", ".join(
    [
        *(OTHERWISE.get(name, f"order_.{name}") for name in OWN_COLUMNS),
        *(f"account.{name}" for name in AccountFacts._fields),
    ]
)
LED = "SELECT id, is_led FROM orders_tradingaccount WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
MARKET_PLACE = OWN_COLUMNS.index("market_id")
HALTS = "SELECT venue, account_id, mode = 'reduce_only', reason FROM orders_tradinghalt WHERE lifted_at IS NULL"


def waiting_lock(order_ids: Collection[int] | None, *, now: datetime, limit: int) -> list[WaitingRow]:
    """Lock orders that may be sent, these or whichever are due, exits first; those that others have are left out."""
    which = "" if order_ids is None else "AND id = ANY(%(ids)s)"
    rows = run(
        f"SELECT {WAITING_COLUMNS} FROM orders_order WHERE state = 'PENDING' AND send_after <= %(now)s {which} "
        "ORDER BY reduce_only DESC, close_position DESC, closes DESC, id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED",
        {"now": now, "limit": limit, "ids": numbers(order_ids or ())},
    )
    return [WaitingRow(*row) for row in rows]


def senders_read(account_ids: Collection[int]) -> dict[int, SenderRow]:
    """Return accounts with their sealed keys, by id."""
    rows = run(
        f"SELECT {SENDER_COLUMNS} FROM orders_tradingaccount account "
        "LEFT JOIN orders_credential credential ON credential.account_id = account.id WHERE account.id = ANY(%s)",
        [numbers(account_ids)],
    )
    return {row[0]: SenderRow(*row) for row in rows}


def halts_read() -> list[Halt]:
    """Return the stops that hold now."""
    return [Halt(*row) for row in run(HALTS)]


def orders_lock_rows(order_ids: Collection[int]) -> list[OrderRow]:
    """Return these orders locked, with their markets; always in the same order.

    As all locks of orders, it does not keep others from referring to them.
    """
    found = run(
        f"SELECT {ORDER_COLUMNS} FROM orders_order order_ JOIN orders_tradingaccount account "
        "ON account.id = order_.account_id WHERE order_.id = ANY(%s) ORDER BY order_.id FOR NO KEY UPDATE OF order_",
        [numbers(order_ids)],
    )
    own = len(OWN_COLUMNS)
    markets = markets_known({row[MARKET_PLACE] for row in found})
    accounts = {facts: AccountFacts(*facts) for facts in {row[own:] for row in found}}
    return [OrderRow(*(*row[:own], accounts[row[own:]], markets[row[MARKET_PLACE]])) for row in found]


def led_hold(account_ids: Collection[int]) -> dict[int, bool]:
    """Return whether others copy these accounts; nobody begins to be the first until the transaction ends."""
    return dict(run(LED, [numbers(account_ids)]))
