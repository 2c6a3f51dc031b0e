"""What the copies of an account begin with."""

from django.db import models

from copytrade.billing.models import CopyLimits
from orders.models import TradingAccount


class CopyDefaults(CopyLimits):
    """The limits with which new copies on an account begin; its owner sets them, in the account's own money."""

    account = models.OneToOneField(TradingAccount, on_delete=models.CASCADE, related_name="copy_defaults")

    class Meta(CopyLimits.Meta):
        """One row per account, where its owner has set something."""

        verbose_name_plural = "copy defaults"

    def __str__(self) -> str:
        """Return whose they are."""
        return f"Copies on {self.account.name}"
