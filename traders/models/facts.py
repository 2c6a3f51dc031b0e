"""Facts: appended, never changed."""

from typing import Any

from django.db import models
from django.utils import timezone

from copytrade.lib.fields import amount_field
from traders.models.leader import LeadTrader
from traders.models.position import PositionValues


class EventKind(models.TextChoices):
    """What a trade did to the leader's position. OPEN also adds, CLOSE also reduces."""

    OPEN_LONG = "OPEN_LONG", "Open long"
    CLOSE_LONG = "CLOSE_LONG", "Close long"
    OPEN_SHORT = "OPEN_SHORT", "Open short"
    CLOSE_SHORT = "CLOSE_SHORT", "Close short"
    UNKNOWN = "UNKNOWN", "Unknown"


class TradeEvent(models.Model):
    """One fill of a leader. `event_key` is the sender's identity of it, `canonical_key` ours."""

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="events")
    event_key = models.CharField(max_length=400)
    canonical_key = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=EventKind.choices)
    symbol = models.CharField(max_length=64)
    price = amount_field()
    amount = amount_field()
    amount_asset = models.CharField(max_length=32, blank=True)
    realized_pnl = amount_field(null=True)
    event_time = models.DateTimeField()
    event_time_text = models.CharField(max_length=64, blank=True)
    time_is_exact = models.BooleanField(
        help_text="Whether the sender gave milliseconds; else a text without a year and with whole seconds."
    )
    fetched_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    raw: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    awaits_copy = models.BooleanField(
        default=False, editable=False, help_text="Its leader is copied, and copies have not taken it up yet."
    )

    class Meta:
        """Newest first; each fact once."""

        ordering = ["-event_time", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["trader", "event_key"], name="traders_event_unique_key"),
            models.UniqueConstraint(fields=["trader", "canonical_key"], name="traders_event_unique_canonical_key"),
        ]
        indexes = [
            models.Index(fields=["trader", "-event_time", "-id"], name="traders_event_by_trader"),
            models.Index(fields=["symbol", "-event_time", "-id"], name="traders_event_by_symbol"),
            models.Index(fields=["-event_time", "-id"], name="traders_event_by_time"),
            models.Index(
                fields=["trader", "id"], name="traders_event_awaits_copy", condition=models.Q(awaits_copy=True)
            ),
        ]

    def __str__(self) -> str:
        """Return kind and symbol."""
        return f"{self.kind} {self.symbol}"


class SnapshotChange(models.TextChoices):
    """Why a snapshot was taken."""

    OPENED = "opened", "Opened"
    UPDATED = "updated", "Updated"
    CLOSED = "closed", "Closed"


class PositionSnapshot(PositionValues):
    """The history of positions: a row when one opened, changed or closed. A closed one has size 0."""

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="snapshots")
    position_id = models.UUIDField(help_text="The position that this row tells of.")
    change = models.CharField(max_length=8, choices=SnapshotChange.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ["-fetched_at", "-id"]
        indexes = [models.Index(fields=["trader", "-fetched_at", "-id"], name="traders_snapshot_by_trader")]

    def __str__(self) -> str:
        """Return change, side and symbol."""
        return f"{self.change} {self.side} {self.symbol}"
