"""Which venues' markets are kept, and whose prices are watched."""

from django.db import models
from django.utils import timezone

from markets.models.market import Market


class MarketRefresh(models.Model):
    """A venue whose markets are kept up to date, and how its last refresh went."""

    venue = models.CharField(max_length=32, unique=True)
    last_run_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    rows = models.PositiveIntegerField(default=0, help_text="Markets that the venue listed.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the last refresh failed.")

    class Meta:
        """By name."""

        ordering = ["venue"]
        verbose_name_plural = "market refreshes"

    def __str__(self) -> str:
        """Return the venue."""
        return self.venue


class PriceWatch(models.Model):
    """A market whose price is watched beside those of the settings: somebody holds or orders there."""

    market = models.OneToOneField(Market, on_delete=models.CASCADE, related_name="+")
    wanted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """The newest first."""

        ordering = ["-wanted_at"]
        verbose_name_plural = "price watches"

    def __str__(self) -> str:
        """Return the market."""
        return str(self.market)
