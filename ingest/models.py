"""Every push and its outcome, so that staff see what a scraper sends and why something was refused."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from copytrade.accounts.models import ApiKey
from traders.models import LeadTrader


class Outcome(models.TextChoices):
    """What became of a push."""

    STORED = "stored", "Stored"
    REPEATED = "repeated", "Nothing new"
    OUTDATED = "outdated", "Older than what is known"
    REFUSED = "refused", "Refused"


class IngestBatch(models.Model):
    """One push; a refused one stored nothing but this row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=32)
    form = models.CharField(max_length=16, blank=True)
    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, null=True, related_name="batches")
    key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, related_name="+")
    key_name = models.CharField(max_length=80)
    received_at = models.DateTimeField(default=timezone.now)
    fetched_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    events_inserted = models.PositiveIntegerField(default=0)
    events_skipped = models.PositiveIntegerField(default=0)
    positions_inserted = models.PositiveIntegerField(default=0)
    positions_closed = models.PositiveIntegerField(default=0)
    body_bytes = models.PositiveIntegerField()
    milliseconds = models.PositiveIntegerField(help_text="From the start of parsing to just before the commit.")
    note = models.TextField(blank=True, help_text="What staff should know of this push.")
    errors: "models.JSONField[Any, Any]" = models.JSONField(default=list)

    class Meta:
        """Newest first."""

        ordering = ["-received_at"]
        verbose_name_plural = "ingest batches"
        indexes = [models.Index(fields=["-received_at"], name="ingest_batch_by_time")]

    def __str__(self) -> str:
        """Return time and outcome."""
        return f"{self.received_at:%Y-%m-%d %H:%M:%S} {self.outcome}"
