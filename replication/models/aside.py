"""What copies cannot take up: trades of leaders, and single copies at them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from orders.models import Fill
from replication.models.copy import Copy
from replication.models.signal import Signal
from traders.models import LeadTrader, TradeEvent


class TradeAside(models.Model):
    """A trade that could not be taken up. It waits apart, so that it holds up no other, and is tried ever more rarely.

    The row goes once the trade is taken up.
    """

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="+")
    event = models.OneToOneField(TradeEvent, on_delete=models.CASCADE, null=True, related_name="+")
    fill = models.OneToOneField(Fill, on_delete=models.CASCADE, null=True, related_name="+")
    error = models.CharField(max_length=500)
    attempts = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(default=timezone.now)
    again_at = models.DateTimeField(help_text="Not looked at before then.")

    class Meta:
        """Newest first."""

        ordering = ["-id"]
        verbose_name = "trade set aside"
        verbose_name_plural = "trades set aside"
        constraints = [
            models.CheckConstraint(
                condition=Q(event__isnull=False, fill=None) | Q(event=None, fill__isnull=False),
                name="replication_aside_of_one",
            ),
        ]

    def __str__(self) -> str:
        """Return which fact it is."""
        return f"event {self.event_id}" if self.event_id else f"fill {self.fill_id}"


class CopyAside(models.Model):
    """A copy that could not be planned at a signal, for a reason that nobody thought of; the others went on.

    Without a copy it was all that were left, since the signal could be planned for nobody.
    """

    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="+", db_index=False)
    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    error = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first; each is told once."""

        ordering = ["-id"]
        verbose_name = "copy passed over"
        verbose_name_plural = "copies passed over"
        constraints = [
            models.UniqueConstraint(fields=["signal", "copy"], name="replication_copy_aside_once"),
        ]

    def __str__(self) -> str:
        """Return which copy, at which signal."""
        who = f"copy {self.copy_id}" if self.copy_id else "every copy"
        return f"{who} at signal {self.signal_id}"
