"""What leaders did, as it concerns those who copy them."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.fields import amount_field
from copytrade.lib.wire import plain_digits
from orders.models import Fill, Order
from replication.vocabulary import Action, PositionWord, SignalSource, SignalState
from traders.models import LeadTrader, TradeEvent


def _words(kind: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in kind]


class Signal(models.Model):
    """One change of a leader's position. Signals of a leader are planned in the order of their numbers.

    `quantity` and `position_before` are in the base asset, `price` in the quote asset. `fraction` is which part of
    the position an exit closed, 1 for all of it.
    """

    trader = models.ForeignKey(LeadTrader, on_delete=models.PROTECT, related_name="signals")
    copy = models.ForeignKey(
        "replication.Copy", on_delete=models.PROTECT, null=True, related_name="+", help_text="The only one it is for."
    )
    source = models.CharField(max_length=8, choices=_words(SignalSource))
    source_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=8, choices=_words(SignalState), default=SignalState.PENDING)
    action = models.CharField(max_length=8, choices=_words(Action))
    venue = models.CharField(max_length=32, blank=True, help_text="Where the leader traded, as far as it is known.")
    symbol = models.CharField(max_length=64)
    base_asset = models.CharField(max_length=32)
    quote_asset = models.CharField(max_length=32)
    side = models.CharField(max_length=5, choices=_words(PositionWord))
    quantity = amount_field()
    price = amount_field(null=True)
    fraction = amount_field(null=True)
    position_before = amount_field(null=True)
    leader_equity = amount_field(null=True, help_text="In the quote asset.")
    leverage = amount_field(null=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="+")
    event_time = models.DateTimeField()
    detected_at = models.DateTimeField(default=timezone.now)
    planned_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    planned_copy_id = models.BigIntegerField(default=0, help_text="Copies up to this one have their intent.")
    intents_count = models.PositiveIntegerField(default=0)
    numbers: "models.JSONField[Any, Any]" = models.JSONField(default=dict)

    class Meta:
        """Newest first. The partial indexes are the queues."""

        ordering = ["-id"]
        indexes = [
            models.Index(fields=["trader", "id"], name="replication_signal_to_plan", condition=Q(state="pending")),
            models.Index(fields=["id"], name="replication_signal_open", condition=Q(state="planned")),
            models.Index(fields=["trader", "-id"], name="replication_signal_of"),
            models.Index(fields=["trader", "symbol", "side", "-event_time", "-id"], name="replication_signal_position"),
            models.Index(
                fields=["trader", "symbol", "side", "-event_time"],
                name="replication_signal_reduction",
                condition=Q(source="flat", action="REDUCE"),
            ),
        ]

    def __str__(self) -> str:
        """Return what the leader did."""
        return f"{self.action} {self.side} {plain_digits(self.quantity)} {self.symbol}"


class SignalPart(models.Model):
    """A fact that a signal is made of; each belongs to one signal only, or to two where it turned a position."""

    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="parts")
    event = models.ForeignKey(TradeEvent, on_delete=models.PROTECT, null=True, related_name="+")
    fill = models.ForeignKey(Fill, on_delete=models.PROTECT, null=True, related_name="+")
    exits = models.BooleanField(help_text="Whether it is the part of the fact that closes.")

    class Meta:
        """Once as an exit, once as an entry."""

        constraints = [
            models.UniqueConstraint(fields=["event", "exits"], name="replication_part_event"),
            models.UniqueConstraint(fields=["fill", "exits"], name="replication_part_fill"),
            models.CheckConstraint(
                condition=Q(event__isnull=False, fill=None) | Q(event=None, fill__isnull=False),
                name="replication_part_of_one",
            ),
        ]

    def __str__(self) -> str:
        """Return which fact it is."""
        return f"event {self.event_id}" if self.event_id else f"fill {self.fill_id}"
