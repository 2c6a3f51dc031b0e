"""Orders that count as over here and are open at their venue, found by a comparison and opened again.

A list of open orders is one answer, and may lag behind what the venue told before. So the order itself is asked about
too, once its end is long enough ago, and only two answers that agree reopen it. Each difference is told, whatever came
of it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from copytrade.lib.loop import run
from copytrade.lib.wire import plain_digits
from markets.venues.base import AccountAccess, OrderReference, OrderReport, Venue
from markets.venues.errors import VenueError
from markets.venues.vocabulary import WAITING_STOP
from orders.access import venue_of
from orders.executor.claiming import reference_of
from orders.executor.findings import Finding, Source
from orders.models import Order, TradingAccount
from orders.services.recording import findings_record
from orders.services.storing import event_row, orders_lock, orders_store
from orders.services.totals import fill_totals, worth_take
from orders.states import OPEN, REOPENINGS, OrderState, Progress, reopen

logger = logging.getLogger(__name__)

LISTS_LAG = timedelta(seconds=10)  # so long a list may still show what is over
MOST_QUESTIONS = 200
MOST_AT_ONCE = 50
TIMEOUT_SECONDS = 120.0


class Outcome(StrEnum):
    """What came of an order that is over here and was listed as open."""

    REOPENED = "REOPENED"
    WAITS = "WAITS"  # its end is too fresh, or too many others were asked about: the next comparison asks
    UNCONFIRMED = "UNCONFIRMED"  # asked about the order itself, the venue did not say that it is open
    MOVED = "MOVED"  # something else was learnt while the venue was asked
    OTHER_ORDER = "OTHER_ORDER"  # another order under our client order id
    TRADES_DENY = "TRADES_DENY"  # its trades are more than the venue says, or all that it could be


@dataclass(frozen=True, slots=True)
class Contested:
    """An order of ours as it was when it was compared, what the venue's list told, and what came of that."""

    order: Order
    told: OrderReport
    outcome: Outcome = Outcome.WAITS
    confirmed: OrderReport | None = None


def orders_reopen(
    *, account: TradingAccount, access: AccountAccess, listed: Mapping[int, OrderReport], asked_at: datetime
) -> list[dict[str, Any]]:
    """Reopen those of the listed orders that were over here before the list was asked for; return what differed.

    `listed` holds the venue's open orders by the ids of ours. Must not run in a transaction. A difference names the
    order, its state and what is filled of it `here` and at the `venue`, and the `outcome`.
    """
    contested = [_identified(each) for each in _contested(account, listed, asked_at)]
    ripe = [each for each in contested if each.outcome == Outcome.WAITS and _is_long_over(each.order, asked_at)]
    settled = _settle(account, access, ripe[:MOST_QUESTIONS]) if ripe else {}
    return [_difference(settled.get(each.order.pk, each)) for each in contested]


def _contested(account: TradingAccount, listed: Mapping[int, OrderReport], asked_at: datetime) -> list[Contested]:
    over = Order.objects.filter(account=account, state__in=list(REOPENINGS), finished_at__lt=asked_at)
    rows = over.filter(pk__in=list(listed)).select_related("market", "account").order_by("finished_at", "pk")
    return [Contested(order, listed[order.pk]) for order in rows]


def _identified(each: Contested) -> Contested:
    ours, theirs = each.order.venue_order_id, each.told.venue_order_id
    same = ours == theirs or (each.order.side == each.told.side and _is_later_name(theirs, ours))
    return each if same else replace(each, outcome=Outcome.OTHER_ORDER)


def _is_later_name(number: str, before: str) -> bool:
    """Return whether an order may have this number that had, or has, the other one.

    A conditional order gets the number of the order that it becomes, and never another one.
    """
    return before in {"", number} or (before.startswith(WAITING_STOP) and not number.startswith(WAITING_STOP))


def _is_long_over(order: Order, asked_at: datetime) -> bool:
    return order.finished_at is not None and order.finished_at < asked_at - LISTS_LAG


def _settle(account: TradingAccount, access: AccountAccess, contested: Sequence[Contested]) -> dict[int, Contested]:
    """Ask about orders, reopen what is confirmed, and record the answers as any others; return what came of each."""
    asked_at = timezone.now()
    asked = _confirm(account, access, contested)
    settled = {each.order.pk: each for each in asked}
    settled |= _reopen([each for each in asked if each.outcome == Outcome.WAITS])
    answers = {pk: each.confirmed for pk, each in settled.items() if each.confirmed is not None}
    findings_record([Finding(pk, Source.RECONCILE, asked_at, report=report) for pk, report in answers.items()])
    return settled


