"""Sending what was claimed: all at once on the venue loop, results stored in batches while others are still out."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Protocol, runtime_checkable

from copytrade.lib.loop import submit
from markets.venues.base import AccountAccess, OrderReport, OrderRequest, Venue
from markets.venues.deadline import sending_until
from markets.venues.errors import AuthFailed, OutcomeUnknown, Retryable, VenueError
from markets.venues.registry import adapter
from orders.executor.claiming import LARGEST_BATCH, Claimed, Claims, orders_claim
from orders.executor.findings import Finding, Source
from orders.executor.inbox import CROWD, Batches, Inbox
from orders.executor.room import Room
from orders.services.recording import Follow, findings_record

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 400
# What has come is stored before more is sent, where it is so much; storing anything costs some milliseconds.
WORTHWHILE = 300
# So many go out together; the first few alone, so that the first answer does not wait for a crowd of handshakes.
FIRST_GROUP = 10
GROUP = 100
Emit = Callable[[Finding], None]
Items = Sequence[tuple[AccountAccess, OrderRequest]]


@runtime_checkable
class PlacesMany(Protocol):
    """A venue that takes many orders of many accounts in one go."""

    async def place_many(self, items: Items) -> "list[OrderReport | VenueError]":
        """Return for each item what came of it, in their order."""
        ...


@runtime_checkable
class Expects(Protocol):
    """A venue that prepares once for many orders, which are placed one by one right after."""

    async def expect(self, items: Items) -> None:
        """Prepare for these orders; those that cannot be placed are refused when they are."""
        ...


class Companion(Follow, Protocol):
    """Who goes along with orders: takes up what became of them as it is stored, and goes on from there."""

    def go_on(self, order_ids: Sequence[int], *, booked: bool) -> None:
        """Go on once what became of orders is committed; `booked`: it was taken up in the same transaction.

        What is raised is logged and stops nothing.
        """
        ...


def orders_execute(order_ids: Sequence[int]) -> list[int]:
    """Claim, send and record these orders; return the ids of those sent.

    Must not run inside a transaction: it waits for venues. An order that another worker has is left to it.
    """
    carrier = Carrier()
    carrier.carry(order_ids)
    carrier.finish()
    return carrier.sent


def orders_execute_due() -> int:
    """Claim, send and record a batch of the orders that are due; return how many were taken, 0 when none is left."""
    claims = orders_claim()
    carrier = Carrier()
    carrier.take(claims)
    carrier.finish()
    return claims.taken


class Carrier:
    """Orders on their way, in batches that overlap. `sent` are the ids of those that were handed to their venues.

    `under_way` is called on the loop, more than once perhaps, when the first of them have left. Must not be used inside
    a transaction: it waits for venues.
    """

    def __init__(self, companion: Companion | None = None, under_way: Callable[[], None] = lambda: None) -> None:
        self.sent: list[int] = []
        self._companion = companion
        self._under_way = under_way
        self._inbox = Inbox()
        self._batches = Batches(self._inbox)
        self._rooms: Rooms = defaultdict(lambda: Room(MOST_AT_ONCE))
        self._sendings: list[Future[None]] = []
        self._stored = 0

    @property
    def busy(self) -> bool:
        """Whether orders are on their way."""
        return len(self.sent) > self._stored

    def carry(self, order_ids: Sequence[int]) -> None:
        """Claim these orders and hand them to their venues, while those from before are out."""
        for start in range(0, len(order_ids), LARGEST_BATCH):
            self.make_room()
            self.take(orders_claim(order_ids[start : start + LARGEST_BATCH]))

    def take(self, claims: Claims) -> None:
        """Hand claimed orders to their venues."""
        self._go_on(claims.refused, booked=False)
        if claims.allowed:
            self.sent += [item.order_id for item in claims.allowed]
            self._sendings.append(submit(self._send_all(claims.allowed)))

    def make_room(self) -> None:
        """Store what comes until so little is out that more may be claimed: what waits here too long is not sent."""
        while len(self.sent) - self._inbox.received >= MOST_AT_ONCE:  # all of it: what comes meanwhile is planned after
            self._store_next(len(self.sent) - self._stored)

    def finish(self) -> None:
        """Store all that still comes."""
        while self.busy:
            self.store()

    def store_received(self) -> None:
        """Store what has come already, unless that is little; wait for nothing."""
        while self._inbox.received - self._stored >= WORTHWHILE:
            self._record(self._inbox.take())

    def store(self) -> None:
        """Wait for what comes next of what is out, and store it; of much only half, while the other half comes."""
        out = len(self.sent) - self._stored
        self._store_next(min(out, max(out // 2, CROWD)))

    def _store_next(self, wanted: int) -> None:
        batch = self._batches.next(wanted)
        if not batch:
            self._check()
            return
        self._record(batch)

    async def _send_all(self, claimed: Sequence[Claimed]) -> None:
        lanes = [(lane, list(items)) for lane, items in groupby(sorted(claimed, key=_lane), key=_lane)]
        emit, under_way = self._inbox.put, self._under_way
        await asyncio.gather(*(_send_lane(lane, items, self._rooms[lane], emit, under_way) for lane, items in lanes))

    def _record(self, batch: Sequence[Finding]) -> None:
        self._stored += len(batch)
        booked = findings_record(batch, follow=self._companion)
        self._go_on([finding.order_id for finding in batch], booked=booked)

    def _check(self) -> None:
        """Raise what ended the sending, so that nobody waits for findings that will not come."""
        for sending in self._sendings:
            if sending.done():
                sending.result()

    def _go_on(self, order_ids: Sequence[int], *, booked: bool) -> None:
        if self._companion is None or not order_ids:
            return
        try:
            self._companion.go_on(order_ids, booked=booked)
        except Exception:
            logger.exception("What follows the recording of %s orders failed", len(order_ids))


_deadline = attrgetter("deadline")
Lane = tuple[str, bool]
Rooms = defaultdict[Lane, Room]


def _lane(item: Claimed) -> Lane:
    return item.venue, item.paper


async def _send_lane(
    lane: Lane, items: Sequence[Claimed], room: Room, emit: Emit, under_way: Callable[[], None]
) -> None:
    slug, paper = lane
    venue, loop, tasks = adapter(slug, paper=paper), asyncio.get_running_loop(), []
    if isinstance(venue, PlacesMany):
        loop.call_soon(under_way)
        await _send_together(venue, items, emit)
        return
    for group in _groups(items):
        await room.take(len(group))
        if isinstance(venue, Expects):
            await _announce(venue, group)
        for deadline, alike in groupby(group, key=_deadline):
            with sending_until(deadline):  # tasks take it along from here, which costs less than setting it in each
                tasks += [loop.create_task(_send(venue, item, room, emit)) for item in alike]
        loop.call_soon(under_way)
    await _end_of(tasks)


async def _end_of(tasks: "Sequence[asyncio.Task[None]]") -> None:
    """Wait for all, as `asyncio.gather` does, without a callback for each: most have ended before their turn comes."""
    try:
        for task in tasks:
            await task
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise


def _groups(items: Sequence[Claimed]) -> Iterator[Sequence[Claimed]]:
    start, size = 0, FIRST_GROUP
    while start < len(items):
        yield items[start : start + size]
        start, size = start + size, GROUP


async def _announce(venue: Expects, group: Sequence[Claimed]) -> None:
    try:
        await venue.expect([(item.access, item.request) for item in group if item.access])
    except Exception:  # each order is refused, or placed, for itself
        logger.exception("Preparing for %s orders at %s failed", len(group), group[0].venue)


async def _send(venue: Venue, item: Claimed, room: Room, emit: Emit) -> None:
    """Send an order inside its `sending_until`."""
    sent_at = datetime.now(UTC)
    try:
        emit(_answer(item, sent_at, await venue.place(_permitted(item), item.request)))
    except VenueError as error:
        emit(_answer(item, sent_at, error))
    except Exception as error:
        logger.exception("Placing order %s at %s failed unexpectedly", item.order_id, item.venue)
        emit(_answer(item, sent_at, OutcomeUnknown(f"Unexpected: {type(error).__name__}")))
    finally:
        room.give_back()


async def _send_together(venue: PlacesMany, items: Sequence[Claimed], emit: Emit) -> None:
    sent_at = datetime.now(UTC)
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
