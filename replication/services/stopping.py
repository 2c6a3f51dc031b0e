"""Ending copies: what they hold is closed or kept, and what is closed is followed until it is."""

import logging
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.sql import run
from copytrade.lib.wake import wake_on_commit
from copytrade.realtime.services import messages_publish
from markets.venues.vocabulary import MarketKind
from orders.models import TradingAccount
from replication.engine.books import Book
from replication.engine.collecting import signal_row, signals_write
from replication.engine.instruments import Instrument
from replication.engine.trades import Change
from replication.models import IS_OPEN, Copy, CopyIntent, CopyPosition
from replication.services.flags import leader_marks_set
from replication.services.messages import copy_messages
from replication.services.withdrawing import orders_take_back
from replication.vocabulary import (
    UNDECIDED,
    UNDER_WAY,
    Action,
    CopyState,
    IntentState,
    PositionWord,
    Reason,
    SignalSource,
)

logger = logging.getLogger(__name__)

ENDED = "The copy ended before this could be done."
END_WAITING = """
    UPDATE replication_copyintent SET code = %(code)s, message = %(message)s, finished_at = %(now)s,
        updated_at = %(now)s, state = CASE WHEN filled_quantity > 0 THEN 'partial' ELSE 'skipped' END
    WHERE copy_id = ANY(%(copies)s) AND state = 'waiting'
"""
NOT_CLOSED = "Some of what it held could not be closed: close it by hand."


def positions_exit(positions: Iterable[CopyPosition]) -> int:
    """Write a signal of its own for each position that closes it; return how many. Needs a transaction."""
    now = timezone.now()
    rows = []
    for position in positions:
        market, copy = position.market, position.copy
        coins = coins_of(position)
        change = Change(
            action=Action.CLOSE,
            symbol=position.leader_symbol,
            side=PositionWord(position.leader_side),
            quantity=coins,
            price=None,
            fraction=Decimal(1),
            position_before=coins,
            fact_ids=(),
            event_time=now,
            detected_at=now,
            order_id=None,
        )
        instrument = Instrument(position.leader_symbol, market.base_asset, market.quote_asset)
        key = f"{SignalSource.STOP}:{position.pk}:{uuid4().hex}"
        book = Book(instrument, market.venue, change.position_before)
        rows.append(
            signal_row(leader=copy.trader, source=SignalSource.STOP, key=key, change=change, book=book, copy_id=copy.pk)
        )
    wake_on_commit("replication.fan_out")
    return signals_write(rows)


def coins_of(position: CopyPosition) -> Decimal:
    """Return how many coins a position is, inverse contracts at their price of entry."""
    market = position.market
    inverse = market.kind == MarketKind.COIN_M
    coins: Decimal = position.cost if inverse else abs(position.quantity) * market.contract_size
    return coins


def stopping_continue() -> None:
    """Go on with the copies that are stopping: close what is open, end those that are done. Safe to repeat."""
    for pk in list(Copy.objects.filter(state=CopyState.STOPPING).values_list("pk", flat=True)):
        try:
            stopping_step(copy_id=pk)
        except DATABASE_AWAY:
            raise
        except Exception:
            logger.exception("Copy %s cannot go on stopping", pk)


@transaction.atomic
def stopping_step(*, copy_id: int) -> None:
    """Close what a stopping copy still holds and has no order for, or end it where there is nothing left to do.

    What the venue does not let it close is tried again until it does, or until the owner keeps it.
    """
    account = TradingAccount.objects.filter(copies=copy_id)  # first: whoever plans for the copy holds it
    account.select_for_update(no_key=True, of=("self",)).get()
    copy = Copy.objects.select_for_update(no_key=True, of=("self",)).select_related("trader").get(pk=copy_id)
    if copy.state != CopyState.STOPPING or copy.trader.signals.filter(copy=copy, state="pending").exists():
        return
    # Decisions before positions: what became of an order changes both at once, and may do so between two looks.
    under_way = CopyIntent.objects.filter(copy=copy, state__in=UNDER_WAY).exists()
    busy, given_up = _busy(copy), _given_up(copy)
    held = list(copy.positions.filter(IS_OPEN).select_related("market", "copy__trader"))
    if waiting := [position for position in held if position.market_id not in busy | given_up]:
        positions_exit(waiting)
    elif not under_way:
        copy_end(copy=copy, reason=copy.state_reason if not held else f"{copy.state_reason} {NOT_CLOSED}".strip())


def copy_end(*, copy: Copy, reason: str) -> None:
    """End a copy whose row is locked, as its account is. What waits to be decided, or sent, is not done any more."""
    orders_take_back(copy=copy, code=Reason.COPY_ENDED, message=ENDED, exits=True)  # orders before decisions
    waiting_end(copy_ids=[copy.pk])
    now = timezone.now()
    copy.state, copy.state_reason, copy.ended_at, copy.updated_at = CopyState.ENDED, reason[:300], now, now
    copy.save(update_fields=["state", "state_reason", "ended_at", "updated_at"])
    leader_marks_set(trader_id=copy.trader_id)
    messages_publish(copy_messages([copy]))


def waiting_end(*, copy_ids: Sequence[int]) -> None:
    """End what waits at copies that end, or have ended."""
    now = timezone.now()
    run(END_WAITING, {"copies": list(copy_ids), "code": Reason.COPY_ENDED, "message": ENDED, "now": now})


def _busy(copy: Copy) -> set[int | None]:
    """Return the markets in which the copy has orders under way, or waits to close.

    An exit of the leader that does not succeed is no reason to wait: the closing of all takes it over.
    """
    planned, closes = Q(state=IntentState.PLANNED), Q(signal__source=SignalSource.STOP)
    rows = CopyIntent.objects.filter(planned | Q(state=IntentState.WAITING), copy=copy)
    first = Q(attempts=1) & ~Q(code__in=UNDECIDED)
    return set(rows.filter(planned | closes | Q(exits=False) | first).values_list("market_id", flat=True))


def _given_up(copy: Copy) -> set[int | None]:
    """Return the markets in which nothing can be closed, since the copy was told to stop."""
    tried = Q(state__in=[IntentState.FAILED, IntentState.SKIPPED, IntentState.PARTIAL])
    failed = CopyIntent.objects.filter(
        tried, copy=copy, signal__source=SignalSource.STOP, planned_at__gte=copy.updated_at
    )
    return set(failed.exclude(code=Reason.TAKEN_OVER).values_list("market_id", flat=True))
