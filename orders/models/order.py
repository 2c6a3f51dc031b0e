"""Orders, each step of their lives, and the trades that came of them."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.fields import VerbatimJSONField, amount_field
from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.venues.vocabulary import OrderType, PositionSide, Side, TimeInForce, WorkingType
from orders.models.account import TradingAccount
from orders.states import OrderState


def _choices(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


class Origin(models.TextChoices):
    """Who wanted the order."""

    PROXY = "proxy", "The order proxy"
    MASTER = "master", "A master"
    COPY = "copy", "A copy"
    MANUAL = "manual", "Placed by hand, here or at the venue"
    PROTECT = "protect", "A protection"


class Order(models.Model):
    """An order. The row is written before the venue is called, so that no order exists that is not known here.

    Quantities are in the venue's unit. `send_before` ends all attempts to send it. `check_at` says when the venue is
    asked about it next; none: nothing is open.
    """

    account = models.ForeignKey(TradingAccount, on_delete=models.PROTECT, related_name="orders", db_index=False)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    client_order_id = models.CharField(max_length=64)
    venue_order_id = models.CharField(max_length=64, blank=True)

    side = models.CharField(max_length=4, choices=_choices(Side))
    position_side = models.CharField(max_length=5, choices=_choices(PositionSide), default=PositionSide.BOTH)
    type = models.CharField(max_length=20, choices=_choices(OrderType))
    time_in_force = models.CharField(max_length=3, choices=_choices(TimeInForce), blank=True)
    quantity = amount_field(null=True)
    quote_quantity = amount_field(null=True)
    price = amount_field(null=True)
    stop_price = amount_field(null=True)
    reduce_only = models.BooleanField(default=False)
    close_position = models.BooleanField(default=False)
    closes = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Written here to close what is held, and no more: an exit also where the venue has no reduce-only.",
    )
    working_type = models.CharField(max_length=16, choices=_choices(WorkingType), blank=True)
    price_protect = models.BooleanField(default=False)
    callback_rate = amount_field(null=True)
    activation_price = amount_field(null=True)
    extra: "models.JSONField[Any, Any]" = models.JSONField(default=dict, help_text="The venue's own parameters.")
    cause_id = models.BigIntegerField(
        null=True, editable=False, help_text="Of a copy's order: the number of the decision that it carries out."
    )

    state = models.CharField(max_length=16, choices=_choices(OrderState), default=OrderState.PENDING)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="The venue's words, or ours.")
    filled_quantity = amount_field(default=0)
    filled_quote = amount_field(null=True)
    average_price = amount_field(null=True)
    booked_quantity = amount_field(default=0, help_text="The sum of the stored fills.")
    venue_response = VerbatimJSONField(null=True, help_text="Its answer to the placing.")

    attempts = models.PositiveSmallIntegerField(default=0)
    attempts_allowed = models.PositiveSmallIntegerField(default=5)
    checks = models.PositiveSmallIntegerField(default=0)
    cancel_requested_at = models.DateTimeField(null=True)
    send_after = models.DateTimeField(default=timezone.now)
    send_before = models.DateTimeField()
    check_at = models.DateTimeField(null=True)
    absent_since = models.DateTimeField(null=True, help_text="Since when the venue says that it has no such order.")
    created_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first. The partial indexes are the queues."""

        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "client_order_id"], name="orders_order_client_id"),
        ]
        indexes = [
            models.Index(fields=["send_after", "id"], name="orders_order_to_send", condition=Q(state="PENDING")),
            models.Index(fields=["check_at"], name="orders_order_to_check", condition=Q(check_at__isnull=False)),
            models.Index(fields=["account", "market", "venue_order_id"], name="orders_order_venue_id"),
            models.Index(fields=["account", "-id"], name="orders_order_account"),
            models.Index(fields=["cause_id"], name="orders_order_cause", condition=Q(cause_id__isnull=False)),
        ]

    def __str__(self) -> str:
        """Return what is wanted and how far it is."""
        amount = self.quantity or self.quote_quantity
        return f"{self.side} {plain_digits(amount) if amount else 'all'} {self.market.symbol} {self.state}"


class OrderEvent(models.Model):
    """One step in the life of an order. Rows are appended, never changed."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events", db_constraint=False)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16)
    source = models.CharField(max_length=16, help_text="Who brought it: user, executor, reply, stream, poll, …")
    code = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=500, blank=True)
    filled_quantity = amount_field(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        """In the order of events."""

        ordering = ["id"]

    def __str__(self) -> str:
        """Return the step."""
        return f"{self.from_state or 'new'} → {self.to_state}"


class Fill(models.Model):
    """One trade of one order. The venue's trade id keeps it from being stored twice, whoever brings it.

    Where two orders of one account meet each other, both sides have the same trade id.
    """

    account = models.ForeignKey(
        TradingAccount, on_delete=models.PROTECT, related_name="fills", db_index=False, db_constraint=False
    )
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    venue_trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=_choices(Side))
    position_side = models.CharField(max_length=5, choices=_choices(PositionSide))
    price = amount_field()
    quantity = amount_field()
    quote_quantity = amount_field()
    fee = amount_field()
    fee_asset = models.CharField(max_length=32, blank=True)
    is_maker = models.BooleanField()
    venue_pnl = amount_field(null=True, help_text="The result that the venue itself gives.")
    time = models.DateTimeField()
    stored_at = models.DateTimeField(default=timezone.now)
    awaits_copy = models.BooleanField(
        default=False, editable=False, help_text="Copies have not taken it up yet: a leader's trade, or one of theirs."
    )

    class Meta:
        """Newest first. The partial index is the queue of what copies have to take up."""

        ordering = ["-time", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "market", "venue_trade_id", "side"], name="orders_fill_trade"),
        ]
        indexes = [
            models.Index(fields=["account", "id"], name="orders_fill_awaits_copy", condition=Q(awaits_copy=True)),
        ]

    def __str__(self) -> str:
        """Return the trade."""
        return f"{self.side} {plain_digits(self.quantity)} at {plain_digits(self.price)}"
