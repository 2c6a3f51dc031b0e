"""What is derived from the facts; `rebuild_aggregates` makes all of it again."""

from django.db import models
from django.utils import timezone

from copytrade.lib.fields import amount_field
from traders.models.leader import LeadTrader


class SymbolAggregate(models.Model):
    """How many leaders of a platform are long and short in a symbol, kept by differences."""

    platform = models.CharField(max_length=32)
    symbol = models.CharField(max_length=64)
    open_long_count = models.IntegerField(default=0)
    open_short_count = models.IntegerField(default=0)
    latest_event_at = models.DateTimeField(null=True)

    class Meta:
        """One row for each symbol of a platform."""

        constraints = [
            models.UniqueConstraint(fields=["platform", "symbol"], name="traders_aggregate_unique_symbol"),
        ]

    def __str__(self) -> str:
        """Return the symbol and its counts."""
        return f"{self.symbol}: {self.open_long_count} long, {self.open_short_count} short"


class DailyStat(models.Model):
    """What a leader's closing trades brought on one UTC day, the day of the trade itself."""

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="daily_stats")
    date = models.DateField()
    realized_pnl = amount_field(default=0)
    gross_profit = amount_field(default=0)
    gross_loss = amount_field(default=0, help_text="Zero or negative.")
    closed_trades = models.IntegerField(default=0)
    wins = models.IntegerField(default=0)
    losses = models.IntegerField(default=0)
    events = models.IntegerField(default=0)

    class Meta:
        """One row for each day with an event."""

        constraints = [models.UniqueConstraint(fields=["trader", "date"], name="traders_daily_unique_date")]

    def __str__(self) -> str:
        """Return date and result."""
        return f"{self.date}: {self.realized_pnl}"


class ScoreWindow(models.IntegerChoices):
    """How many days a score looks back."""

    WEEK = 7, "7 days"
    MONTH = 30, "30 days"
    QUARTER = 90, "90 days"


class Score(models.Model):
    """How good a leader was in a window; what cannot be computed is null, never zero."""

    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="scores")
    window = models.PositiveSmallIntegerField(choices=ScoreWindow.choices)
    score = models.DecimalField(max_digits=5, decimal_places=2, help_text="0 to 100; 50 says nothing.")
    realized_pnl = amount_field()
    win_rate = models.DecimalField(max_digits=7, decimal_places=6, null=True, help_text="0 to 1.")
    max_drawdown = amount_field(null=True, help_text="The deepest fall of the summed result; zero or positive.")
    closed_trades = models.IntegerField()
    as_of = models.DateField(help_text="The last UTC day of the window.")
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Ranked within a window."""

        constraints = [
            models.UniqueConstraint(fields=["trader", "window"], name="traders_score_unique_window"),
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="traders_score_within_bounds"
            ),
        ]
        indexes = [models.Index(fields=["window", "-score"], name="traders_score_ranked")]

    def __str__(self) -> str:
        """Return score and window."""
        return f"{self.score} over {self.window} days"
