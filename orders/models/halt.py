"""Stops."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from orders.models.account import TradingAccount


class HaltScope(models.TextChoices):
    """How far a halt reaches."""

    GLOBAL = "global", "Everything"
    VENUE = "venue", "One venue"
    ACCOUNT = "account", "One account"


class HaltMode(models.TextChoices):
    """What a halt stops."""

    ALL = "all", "Every order"
    REDUCE_ONLY = "reduce_only", "Every order that is no exit"


class TradingHalt(models.Model):
    """From `created_at` until `lifted_at` no order of its scope is sent. The executor itself reads these rows."""

    scope = models.CharField(max_length=8, choices=HaltScope.choices)
    venue = models.CharField(max_length=32, blank=True)
    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, null=True, blank=True, related_name="halts")
    mode = models.CharField(max_length=12, choices=HaltMode.choices, default=HaltMode.REDUCE_ONLY)
    reason = models.CharField(max_length=300)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    lifted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        """Newest first; what a scope names is what it has."""

        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="global", venue="", account=None)
                | (Q(scope="venue", account=None) & ~Q(venue=""))
                | Q(scope="account", venue="", account__isnull=False),
                name="orders_halt_scope",
            ),
        ]
        indexes = [
            models.Index(fields=["scope"], name="orders_halt_active", condition=Q(lifted_at=None)),
        ]

    def __str__(self) -> str:
        """Return what is stopped."""
        where = self.venue or (str(self.account) if self.account else "everything")
        return f"{where}: {self.get_mode_display()}"