def _confirm(account: TradingAccount, access: AccountAccess, contested: Sequence[Contested]) -> list[Contested]:
    references = [replace(reference_of(each.order), venue_order_id=each.told.venue_order_id) for each in contested]
    answers = run(_ask(venue_of(account), access, references), timeout=TIMEOUT_SECONDS)
    return [_heard(each, answer) for each, answer in zip(contested, answers, strict=True)]


async def _ask(
    venue: Venue, access: AccountAccess, references: Sequence[OrderReference]
) -> list[OrderReport | VenueError | None]:
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def ask(reference: OrderReference) -> OrderReport | VenueError | None:
        async with room:
            try:
                return await venue.query(access, reference)
            except VenueError as error:
                return error

    return list(await asyncio.gather(*(ask(reference) for reference in references)))


def _heard(each: Contested, answer: OrderReport | VenueError | None) -> Contested:
    """Return what the second answer makes of a contested order; one that is open there still waits for its turn."""
    if not isinstance(answer, OrderReport):
        return replace(each, outcome=Outcome.UNCONFIRMED)
    same = _is_later_name(answer.venue_order_id, each.told.venue_order_id)
    agrees = same and OrderState(answer.status) in OPEN
    return replace(each, confirmed=answer if same else None, outcome=each.outcome if agrees else Outcome.UNCONFIRMED)


@transaction.atomic
def _reopen(contested: Sequence[Contested]) -> dict[int, Contested]:
    locked = {order.pk: order for order in orders_lock([each.order.pk for each in contested])}
    totals = fill_totals(list(locked))
    after: dict[int, Contested] = {}
    events: list[dict[str, Any]] = []
    for each in contested:
        order = locked[each.order.pk]
        outcome = _take_back(order, each, totals.get(order.pk), events)
        after[order.pk] = replace(each, outcome=outcome)
    orders_store([locked[pk] for pk, each in after.items() if each.outcome == Outcome.REOPENED], events)
    return after


def _take_back(order: Order, each: Contested, totals: Sequence[Any] | None, events: list[dict[str, Any]]) -> Outcome:
    report = each.confirmed
    if report is None or (order.state, order.updated_at) != (each.order.state, each.order.updated_at):
        return Outcome.MOVED
    before = OrderState(order.state)
    booked: Decimal = totals[0] if totals else Decimal(0)
    quantity = report.quantity or order.quantity
    progress = reopen(before, report.status, told=report.filled_quantity, booked=booked, quantity=quantity)
    if progress is None:
        return Outcome.TRADES_DENY
    _open(order, report, progress, totals)
    message = f"It counted as {before}, and the venue said twice that it is open."
    events.append(event_row(order, before, Source.RECONCILE, code=Outcome.REOPENED, message=message))
    logger.warning("Account %s: order %s is open again: %s", order.account_id, order.pk, message)
    return Outcome.REOPENED


def _open(order: Order, report: OrderReport, progress: Progress, totals: Sequence[Any] | None) -> None:
    now = timezone.now()
    order.state, order.filled_quantity = progress.state, progress.filled
    order.venue_order_id = report.venue_order_id
    order.quantity = report.quantity or order.quantity  # it may have been changed at the venue
    order.filled_quote = report.filled_quote if report.filled_quantity else None
    order.average_price = report.average_price if report.filled_quantity else None
    if totals and totals[0] == progress.filled:
        worth_take(order, totals)
    order.reason_code = order.reason = ""
    order.finished_at = order.absent_since = None
    order.acknowledged_at = order.acknowledged_at or now
    order.updated_at, order.checks = now, 0


def _difference(each: Contested) -> dict[str, Any]:
    order, told = each.order, each.told
    return {
        "symbol": told.symbol,
        "kind": told.kind,
        "order": order.pk,
        "client_order_id": order.client_order_id,
        "venue_order_id": told.venue_order_id,
        "here": order.state,
        "venue": told.status,
        "filled_here": plain_digits(order.filled_quantity),
        "filled_at_venue": plain_digits(told.filled_quantity),
        "outcome": each.outcome,
    }
