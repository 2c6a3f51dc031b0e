"""Asking venues about orders: those in doubt, those that are open, those whose trades are not all here."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from copytrade.lib.loop import submit
from copytrade.lib.sql import run
from markets.venues.base import AccountAccess, FillReport, OrderReference, OrderReport, Venue
from markets.venues.errors import Rejected, VenueError
from markets.venues.registry import adapter, venues
from orders.access import accesses_of
from orders.executor.claiming import reference_of
from orders.executor.findings import Finding, Source
from orders.executor.inbox import Inbox, batches
from orders.models import Mode, Order
from orders.services.recording import findings_record
from orders.states import OPEN, OrderState

logger = logging.getLogger(__name__)

LARGEST_BATCH = 200
MOST_AT_ONCE = 50
LEASE = timedelta(seconds=30)
FINISHED = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Question:
    """An order that the venue is asked about; `cancel` where its owner wants it gone."""

    order_id: int
    venue: str
    paper: bool
    access: AccountAccess
    reference: OrderReference
    state: OrderState
    booked: Decimal
    cancel: bool


def orders_check(order_ids: Sequence[int] | None = None) -> int:
    """Ask the venues about orders: these now, or a batch of those that are due; return how many were asked about.

    Must not run inside a transaction. Each order is asked about by one worker at a time.
    """
    taken, questions = _take(order_ids)
    if questions:
        findings = Inbox()
        asking = submit(_ask_all(questions, findings))
        for batch in batches(findings, len(questions), asking):
            findings_record(batch)
    return taken


def _take(order_ids: Sequence[int] | None) -> tuple[int, list[Question]]:
    now = timezone.now()
    which = "id = ANY(%(ids)s)" if order_ids is not None else "check_at <= %(now)s"
    with transaction.atomic():
        taken = run(
            # Those that nobody can ask about, for want of a key, come back ever more rarely.
            "UPDATE orders_order SET check_at = %(now)s + %(lease)s * least(checks + 1, 20), "
            "checks = least(checks + 1, 30000) WHERE id IN ("
            f"SELECT id FROM orders_order WHERE {which} AND state <> 'PENDING' ORDER BY check_at "
            "FOR NO KEY UPDATE SKIP LOCKED LIMIT %(limit)s) RETURNING id",
            {"ids": list(order_ids or ()), "now": now, "lease": LEASE, "limit": LARGEST_BATCH},
        )
    orders = Order.objects.select_related("account", "market").filter(pk__in=[pk for (pk,) in taken])
    accesses = accesses_of([order.account for order in orders if order.account.venue in venues()])
    askable = [order for order in orders if order.account_id in accesses]
    return len(taken), [_question(order, accesses[order.account_id]) for order in askable]


def _question(order: Order, access: AccountAccess) -> Question:
    return Question(
        order_id=order.pk,
        venue=order.account.venue,
        paper=order.account.mode == Mode.PAPER,
        access=access,
        reference=reference_of(order),
        state=OrderState(order.state),
        booked=order.booked_quantity,
        cancel=order.cancel_requested_at is not None,
    )


async def _ask_all(questions: Sequence[Question], findings: Inbox) -> None:
    room = asyncio.Semaphore(MOST_AT_ONCE)
    await asyncio.gather(*(_ask(question, room, findings) for question in questions))


async def _ask(question: Question, room: asyncio.Semaphore, findings: Inbox) -> None:
    async with room:
        asked_at = timezone.now()
        try:
            findings.put(await _learn(question, asked_at))
        except VenueError as error:
            findings.put(Finding(question.order_id, Source.POLL, asked_at, error=error))
        except Exception:
            logger.exception("Asking %s about order %s failed unexpectedly", question.venue, question.order_id)
            unreadable = VenueError("The venue's answer could not be read.")
            findings.put(Finding(question.order_id, Source.POLL, asked_at, error=unreadable))


async def _learn(question: Question, asked_at: datetime) -> Finding:
    venue = adapter(question.venue, paper=question.paper)
    if question.cancel and question.state in OPEN:
        report = await _cancel(venue, question)
    elif question.state in FINISHED and question.reference.venue_order_id:
        return await _learn_fills(venue, question, asked_at)
    else:
        report = await venue.query(question.access, question.reference)
    if report is None:
        return Finding(question.order_id, Source.POLL, asked_at, absent=True)
    known = report.fills or report.filled_quantity <= question.booked or not report.venue_order_id
    fills = () if known else await _fills(venue, question, report.venue_order_id)
    return Finding(question.order_id, Source.POLL, asked_at, report=report, fills=fills)


async def _cancel(venue: Venue, question: Question) -> OrderReport | None:
    try:
        return await venue.cancel(question.access, question.reference)
    except Rejected:  # it is not open any more: what became of it?
        return await venue.query(question.access, question.reference)


async def _learn_fills(venue: Venue, question: Question, asked_at: datetime) -> Finding:
    """The order is over; trades may be missing."""
    fills = await _fills(venue, question, question.reference.venue_order_id)
    if fills:
        return Finding(question.order_id, Source.POLL, asked_at, fills=fills)
    return Finding(question.order_id, Source.POLL, asked_at, error=VenueError("Its trades are not listed yet."))


async def _fills(venue: Venue, question: Question, venue_order_id: str) -> tuple[FillReport, ...]:
    reference = question.reference
    found = await venue.fills(
        question.access, reference.symbol, reference.kind, venue_order_id=venue_order_id, since=None
    )
    return tuple(found)
