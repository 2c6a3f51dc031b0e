"""What can be traded where, and by which rules."""

from dataclasses import fields
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.fields import amount_field
from markets.filters import Filters
from markets.venues.vocabulary import MarketKind

KINDS = [(kind.value, kind.value) for kind in MarketKind]
UNTOLD = "In the words of the house; empty where the venue does not say."


def _rule() -> "models.DecimalField[Any, Any]":
    return amount_field(null=True, blank=True)


class Market(models.Model):
    """A symbol of a venue with its filters. Rows are never deleted: orders and candles point to them."""

    venue = models.CharField(max_length=32)
    symbol = models.CharField(max_length=64, help_text="As the venue writes it.")
    kind = models.CharField(max_length=8, choices=KINDS)
    base_asset = models.CharField(max_length=32)
    quote_asset = models.CharField(max_length=32)
    margin_asset = models.CharField(max_length=32)
    pair = models.CharField(max_length=64, blank=True)
    contract_type = models.CharField(max_length=32, blank=True)
    contract_size = amount_field(default=1)
    status = models.CharField(max_length=32, help_text="The venue's own word.")
    trading = models.BooleanField(default=True)
    delisted_at = models.DateTimeField(null=True, blank=True, help_text="Since when the venue no longer lists it.")
    refreshed_at = models.DateTimeField(default=timezone.now)

    price_tick = _rule()
    price_min = _rule()
    price_max = _rule()
    quantity_step = _rule()
    quantity_min = _rule()
    quantity_max = _rule()
    market_quantity_step = _rule()
    market_quantity_min = _rule()
    market_quantity_max = _rule()
    notional_min = _rule()
    notional_max = _rule()
    notional_min_on_market = models.BooleanField(default=True)
    notional_max_on_market = models.BooleanField(default=False)
    price_factor_up = _rule()
    price_factor_down = _rule()
    trigger_protect = _rule()
    order_types = ArrayField(models.CharField(max_length=32), default=list, blank=True, help_text=UNTOLD)
    times_in_force = ArrayField(models.CharField(max_length=8), default=list, blank=True, help_text=UNTOLD)

    class Meta:
        """One row per venue, symbol and kind."""

        ordering = ["venue", "kind", "symbol"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "symbol", "kind"], name="markets_market_identity"),
        ]
        indexes = [
            models.Index(fields=["venue", "kind", "symbol"], name="markets_market_trading", condition=Q(trading=True)),
        ]

    def __str__(self) -> str:
        """Return symbol and venue."""
        return f"{self.symbol} ({self.venue} {self.kind})"

    @property
    def filters(self) -> Filters:
        """The rules as the pure functions take them."""
        return Filters(**{field.name: getattr(self, field.name) for field in fields(Filters)})
