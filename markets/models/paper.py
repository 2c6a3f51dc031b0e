"""The paper books: the venue side of accounts that trade without money.

Only the paper adapter reads and writes them; everyone else asks it, as any venue is asked.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from copytrade.lib.fields import amount_field
from markets.models.market import KINDS
from markets.venues.vocabulary import FINAL_STATUSES, OrderType, PositionSide, Side, VenueStatus

OPEN = sorted(set(VenueStatus) - FINAL_STATUSES)


def _words(kind: type[Side | PositionSide | OrderType | VenueStatus]) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in kind]


class PaperAccount(models.Model):
    """An account. `key` is what the order layer calls it, `balances` is `{asset: {"total": …, "locked": …}}`."""

    key = models.CharField(max_length=64, unique=True)
    venue = models.CharField(max_length=32)
    currency = models.CharField(max_length=32, help_text="In which asset its equity is told.")
    balances: "models.JSONField[Any, Any]" = models.JSONField(default=dict)
    leverage = models.PositiveSmallIntegerField(default=20, help_text="Of contracts that have none of their own.")
    leverages: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True, help_text="By symbol.")
    settings: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text="Fees, slippage, liquidity, latency, seed: see docs/paper-trading.md."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A position needs a leverage to have a margin."""

        ordering = ["-created_at"]
        constraints = [models.CheckConstraint(condition=Q(leverage__gte=1), name="markets_paper_leverage")]

    def __str__(self) -> str:
        """Return key and venue."""
        return f"{self.key} ({self.venue})"


class PaperPosition(models.Model):
    """A contract position; it is deleted when it closes. `cost` is in the margin asset, see `Held`."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="positions")
    symbol = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=KINDS)
    position_side = models.CharField(max_length=5, choices=_words(PositionSide))
    quantity = amount_field(help_text="Signed: short is negative.")
    cost = amount_field()
    contract_size = amount_field()
    margin_asset = models.CharField(max_length=32)
    leverage = models.PositiveSmallIntegerField()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A hedging account holds a long and a short of one contract at once."""

        ordering = ["account", "symbol"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "symbol", "position_side"], name="markets_paper_position_identity"
            ),
            models.CheckConstraint(condition=~Q(quantity=0), name="markets_paper_position_not_flat"),
        ]
        indexes = [models.Index(fields=["kind", "symbol"], name="markets_paper_position_symbol")]

    def __str__(self) -> str:
        """Return quantity and symbol."""
        return f"{self.quantity} {self.symbol}"


class PaperOrder(models.Model):
    """An order that was accepted. Its client order id is never free again."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="orders")
    venue = models.CharField(max_length=32)
    client_order_id = models.CharField(max_length=64)
    symbol = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=KINDS)
    side = models.CharField(max_length=4, choices=_words(Side))
    type = models.CharField(max_length=32, choices=_words(OrderType))
    position_side = models.CharField(max_length=5, choices=_words(PositionSide))
    quantity = amount_field()
    price = amount_field(null=True)
    stop_price = amount_field(null=True)
    time_in_force = models.CharField(max_length=3, blank=True)
    reduce_only = models.BooleanField(default=False)
    close_position = models.BooleanField(default=False)
    working_type = models.CharField(max_length=16, blank=True)
    price_protect = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=_words(VenueStatus))
    triggered = models.BooleanField(default=False)
    filled_quantity = amount_field(default=0)
    filled_quote = amount_field(default=0)
    filled_base = amount_field(default=0)
    reserved = amount_field(default=0)
    reserved_asset = models.CharField(max_length=32, blank=True)
    trades = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        """Prices look for open orders by market, accounts for theirs."""

        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "client_order_id"], name="markets_paper_order_client_id"),
            models.CheckConstraint(
                condition=Q(filled_quantity__gte=0, filled_quantity__lte=F("quantity")),
                name="markets_paper_order_not_overfilled",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN) | Q(reserved=0), name="markets_paper_order_final_locks_nothing"
            ),
        ]
        indexes = [
            models.Index(
                fields=["venue", "kind", "symbol"], name="markets_paper_order_open", condition=Q(status__in=OPEN)
            ),
            models.Index(fields=["account"], name="markets_paper_order_of_account", condition=Q(status__in=OPEN)),
            models.Index(
                fields=["updated_at"], name="markets_paper_order_liquidated", condition=Q(reason="LIQUIDATION")
            ),
        ]

    def __str__(self) -> str:
        """Return side, symbol and status."""
        return f"{self.side} {self.symbol} {self.status}"


class PaperTrade(models.Model):
    """A trade of an order."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="trades")
    order = models.ForeignKey(PaperOrder, on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="Within its order, from 1.")
    symbol = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=KINDS)
    price = amount_field()
    quantity = amount_field()
    quote_quantity = amount_field()
    base_quantity = amount_field()
    fee = amount_field()
    fee_asset = models.CharField(max_length=32)
    is_maker = models.BooleanField()
    realized_pnl = amount_field(null=True)
    time = models.DateTimeField()

    class Meta:
        """Accounts ask for their trades in one market, since a moment."""

        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="markets_paper_trade_number")]
        indexes = [models.Index(fields=["account", "kind", "symbol", "time"], name="markets_paper_trade_time")]

    def __str__(self) -> str:
        """Return quantity and price."""
        return f"{self.quantity} at {self.price}"


class TransferReason(models.TextChoices):
    """Why a balance changed without a trade."""

    OPENING = "opening", "Paid in at the opening"
    DEPOSIT = "deposit", "Funds added"
    WITHDRAWAL = "withdrawal", "Funds removed"
    FORGIVEN = "forgiven", "Debt after a loss, written off"


class PaperTransfer(models.Model):
    """Money that came or went without a trade. `reference` makes the same wish count once."""

    account = models.ForeignKey(PaperAccount, on_delete=models.CASCADE, related_name="transfers")
    asset = models.CharField(max_length=32)
    amount = amount_field(help_text="Negative where it went.")
    reason = models.CharField(max_length=16, choices=TransferReason)
    reference = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (none is not equal to none)
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="markets_paper_transfer_reference"),
        ]

    def __str__(self) -> str:
        """Return amount and asset."""
        return f"{self.amount} {self.asset}"
