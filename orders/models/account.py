"""Where a user trades, and the key for it."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from copytrade.lib.fields import amount_field
from copytrade.lib.wire import plain_digits


class Mode(models.TextChoices):
    """Paper accounts trade in our own books, live ones at the venue."""

    PAPER = "paper", "Paper"
    LIVE = "live", "Live"


class AccountState(models.TextChoices):
    """Whether an account trades."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused by its owner"
    AUTH_FAILED = "auth_failed", "The venue refuses its key"
    CLOSED = "closed", "Closed"


class TradingAccount(models.Model):
    """An account of a user at a venue. `key` names it in budgets and books, and binds its credential to it."""

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trading_accounts")
    name = models.CharField(max_length=80)
    venue = models.CharField(max_length=32)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.PAPER)
    state = models.CharField(max_length=16, choices=AccountState.choices, default=AccountState.ACTIVE)
    state_reason = models.CharField(max_length=500, blank=True)
    live_enabled = models.BooleanField(
        default=False, help_text="A live account trades only when this is on, and LIVE_TRADING of the installation."
    )
    hedge_mode = models.BooleanField(default=False, help_text="Long and short positions beside each other.")
    is_led = models.BooleanField(default=False, editable=False, help_text="Others copy what it trades.")
    venue_account = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="The venue's own name of the account that its keys are of, where the venue tells.",
    )
    max_worth = amount_field(
        null=True, blank=True, help_text="The most that all its positions together may be worth when a copy opens one."
    )
    equity = amount_field(null=True, editable=False)
    equity_asset = models.CharField(max_length=32, blank=True)
    synced_at = models.DateTimeField(null=True, editable=False)
    sync_error = models.CharField(max_length=500, blank=True, editable=False)
    fills_read_until = models.DateTimeField(
        null=True, editable=False, help_text="All fills until then are stored; what came later is asked for again."
    )
    coins_seen: "models.JSONField[Any, Any]" = models.JSONField(
        null=True, editable=False, help_text="The balances at the last comparison, each with since when it is so."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Newest first; names are unique among a user's accounts."""

        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="orders_account_name"),
        ]

    def __str__(self) -> str:
        """Return the name and where it is."""
        return f"{self.name} ({self.venue}, {self.mode})"


class Credential(models.Model):
    """The venue's key of an account, encrypted (see `orders.vault`). `key_hint` is the end of the public part."""

    account = models.OneToOneField(TradingAccount, on_delete=models.CASCADE, related_name="credential")
    ciphertext = models.BinaryField()
    key_id = models.CharField(max_length=16, db_index=True, help_text="Which encryption key it needs.")
    key_hint = models.CharField(max_length=8)
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        editable=False,
        help_text="SHA-256 of the public part: accounts at a venue share one only where a dealer acts for each.",
    )
    can_trade = models.BooleanField(default=False)
    checked_at = models.DateTimeField(null=True, help_text="When the venue was last asked what the key may do.")
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Return what may be shown."""
        return f"…{self.key_hint}"


class Balance(models.Model):
    """What an account has of one asset, as its venue said."""

    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=32)
    total = amount_field()
    free = amount_field()
    updated_at = models.DateTimeField()

    class Meta:
        """One row per asset."""

        ordering = ["asset"]
        constraints = [models.UniqueConstraint(fields=["account", "asset"], name="orders_balance_asset")]

    def __str__(self) -> str:
        """Return amount and asset."""
        return f"{plain_digits(self.total)} {self.asset}"
