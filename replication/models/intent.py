"""What each copy does about a signal, and why."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.fields import amount_field
from markets.models import Market
from replication.models.copy import Copy
from replication.models.signal import Signal
from replication.vocabulary import IntentState, PositionWord


class CopyIntent(models.Model):
    """The decision about one signal at one copy. Its orders name it as their `cause_id`.

    Quantities are in the unit of the follower's market, `worth` in the quote asset. `code` says why it was skipped, has
    failed or waits; `numbers` are those behind it, and `capped` tells each cut: from, to and why.
    """

    signal = models.ForeignKey(
        Signal, on_delete=models.PROTECT, related_name="intents", db_index=False, db_constraint=False
    )
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="intents", db_index=False)
    market = models.ForeignKey(
        Market, on_delete=models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    side = models.CharField(max_length=5, choices=[(word.value, word.value) for word in PositionWord], blank=True)
    exits = models.BooleanField()
    state = models.CharField(max_length=8, choices=[(word.value, word.value) for word in IntentState])
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500, blank=True)
    numbers: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    capped: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    wanted_quantity = amount_field(null=True, help_text="Before limits and rounding.")
    quantity = amount_field(default=0, help_text="What was ordered.")
    worth = amount_field(default=0, help_text="What the order was worth when it was planned.")
    filled_quantity = amount_field(default=0)
    average_price = amount_field(null=True)
    slippage_percent = amount_field(null=True, help_text="Against the leader's price; negative is better.")
    attempts = models.PositiveIntegerField(default=1)

    detected_at = models.DateTimeField()
    planned_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    filled_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first; one decision for each copy and signal."""

        ordering = ["-id"]
        verbose_name = "decision"
        constraints = [
            models.UniqueConstraint(fields=["signal", "copy"], name="replication_intent_once"),
        ]
        indexes = [
            models.Index(fields=["copy", "-id"], name="replication_intent_copy"),
            models.Index(
                fields=["copy", "market"], name="replication_intent_open", condition=Q(state__in=["waiting", "planned"])
            ),
        ]

    def __str__(self) -> str:
        """Return how it stands."""
        return f"{self.state} {self.code}".strip()
