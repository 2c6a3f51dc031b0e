"""Taking written orders for sending, each by one worker only."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import insert_rows, run, update_rows
from copytrade.lib.words import by_word
from markets.models import Market
from markets.selectors.known import markets_known
from markets.venues.base import AccountAccess, OrderReference, OrderRequest
from markets.venues.registry import adapter, venues
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, WorkingType
from orders.access import accesses_open
from orders.executor.findings import Source
from orders.executor.permits import Applicant, Refusal, is_exit, refuse
from orders.executor.rows import SenderRow, WaitingRow, halts_read, senders_read, waiting_lock
from orders.models import AccountState, Mode, Order
from orders.services.storing import EVENT_COLUMNS, LONGEST_TEXT, send_window
from orders.services.writing import NewOrder, orders_write_many
from orders.states import OrderState, move

KINDS, SIDES, POSITION_SIDES = by_word(MarketKind), by_word(Side), by_word(PositionSide)
TYPES, TIMES, WORKING_TYPES = by_word(OrderType), by_word(TimeInForce), by_word(WorkingType)
# Asked for often: to look a member up takes longer than to compare.
LIVE, ACTIVE, BUY, SPOT = Mode.LIVE.value, AccountState.ACTIVE.value, Side.BUY.value, MarketKind.SPOT.value
LARGEST_BATCH = 500
NOTHING = "{}"
TAKE = """
WITH taken AS (
    UPDATE orders_order SET state = %(state)s, attempts = attempts + 1, claimed_at = %(now)s, updated_at = %(now)s,
        check_at = %(check_at)s, reason_code = '', reason = ''
    WHERE id = ANY(%(ids)s) RETURNING id, filled_quantity
)
INSERT INTO orders_orderevent (order_id, from_state, to_state, source, code, message, filled_quantity, at)
SELECT id, %(before)s, %(state)s, %(source)s, '', '', filled_quantity, %(now)s FROM taken
"""
REFUSED_COLUMNS = {
    "state": "text",
    "reason_code": "text",
    "reason": "text",
    "check_at": "timestamptz",
    "finished_at": "timestamptz",
    "updated_at": "timestamptz",
}


class Claimed(msgspec.Struct, frozen=True):
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


class Claims(msgspec.Struct, frozen=True):
    """A batch: those orders that may be sent, and the ids of those that were refused and are over."""

    allowed: list[Claimed]
    refused: list[int]

    @property
    def taken(self) -> int:
        """How many orders were taken."""
        return len(self.allowed) + len(self.refused)


class Scene(msgspec.Struct, frozen=True):
    """What orders are sent by and where, and until when, on `time.monotonic`."""

    senders: Mapping[int, SenderRow]
    markets: Mapping[int, Market]
    deadline: float


class TakenOrder(NamedTuple):
    """An order that is this worker's to send, for the first time or again: as it was read, or is just written."""

    id: int
    attempt: int
    order: WaitingRow | NewOrder


class Taken(msgspec.Struct, frozen=True):
    """Orders that are this worker's to send."""

    rows: Sequence[TakenOrder]
    scene: Scene

    def parted(self) -> "tuple[Taken, Taken]":
        """Return those of live accounts, and those of paper accounts."""
        live, paper = list[TakenOrder](), list[TakenOrder]()
        for row in self.rows:
            (paper if self.scene.senders[row.order.account_id].is_paper else live).append(row)
        return Taken(live, self.scene), Taken(paper, self.scene)

    @property
    def on_paper(self) -> bool:
        """Whether any of them trades in our own books."""
        return any(self.scene.senders[row.order.account_id].is_paper for row in self.rows)


def orders_claim(order_ids: Sequence[int] | None = None, *, limit: int = LARGEST_BATCH) -> Claims:
    """Take orders that wait to be sent: these, or whichever are due; exits first.

    Those that may not be sent end as FAILED with the reason. The statements do not grow with orders.
    """
    with transaction.atomic():
        now = timezone.now()
        waiting = waiting_lock(order_ids, now=now, limit=limit)
        if not waiting:
            return Claims([], [])
        scene = _scene(waiting)
        refusals = _judge([(row.id, row, row.send_before) for row in waiting], scene)
        _settle(waiting, refusals)
    taken = [TakenOrder(row.id, row.attempts + 1, row) for row in waiting if row.id not in refusals]
    return Claims(taken_open(Taken(taken, scene)), list(refusals))


def orders_write_taken(orders: Sequence[NewOrder], *, source: Source = Source.EXECUTOR) -> tuple[Taken, list[int]]:
    """Write orders and take them for sending in the same transaction, which this needs; `source` wants them.

    From its commit on they are sent by whoever has called this, or by nobody until the send window has ended, as those
    of `orders_claim`. Those that may not be sent now wait to be refused by `orders_claim`: their ids are returned.
    """
    now = timezone.now()
    scene = _scene(orders)
    refusals = _judge([(number, order, now + order.send_within) for number, order in enumerate(orders)], scene)
    allowed = [order for number, order in enumerate(orders) if number not in refusals]
    numbers = orders_write_many(allowed, source=source, taken_until=now + send_window())
    waiting = orders_write_many([orders[number] for number in refusals], source=source)
    taken = [TakenOrder(pk, 1, order) for pk, order in zip(numbers, allowed, strict=True) if pk is not None]
    return Taken(taken, scene), [pk for pk in waiting if pk is not None]


