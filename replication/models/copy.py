"""Who copies whom, how, within which limits, and what came of it."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Abs, Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.utils import timezone

from copytrade.billing.models import LimitColumns
from copytrade.lib.fields import amount_field
from copytrade.lib.wire import plain_digits
from markets.models import Market
from orders.models import TradingAccount
from replication.vocabulary import CopyState, MinimumPolicy, PositionWord, Strategy
from traders.models import LeadTrader


def _words(kind: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in kind]


class Copy(LimitColumns):
    """One account copies one leader. Limits that are null do not bind; `replication.money`: what asset money is in."""

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="copies")
    trader = models.ForeignKey(LeadTrader, on_delete=models.PROTECT, related_name="copies")
    state = models.CharField(max_length=8, choices=_words(CopyState), default=CopyState.ACTIVE)
    state_reason = models.CharField(max_length=300, blank=True)
    paused_by_owner = models.BooleanField(default=False, editable=False)
    paused_by_staff = models.BooleanField(default=False, editable=False, help_text="Only staff may resume it then.")
    resumed_at = models.DateTimeField(null=True, editable=False, help_text="What was traded before is not entered.")

    strategy = models.CharField(max_length=20, choices=_words(Strategy), default=Strategy.FIXED_RATIO)
    ratio = amount_field(null=True, blank=True, help_text="FIXED_RATIO, and what EQUITY_PROPORTIONAL is times.")
    percentage = amount_field(null=True, blank=True, help_text="PERCENTAGE: of the copy's funds, for each order.")
    fixed_quantity = amount_field(null=True, blank=True, help_text="FIXED_QUANTITY: in the base asset.")
    fixed_amount = amount_field(null=True, blank=True, help_text="FIXED_AMOUNT: in the quote asset.")
    tiers: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text='MULTIPLIER_TIERS: [{"from": "0", "multiplier": "1"}, …] by order worth.'
    )
    inverted = models.BooleanField(default=False, help_text="Short where the leader goes long, and the other way.")
    allocated = amount_field(null=True, blank=True, help_text="Funds of this copy; without, the account's equity.")

    max_signal_age_seconds = models.PositiveIntegerField(default=60)
    allowed_symbols = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    denied_symbols = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    minimum_policy = models.CharField(max_length=10, choices=_words(MinimumPolicy), default=MinimumPolicy.SKIP)
    copy_open_positions = models.BooleanField(default=False)
    trading_hours: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text='{"zone": "Asia/Kolkata", "days": [0, 1], "from": "09:15", "to": "15:30"}'
    )

    base_value = amount_field(null=True, editable=False, help_text="What the copy's funds were when they last changed.")
    peak_value = amount_field(null=True, editable=False, help_text="The most that the copy's funds were ever worth.")
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """Newest first; an account copies a leader once at a time."""

        ordering = ["-id"]
        verbose_name_plural = "copies"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "trader"], name="replication_copy_once", condition=~Q(state="ended")
            ),
        ]
        indexes = [
            models.Index(fields=["trader", "id"], name="replication_copy_of", condition=~Q(state="ended")),
        ]

    def __str__(self) -> str:
        """Return who copies whom."""
        return f"{self.account.name} copies {self.trader}"


class CopyPosition(models.Model):
    """What a copy holds of one market, as its own fills add up; other copies may share the account's holding.

    It is open while an order can close it: what fees on spot leave of a position is dust, less than a step. `quantity`
    is signed and in the venue's unit, `cost` in the settlement asset, as in `orders.Holding`. `remainder` is what was
    too small to order: positive, still to be opened; negative, still to be closed.
    """

    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="positions", db_index=False)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=5, choices=_words(PositionWord))
    leader_symbol = models.CharField(max_length=64, help_text="The leader's symbol that it follows.")
    leader_side = models.CharField(max_length=5, choices=_words(PositionWord))
    quantity = amount_field(default=0)
    cost = amount_field(default=0)
    realized_pnl = amount_field(default=0)
    fees = amount_field(default=0)
    other_fees: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)
    remainder = amount_field(default=0)
    opened_at = models.DateTimeField(null=True)
    leader_opened_at = models.DateTimeField(null=True, help_text="When the leader made the trade that opened it.")
    last_time = models.DateTimeField(null=True, help_text="Of the newest fact in it.")
    last_trade = models.CharField(max_length=64, blank=True)
    to_tell = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Closed, and its owner has not heard yet what the copy came to.",
    )
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """One row per copy, market and side."""

        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["copy", "market", "side"], name="replication_position_identity"),
        ]
        indexes = [
            models.Index(fields=["market"], name="replication_position_open", condition=~Q(quantity=0)),
            models.Index(fields=["id"], name="replication_position_to_tell", condition=Q(to_tell=True)),
        ]

    def __str__(self) -> str:
        """Return quantity and market."""
        return f"{plain_digits(self.quantity)} {self.market.symbol}"

    @property
    def is_open(self) -> bool:
        """Whether an order can close something of it."""
        return bool(self.quantity) and abs(self.quantity) >= (self.market.quantity_step or Decimal(0))


# As `CopyPosition.is_open`.
IS_OPEN = ~Q(quantity=0) & Q(GreaterThanOrEqual(Abs("quantity"), Coalesce("market__quantity_step", Value(Decimal(0)))))


class CopyAdjustment(models.Model):
    """The account holds less than the copy's fills say: its owner closed some of it. A fact, as each fill is one."""

    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="adjustments")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=5, choices=_words(PositionWord))
    quantity_before = amount_field()
    quantity = amount_field()
    cost = amount_field()
    reason = models.CharField(max_length=200)
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ["-id"]
        indexes = [models.Index(fields=["copy", "market", "side"], name="replication_adjustment_of")]

    def __str__(self) -> str:
        """Return the change."""
        return f"{plain_digits(self.quantity_before)} → {plain_digits(self.quantity)}"


class CopyDay(models.Model):
    """What a copy realised on one UTC day, fees taken off: the day of the trade, whenever it became known."""

    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="days", db_index=False)
    date = models.DateField()
    realized_pnl = amount_field(default=0)
    fees = amount_field(default=0)

    class Meta:
        """One row for each day with a fill."""

        ordering = ["-date"]
        constraints = [models.UniqueConstraint(fields=["copy", "date"], name="replication_day_identity")]

    def __str__(self) -> str:
        """Return date and result."""
        return f"{self.date}: {plain_digits(self.realized_pnl)}"


class CopyFunds(models.Model):
    """Funds given to a copy or taken from it. A fact."""

    copy = models.ForeignKey(Copy, on_delete=models.CASCADE, related_name="funds")
    amount = amount_field(help_text="Negative where funds were taken away.")
    allocated = amount_field(help_text="What the copy had then.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first."""

        ordering = ["-id"]
        verbose_name_plural = "copy funds"

    def __str__(self) -> str:
        """Return the change."""
        return plain_digits(self.amount)


class LeaderAccount(models.Model):
    """An account whose trades are a leader's, wherever they were placed."""

    account = models.OneToOneField(TradingAccount, on_delete=models.CASCADE, related_name="leads")
    trader = models.ForeignKey(LeadTrader, on_delete=models.CASCADE, related_name="accounts")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        """Return whose trades it shows."""
        return f"{self.account.name} leads for {self.trader}"
