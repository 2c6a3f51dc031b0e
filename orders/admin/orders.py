"""Orders, each with the chain of what happened to it."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from orders.admin.figures import ReadOnlyInline, chip, digits
from orders.models import Fill, Order, OrderEvent
from orders.states import OrderState
from traders.templatetags.figures import MISSING

TONES = {
    OrderState.UNKNOWN: "warn",
    OrderState.FILLED: "pos",
    OrderState.REJECTED: "neg",
    OrderState.FAILED: "neg",
}


class EventInline(ReadOnlyInline[OrderEvent, Order]):
    """Each step, oldest first."""

    model = OrderEvent
    fields = ("at", "from_state", "to_state", "source", "shown_filled", "code", "message")
    readonly_fields = ("shown_filled",)

    @admin.display(description="Filled")
    def shown_filled(self, event: OrderEvent) -> str:
        """Return how much was filled then."""
        return digits(event.filled_quantity)


class FillInline(ReadOnlyInline[Fill, Order]):
    """Its trades."""

    model = Fill
    fields = ("time", "venue_trade_id", "shown_price", "shown_quantity", "shown_fee", "is_maker", "stored_at")
    readonly_fields = ("shown_price", "shown_quantity", "shown_fee")

    @admin.display(description="Price")
    def shown_price(self, fill: Fill) -> str:
        """Return the price."""
        return digits(fill.price)

    @admin.display(description="Quantity")
    def shown_quantity(self, fill: Fill) -> str:
        """Return the quantity."""
        return digits(fill.quantity)

    @admin.display(description="Fee")
    def shown_fee(self, fill: Fill) -> str:
        """Return the fee and its asset."""
        return f"{digits(fill.fee)} {fill.fee_asset}"


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin[Order]):
    """Orders of everybody. They change by the venue's word only."""

    list_display = (
        "created_at",
        "state_chip",
        "market",
        "side",
        "type",
        "shown_quantity",
        "shown_filled",
        "shown_average",
        "account",
        "owner",
        "reason_code",
        "origin",
        "client_order_id",
    )
    list_filter = ("state", "origin", "account__mode", "account__venue", "type", "created_at")
    list_select_related = ("account__user", "market")
    search_fields = (
        "=client_order_id",
        "=venue_order_id",
        "market__symbol",
        "account__name",
        "account__user__username",
        "account__user__email",
    )
    search_help_text = "Client or venue order id, symbol, account or owner"
    show_full_result_count = False
    inlines = (EventInline, FillInline)
    readonly_fields = (
        "state_chip",
        "shown_quantity",
        "shown_filled",
        "shown_average",
        "shown_price",
        "shown_stop",
        "chain",
    )
    fieldsets = (
        (None, {"fields": ("account", "market", "origin", "chain", "client_order_id", "venue_order_id")}),
        (
            "What is wanted",
            {
                "fields": (
                    ("side", "position_side", "type", "time_in_force"),
                    ("shown_quantity", "shown_price", "shown_stop"),
                    ("reduce_only", "close_position", "working_type", "price_protect"),
                    "extra",
                )
            },
        ),
        (
            "How far it is",
            {"fields": ("state_chip", "reason_code", "reason", ("shown_filled", "shown_average"), "venue_response")},
        ),
        (
            "When",
            {
                "fields": (
                    ("created_at", "claimed_at", "sent_at", "acknowledged_at", "finished_at"),
                    ("send_after", "send_before", "check_at", "cancel_requested_at"),
                    ("attempts", "attempts_allowed", "checks"),
                )
            },
        ),
    )

    @admin.display(description="Owner", ordering="account__user__username")
    def owner(self, order: Order) -> str:
        """Return whose order it is."""
        return order.account.user.get_username()

    @admin.display(description="Because of")
    def chain(self, order: Order) -> SafeString | str:
        """Return the way to the decision that an order of a copy carries out, and from there to the leader's trades."""
        if order.cause_id is None:
            return MISSING
        where = reverse("admin:replication_copyintent_change", args=[order.cause_id])
        return format_html('<a href="{}">Decision #{}</a>', where, order.cause_id)

    @admin.display(description="State", ordering="state")
    def state_chip(self, order: Order) -> SafeString:
        """Return the state as a chip."""
        return chip(order.state, TONES.get(OrderState(order.state), ""))

    @admin.display(description="Quantity")
    def shown_quantity(self, order: Order) -> str:
        """Return what was asked for, in the quote where it was asked so."""
        if order.quantity is None and order.quote_quantity is not None:
            return f"for {digits(order.quote_quantity)} {order.market.quote_asset}"
        return digits(order.quantity)

    @admin.display(description="Filled")
    def shown_filled(self, order: Order) -> str:
        """Return how much is filled."""
        return digits(order.filled_quantity)

    @admin.display(description="Average")
    def shown_average(self, order: Order) -> str:
        """Return the average price."""
        return digits(order.average_price)

    @admin.display(description="Price")
    def shown_price(self, order: Order) -> str:
        """Return the limit."""
        return digits(order.price)

    @admin.display(description="Stop price")
    def shown_stop(self, order: Order) -> str:
        """Return the trigger."""
        return digits(order.stop_price)
