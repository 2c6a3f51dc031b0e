"""The short list that the order proxy shows."""

from django.db import models

from markets.models import Market
from orders.models.account import TradingAccount
from orders.models.order import Order


class RecentOrder(models.Model):
    """Orders of the proxy: all that are open, and the last three finished ones per account and market.

    A trigger of the database (migration 0002) keeps the rows; the orders themselves are never deleted.
    """

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True, related_name="recent")
    account = models.ForeignKey(TradingAccount, on_delete=models.CASCADE, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering = ["-order_id"]
        indexes = [models.Index(fields=["account", "market", "finished_at"], name="orders_recent_market")]

    def __str__(self) -> str:
        """Return the order's number."""
        return f"order {self.order_id}"