def taken_open(taken: Taken) -> list[Claimed]:
    """Return taken orders with what their accounts need to be sent; call it once the taking is committed."""
    scene = taken.scene
    accesses = accesses_open([scene.senders[pk] for pk in {row.order.account_id for row in taken.rows}])
    return [_claimed(row, scene, accesses.get(row.order.account_id)) for row in taken.rows]


def _scene(orders: Sequence[WaitingRow | NewOrder]) -> Scene:
    senders = senders_read({order.account_id for order in orders})
    markets = markets_known({order.market_id for order in orders})
    for venue, paper in {(sender.venue, sender.is_paper) for sender in senders.values()}:
        if venue in venues():
            adapter(venue, paper=paper)  # the first use loads its library, which must not eat the time to send
    return Scene(senders, markets, time.monotonic() + send_window().total_seconds())


def _claimed(taken: TakenOrder, scene: Scene, access: AccountAccess | None) -> Claimed:
    order = taken.order
    sender = scene.senders[order.account_id]
    return Claimed(
        order_id=taken.id,
        attempt=taken.attempt,
        venue=sender.venue,
        paper=sender.is_paper,
        access=access,
        request=_request(order, scene.markets[order.market_id], _extra(order.extra)),
        deadline=scene.deadline,
    )


def _extra(stored: str | Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(stored, str):
        return stored
    return {} if stored == NOTHING else msgspec.json.decode(stored, type=dict[str, str])


def request_of(order: Order) -> OrderRequest:
    """Return the order as a venue is asked for it."""
    return _request(order, order.market, order.extra)


def _request(order: Order | WaitingRow | NewOrder, market: Market, extra: Mapping[str, str]) -> OrderRequest:
    return OrderRequest(  # by place: by name it takes three times as long
        order.client_order_id,
        market.symbol,
        KINDS[market.kind],
        SIDES[order.side],
        TYPES[order.type],
        order.quantity,
        order.quote_quantity,
        order.price,
        order.stop_price,
        TIMES[order.time_in_force] if order.time_in_force else None,
        POSITION_SIDES[order.position_side],
        order.reduce_only,
        order.close_position,
        WORKING_TYPES[order.working_type] if order.working_type else None,
        order.price_protect,
        order.callback_rate,
        order.activation_price,
        extra,
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


def _judge(waiting: Iterable[tuple[int, WaitingRow | NewOrder, datetime]], scene: Scene) -> dict[int, Refusal]:
    """Return why orders, with their numbers and ends, may not be sent, by number; those that may are not in it."""
    now, halts, live_trading = timezone.now(), halts_read(), settings.LIVE_TRADING
    refusals = {}
    for number, order, send_before in waiting:
        applicant = _applicant(order, scene.senders[order.account_id], scene.markets[order.market_id], send_before)
        if refusal := refuse(applicant, halts, live_trading=live_trading, now=now):
            refusals[number] = refusal
    return refusals


def _settle(waiting: Sequence[WaitingRow], refusals: Mapping[int, Refusal]) -> None:
    now = timezone.now()
    if refusals:
        _fail(refusals, now)
    if allowed := [row.id for row in waiting if row.id not in refusals]:
        values = {
            "before": OrderState.PENDING.value,
            "state": move(OrderState.PENDING, OrderState.SENDING).value,
            "source": Source.EXECUTOR.value,
        }
        run(TAKE, {**values, "ids": allowed, "now": now, "check_at": now + send_window()})


def _fail(refusals: Mapping[int, Refusal], now: datetime) -> None:
    state = move(OrderState.PENDING, OrderState.FAILED)
    changed = {"state": state, "check_at": None, "finished_at": now, "updated_at": now}
    rows = [
        {**changed, "id": pk, "reason_code": why.code, "reason": why.message[:LONGEST_TEXT]}
        for pk, why in refusals.items()
    ]
    events = [
        {
            "order_id": pk,
            "from_state": OrderState.PENDING,
            "to_state": state,
            "source": Source.EXECUTOR,
            "code": why.code,
            "message": why.message[:LONGEST_TEXT],
            "filled_quantity": 0,
            "at": now,
        }
        for pk, why in refusals.items()
    ]
    update_rows("orders_order", REFUSED_COLUMNS, rows)
    insert_rows("orders_orderevent", EVENT_COLUMNS, events)


def _applicant(order: WaitingRow | NewOrder, sender: SenderRow, market: Market, send_before: datetime) -> Applicant:
    return Applicant(
        account_id=sender.id,
        venue=sender.venue,
        venue_known=sender.venue in venues(),
        live=sender.mode == LIVE,
        live_enabled=sender.live_enabled,
        account_active=sender.state == ACTIVE,
        account_reason=sender.state_reason,
        is_exit=is_exit(
            buy=order.side == BUY,
            reduces=order.reduce_only or order.close_position or order.closes,
            position_side=order.position_side,
            spot=market.kind == SPOT,
        ),
        send_before=send_before,
    )
