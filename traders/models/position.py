"""What a leader holds now."""

import uuid
from typing import Any

from django.db import models

from copytrade.lib.fields import amount_field
from traders.models.leader import LeadTrader


class Side(models.TextChoices):
    """Direction of a position."""

    LONG = "LONG", "Long"
    SHORT = "SHORT", "Short"


class PositionValues(models.Model):
    """The figures of a position at one moment; sizes are signed, short ones negative."""

    symbol = models.CharField(max_length=64)
    side = models.CharField(max_length=5, choices=Side.choices)
    contract_type = models.CharField(max_length=32, blank=True)
    leverage = amount_field(null=True)
    size = amount_field()
    size_asset = models.CharField(max_length=32, blank=True)
    entry_price = amount_field()
    mark_price = amount_field(null=True)
    margin_usdt = amount_field(null=True)
    margin_type = models.CharField(max_length=16, blank=True)
    pnl_usdt = amount_field(null=True)
    roe_pct = amount_field(null=True)
    fetched_at = models.DateTimeField()

    class Meta:
        """Columns only."""

        abstract = True


class Position(PositionValues):
    """An open position, as the newest complete report shows it. Closed ones live on as snapshots."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="positions")
    opened_at = models.DateTimeField(help_text="fetchedAt of the report that first showed it.")
    raw: "models.JSONField[Any, Any]" = models.JSONField(default=dict)

    class Meta:
        """A hedging leader holds a long and a short of one symbol at once."""

        ordering = ["symbol", "side"]
        constraints = [
            models.UniqueConstraint(fields=["trader", "symbol", "side"], name="traders_position_unique_symbol_side")
        ]
        indexes = [models.Index(fields=["symbol"], name="traders_position_symbol")]

    def __str__(self) -> str:
        """Return side and symbol."""
        return f"{self.side} {self.symbol}"
