"""Reading stored events in their order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from copytrade.realtime.models import StreamEvent, StreamPosition

EVENTS_AT_ONCE = 200


class StoredMessage(msgspec.Struct):
    """A message as it is stored; `data` stays in its own bytes."""

    event: str
    data: msgspec.Raw
    streams: tuple[str, ...]
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class PlacedMessage:
    """A message with its number."""

    seq: int
    time: datetime
    event: str
    data: msgspec.Raw
    streams: tuple[str, ...]
    replaces: str


_decoder = msgspec.json.Decoder(list[StoredMessage])


def messages_after(seq: int) -> list[PlacedMessage]:
    """Return the messages after `seq` in their order, of at most 200 events."""
    rows = (
        StreamEvent.objects.filter(seq__gt=seq)
        .order_by("seq")
        .only("seq", "size", "messages", "created_at")[:EVENTS_AT_ONCE]
    )
    return [message for row in rows for message in _expand(row) if message.seq > seq]


def reaches_back_to(seq: int) -> bool:
    """Return whether `seq` was given out and all messages after it are still stored."""
    last = position_now()
    if seq >= last:
        return seq == last
    oldest = StreamEvent.objects.filter(seq__isnull=False).order_by("seq").first()
    return oldest is not None and seq >= (oldest.seq or 0) - oldest.size


def position_now() -> int:
    """Return the last number given out."""
    return StreamPosition.objects.filter(pk=1).values_list("last_seq", flat=True).first() or 0


def _expand(event: StreamEvent) -> Iterator[PlacedMessage]:
    first = (event.seq or 0) - event.size + 1
    for seq, message in enumerate(_decoder.decode(event.messages), start=first):
        yield PlacedMessage(seq, event.created_at, message.event, message.data, message.streams, message.replaces)
