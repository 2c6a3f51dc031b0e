"""Publishing: messages are rows of the transaction that caused them; after commit, listeners are woken."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib.loop import process_loop
from copytrade.lib.sql import run
from copytrade.realtime.messages import Message
from copytrade.realtime.models import StreamEvent, StreamPosition
from copytrade.realtime.selectors import position_now

logger = logging.getLogger(__name__)

WAKE_GROUP = "realtime"
WAKE_SECONDS = 1.0
PLACED_AT_ONCE = 500
PUBLISH = "INSERT INTO realtime_streamevent (size, messages, created_at) VALUES (%s, %s, %s)"
PLACE = """
    UPDATE realtime_streamevent AS event SET seq = %s + waiting.running
    FROM (
        SELECT id, sum(size) OVER (ORDER BY id) AS running FROM realtime_streamevent WHERE seq IS NULL
        ORDER BY id LIMIT %s
    ) AS waiting
    WHERE event.id = waiting.id
    RETURNING seq
"""


def messages_publish(messages: Sequence[Message]) -> None:
    """Store messages in the current transaction and wake the listeners' hubs once it is committed."""
    if not messages:
        return
    run(PUBLISH, [len(messages), msgspec.json.encode(messages).decode(), timezone.now()])
    transaction.on_commit(_waker.wake, robust=True)


class Waker:
    """Wakes the hubs of all web processes, beside the caller's work; calls that come meanwhile become one more."""

    def __init__(self) -> None:
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Tell hubs that there is something new, or have it told once more by the task that is telling them."""
        process_loop().call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._wanted = True
        if self._task is None or self._task.done() or self._task.get_loop() is not asyncio.get_running_loop():
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            await wake_hubs()


_waker = Waker()


async def wake_hubs() -> None:
    """Tell all web processes that there is something new. Without Redis they find it by looking each second."""
    try:
        await _wake()
    except (RedisError, OSError) as error:
        logger.warning("Listeners are told a little later, since Redis does not answer: %r", error)


async def _wake() -> None:
    layer = get_channel_layer()
    assert layer is not None
    async with asyncio.timeout(WAKE_SECONDS):
        await layer.group_send(WAKE_GROUP, {"type": "wake"})


def events_place() -> int:
    """Number the committed events that have no place yet; return the last number given out.

    One caller at a time does so, under the lock of the position's row: numbers become visible in their order,
    so that whoever has seen a number has been able to see all smaller ones.
    """
    if not StreamEvent.objects.filter(seq=None).exists():
        return position_now()
    with transaction.atomic():
        position, _ = StreamPosition.objects.select_for_update().get_or_create(pk=1)
        placed = run(PLACE, [position.last_seq, PLACED_AT_ONCE])
        position.last_seq = max([position.last_seq, *(row[0] for row in placed)])
        position.save(update_fields=["last_seq"])
    return position.last_seq


def events_place_present() -> int:
    """Number all events committed by now, not those that come meanwhile; return the last number given out."""
    unplaced = StreamEvent.objects.filter(seq=None)
    newest = unplaced.aggregate(newest=Max("id"))["newest"] or 0
    while unplaced.filter(id__lte=newest).exists():
        events_place()
    return position_now()


def events_prune() -> int:
    """Delete events older than `STREAM_RETENTION_HOURS`, numbered or not asked for by anybody; return how many."""
    events_place_present()
    limit = timezone.now() - timedelta(hours=settings.STREAM_RETENTION_HOURS)
    return StreamEvent.objects.filter(created_at__lt=limit).delete()[0]
