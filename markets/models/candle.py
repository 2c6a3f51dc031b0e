"""Candles, and how far each series of them is."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from copytrade.lib.fields import amount_field
from markets.intervals import shift
from markets.models.market import KINDS, Market


class Candle(models.Model):
    """One candle of a market. The newest one of a series is still open: it changes until it closes.

    Volumes are in the base asset, inverse ones in contracts; `quote_volume` is in the quote asset, inverse in the base.
    """

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="candles")
    interval = models.CharField(max_length=4)
    open_time = models.DateTimeField()
    close_time = models.DateTimeField()
    open_price = amount_field()
    high_price = amount_field()
    low_price = amount_field()
    close_price = amount_field()
    volume = amount_field()
    quote_volume = amount_field()
    trades = models.PositiveIntegerField()
    taker_buy_base_volume = amount_field()
    taker_buy_quote_volume = amount_field()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """The index of the constraint serves all reads."""

        constraints = [
            models.UniqueConstraint(fields=["market", "interval", "open_time"], name="markets_candle_identity"),
        ]

    def __str__(self) -> str:
        """Return interval and time."""
        return f"{self.interval} from {self.open_time:%Y-%m-%d %H:%M}"


class CandleSeries(models.Model):
    """One symbol, market type and interval whose candles are kept; no `market`: the venue has no such symbol.

    `absent` lists ranges of [start, end) in milliseconds for which the venue itself has no candles; `doubted` those for
    which it gave an empty answer once, each with when that was: [start, end, moment]. A run that works on the series
    claims it until a moment, so that no other run does the same; one that died loses its claim then.
    """

    venue = models.CharField(max_length=32)
    kind = models.CharField(max_length=8, choices=KINDS)
    symbol = models.CharField(max_length=64)
    interval = models.CharField(max_length=4)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, null=True, related_name="+")
    active = models.BooleanField(default=True, help_text="Off where the settings no longer name it.")
    last_run_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    newest_open_time = models.DateTimeField(null=True)
    rows = models.PositiveIntegerField(default=0, help_text="Candles within the retention.")
    missing = models.PositiveIntegerField(default=0, help_text="Candles that are still to be fetched.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the last run failed.")
    absent: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    doubted: "models.JSONField[Any, Any]" = models.JSONField(default=list)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        """One row per series."""

        ordering = ["venue", "symbol", "interval"]
        verbose_name_plural = "candle series"
        constraints = [
            models.UniqueConstraint(fields=["venue", "kind", "symbol", "interval"], name="markets_series_identity"),
        ]

    def __str__(self) -> str:
        """Return what it is a series of."""
        return f"{self.symbol} {self.interval} ({self.kind})"

    def lag(self, now: datetime) -> timedelta | None:
        """Return how old the newest price in the series is: read long ago, or of a candle that closed long ago."""
        if self.last_success_at is None or self.newest_open_time is None:
            return None
        closes = shift(self.interval, self.newest_open_time, 1)
        return max(timedelta(0), now - min(self.last_success_at, closes))
