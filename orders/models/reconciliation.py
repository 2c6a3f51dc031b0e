"""Comparisons with the venue."""

from typing import Any

from django.db import models
from django.utils import timezone

from orders.models.account import TradingAccount


class Reconciliation(models.Model):
    """One comparison of an account with its venue, and what had to be repaired.

    `differences` holds positions (their `side`, and how much is held `here` and at the `venue`), and orders that the
    venue has open while they count as over here (their number, their states, how much is filled, the `outcome`).
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="reconciliations")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    trigger = models.CharField(max_length=16, help_text="What asked for it: schedule, stream, poll, liquidation.")
    orders_repaired = models.PositiveIntegerField(default=0)
    fills_found = models.PositiveIntegerField(default=0)
    holdings_adjusted = models.PositiveIntegerField(default=0)
    differences: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        """Newest first."""

        ordering = ["-started_at"]
        indexes = [models.Index(fields=["account", "-started_at"], name="orders_reconciliation_last")]

    def __str__(self) -> str:
        """Return how it ended."""
        return self.error or f"{len(self.differences)} differences"
