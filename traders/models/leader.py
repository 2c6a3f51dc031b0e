"""Leaders and how fresh their data is."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class LeaderStatus(models.TextChoices):
    """What staff think of a leader."""

    CANDIDATE = "candidate", "Candidate"
    APPROVED = "approved", "Approved"
    FEATURED = "featured", "Featured"
    PAUSED = "paused", "Paused"
    BLOCKED = "blocked", "Blocked"


class LeadTrader(models.Model):
    """Somebody whose trades are watched; made by the first push that names them."""

    platform = models.CharField(max_length=32)
    external_id = models.CharField(max_length=64, help_text="The id at the platform.")
    nickname = models.CharField(max_length=128, blank=True)
    avatar_url = models.URLField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=LeaderStatus.choices, default=LeaderStatus.CANDIDATE)
    staff_note = models.TextField(blank=True, help_text="Why this leader has this status; followers see it.")
    positions_visible = models.BooleanField(
        default=True, help_text="Off where the leader hides positions: nothing is known then, which is not flat."
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="leader",
        help_text="Who it is, where the leader is a master of this installation.",
    )
    is_copied = models.BooleanField(default=False, editable=False, help_text="Whether anybody copies this leader now.")
    is_demo = models.BooleanField(default=False, db_index=True)
    raw: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, help_text="What the newest report said beside positions and trades."
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One row for each id at a platform."""

        ordering = ["platform", "external_id"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id"], name="traders_leader_unique_external_id")
        ]

    def __str__(self) -> str:
        """Return the name that people know, else the id."""
        return self.nickname or self.external_id


class SourceFreshness(models.Model):
    """When a source last said something of a leader. Data is as old as the source's own clock says."""

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="sources")
    source = models.CharField(max_length=32)
    reported_at = models.DateTimeField(help_text="fetchedAt of the newest report.")
    received_at = models.DateTimeField(help_text="When that report arrived here.")
    positions_at = models.DateTimeField(null=True, help_text="fetchedAt of the newest complete list of positions.")
    announced_stale = models.BooleanField(
        default=False, help_text="Whether listeners were told that this source went stale."
    )

    class Meta:
        """One row for each leader and source."""

        constraints = [models.UniqueConstraint(fields=["trader", "source"], name="traders_freshness_unique_source")]

    def __str__(self) -> str:
        """Return source and time."""
        return f"{self.source} at {self.reported_at:%Y-%m-%d %H:%M:%S} UTC"
