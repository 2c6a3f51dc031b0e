"""Sending what was claimed: all at once on the venue loop, results stored in batches while others are still out."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, Protocol, runtime_checkable

from django.utils import timezone

from markets.venues.base import AccountAccess, OrderReport, OrderRequest, Venue
from markets.venues.deadline import sending_until
from markets.venues.errors import AuthFailed, OutcomeUnknown, Retryable, VenueError
from markets.venues.loop import submit
from markets.venues.registry import adapter
from orders.executor.claiming import LARGEST_BATCH, Claimed, orders_claim
from orders.executor.findings import Finding, Source
from orders.services.recording import findings_record

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 400
LARGEST_FLUSH = 500
Emit = Callable[[Finding], None]


@runtime_checkable
class PlacesMany(Protocol):
    """A venue that takes many orders of many accounts in one go."""

    async def place_many(self, items: Sequence[tuple[AccountAccess, OrderRequest]]) -> "list[OrderReport | VenueError]":
        """Return for each item what came of it, in their order."""
        ...


def orders_execute(order_ids: Sequence[int]) -> list[int]:
    """Claim, send and record these orders; return the ids of those sent.

    Must not run inside a transaction: it waits for venues. An order that another worker has is left to it.
    """
    sent: list[int] = []
    for start in range(0, len(order_ids), LARGEST_BATCH):
        claims = orders_claim(order_ids[start : start + LARGEST_BATCH])
        _carry(claims.allowed)
        sent += [item.order_id for item in claims.allowed]
    return sent


def orders_execute_due() -> int:
    """Claim, send and record a batch of the orders that are due; return how many were taken, 0 when none is left."""
    claims = orders_claim()
    _carry(claims.allowed)
    return claims.taken


def _carry(claimed: Sequence[Claimed]) -> None:
    if claimed:
        findings: SimpleQueue[Finding] = SimpleQueue()
        sending = submit(_send_all(claimed, findings.put))
        for batch in batches(findings, len(claimed), sending):
            findings_record(batch)


def batches(findings: "SimpleQueue[Finding]", expected: int, source: "Future[None]") -> Iterator[list[Finding]]:
    """Yield lists of findings as they come: the first at once, then whatever came in the meantime.

    What the source raises is raised here, so that nobody waits for findings that will not come.
    """
    while expected:
        try:
            batch = [findings.get(timeout=1)]
        except Empty:
            if source.done() and findings.empty():
                source.result()
                return
            continue
        while len(batch) < min(expected, LARGEST_FLUSH):
            try:
                batch.append(findings.get_nowait())
            except Empty:
                break
        expected -= len(batch)
        yield batch


async def _send_all(claimed: Sequence[Claimed], emit: Emit) -> None:
    room = asyncio.Semaphore(MOST_AT_ONCE)
    jobs: list[Coroutine[Any, Any, None]] = []
    by_venue = sorted(claimed, key=lambda item: (item.venue, item.paper))
    for (slug, paper), group in groupby(by_venue, key=lambda item: (item.venue, item.paper)):
        venue, items = adapter(slug, paper=paper), list(group)
        if isinstance(venue, PlacesMany):
            jobs.append(_send_together(venue, items, emit))
        else:
            jobs.extend(_send(venue, item, room, emit) for item in items)
    await asyncio.gather(*jobs)


async def _send(venue: Venue, item: Claimed, room: asyncio.Semaphore, emit: Emit) -> None:
    async with room:
        sent_at = timezone.now()
        try:
            access = _permitted(item)
            with sending_until(item.deadline):
                report = await venue.place(access, item.request)
            emit(_answer(item, sent_at, report))
        except VenueError as error:
            emit(_answer(item, sent_at, error))
        except Exception as error:
            logger.exception("Placing order %s at %s failed unexpectedly", item.order_id, item.venue)
            emit(_answer(item, sent_at, OutcomeUnknown(f"Unexpected: {type(error).__name__}")))


async def _send_together(venue: PlacesMany, items: Sequence[Claimed], emit: Emit) -> None:
    sent_at = timezone.now()
    answers: Sequence[OrderReport | VenueError]
    try:
        permitted = [(_permitted(item), item.request) for item in items]
        with sending_until(min(item.deadline for item in items)):
            answers = await venue.place_many(permitted)
    except VenueError as error:
        answers = [error] * len(items)
    except Exception as error:
        logger.exception("Placing %s orders at %s failed unexpectedly", len(items), items[0].venue)
        answers = [OutcomeUnknown(f"Unexpected: {type(error).__name__}")] * len(items)
    for item, answer in zip(items, answers, strict=True):
        emit(_answer(item, sent_at, answer))


def _permitted(item: Claimed) -> AccountAccess:
    """After its window an order counts as not sent, and others may send it: so it must not be sent here."""
    if time.monotonic() >= item.deadline:
        raise Retryable("It could not be sent in time, and was not sent.", after=timedelta(0))
    if item.access is None:
        raise AuthFailed("The account has no key that can be read: save it again.")
    return item.access


def _answer(item: Claimed, sent_at: datetime, answer: "OrderReport | VenueError") -> Finding:
    if isinstance(answer, VenueError):
        return Finding(item.order_id, Source.REPLY, sent_at, error=answer, sent_at=sent_at, attempt=item.attempt)
    return Finding(item.order_id, Source.REPLY, sent_at, report=answer, sent_at=sent_at, attempt=item.attempt)
