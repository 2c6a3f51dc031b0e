"""Publishing: messages are rows of the transaction that caused them; after commit, listeners are woken."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from copytrade.lib.sql import run
from copytrade.realtime.messages import Message
from copytrade.realtime.models import StreamEvent, StreamPosition
from copytrade.realtime.selectors import position_now

logger = logging.getLogger(__name__)

WAKE_GROUP = "realtime"
WAKE_SECONDS = 1.0
PLACED_AT_ONCE = 500
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
    StreamEvent.objects.create(size=len(messages), messages=msgspec.json.encode(messages).decode())
    transaction.on_commit(_waker.wake, robust=True)


class Waker:
    """Wakes the hubs of all web processes; calls that come while one is under way become one more."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._under_way = threading.Lock()

    def wake(self) -> None:
        """Tell hubs that there is something new, or leave it to the thread that is telling them just now."""
        self._wanted.set()
        while self._wanted.is_set() and self._under_way.acquire(blocking=False):
            try:
                self._wanted.clear()
                wake_hubs()
            finally:
                self._under_way.release()


_waker = Waker()


def wake_hubs() -> None:
    """Tell all web processes that there is something new. Without Redis they find it by looking each second."""
    try:
        async_to_sync(_wake)()
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


def events_prune() -> int:
    """Delete events older than `STREAM_RETENTION_HOURS`, numbered or not asked for by anybody; return how many."""
    while StreamEvent.objects.filter(seq=None).exists():
        events_place()
    limit = timezone.now() - timedelta(hours=settings.STREAM_RETENTION_HOURS)
    return StreamEvent.objects.filter(created_at__lt=limit).delete()[0]
