"""What an account holds, derived from fills, and where the venue's own figure had to be taken instead."""

from django.db import models
from django.utils import timezone

from copytrade.lib.fields import amount_field
from copytrade.lib.wire import plain_digits
from markets.models import Market
from orders.models.account import TradingAccount


class Holding(models.Model):
    """A position in one market; `rebuild_holdings` makes the same from the facts.

    `quantity` is signed and in the venue's unit. `cost` is what it was entered for: in the quote asset, in the coin on
    inverse markets. `realized_pnl` is before fees; both are in that asset too.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="holdings", db_index=False)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=5)
    quantity = amount_field(default=0)
    cost = amount_field(default=0)
    realized_pnl = amount_field(default=0)
    fees = amount_field(default=0)
    other_fees: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(
        default=dict, help_text="Fees in other assets, by asset."
    )
    opened_at = models.DateTimeField(null=True)
    last_time = models.DateTimeField(null=True, help_text="Of the newest fact in it.")
    last_trade = models.CharField(max_length=64, blank=True)
    venue_quantity = amount_field(null=True)
    mark_price = amount_field(null=True)
    leverage = amount_field(null=True)
    liquidation_price = amount_field(null=True)
    venue_at = models.DateTimeField(null=True, help_text="When the venue said so.")
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One row per account, market and side."""

        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "market", "side"], name="orders_holding_identity"),
        ]

    def __str__(self) -> str:
        """Return quantity and market."""
        return f"{plain_digits(self.quantity)} {self.market.symbol}"


class HoldingAdjustment(models.Model):
    """The venue holds something else than the fills say, and is right. A fact: `rebuild_holdings` reads it."""

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="adjustments")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=5)
    quantity_before = amount_field()
    quantity = amount_field()
    cost = amount_field()
    reason = models.CharField(max_length=200)
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ["-time", "-id"]

    def __str__(self) -> str:
        """Return the change."""
        return f"{plain_digits(self.quantity_before)} → {plain_digits(self.quantity)}"
