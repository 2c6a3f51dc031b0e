"""Stored events: what listeners are told, so that one who was away can be told again."""

from django.db import models
from django.utils import timezone


class StreamEvent(models.Model):
    """What one transaction published. It gets its place in the order of all events after it is committed.

    `seq` is the number of its last message; the one before it has `seq - 1`, and so on.
    """

    seq = models.BigIntegerField(null=True, unique=True)
    size = models.PositiveIntegerField(help_text="How many messages.")
    messages = models.TextField(help_text="A JSON list of {event, streams, data}, in its own digits.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        """Finds what has no place yet in no time."""

        indexes = [
            models.Index(fields=["id"], condition=models.Q(seq=None), name="realtime_event_not_placed"),
        ]

    def __str__(self) -> str:
        """Return the place in the order."""
        return f"{self.size} messages up to {self.seq}"


class StreamPosition(models.Model):
    """The one row that holds the last number given out; who locks it gives out the next ones."""

    last_seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        """Return the number."""
        return str(self.last_seq)
