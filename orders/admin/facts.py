"""Trades, and what they add up to."""

from django.contrib import admin
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from orders.admin.figures import digits
from orders.models import Fill, Holding, HoldingAdjustment
from traders.templatetags.figures import delta, when

PLACE_SEARCH = ("market__symbol", "account__name", "account__user__username")


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin[Fill]):
    """Trades."""

    list_display = ("time", "account", "market", "side", "shown_price", "shown_quantity", "shown_fee", "venue_trade_id")
    list_filter = ("account__venue", "account__mode", "side", "is_maker", "time")
    list_select_related = ("account", "market")
    search_fields = ("=venue_trade_id", "=order__client_order_id", *PLACE_SEARCH)
    search_help_text = "Trade id, client order id, symbol, account or owner"
    show_full_result_count = False

    @admin.display(description="Price", ordering="price")
    def shown_price(self, fill: Fill) -> str:
        """Return the price."""
        return digits(fill.price)

    @admin.display(description="Quantity", ordering="quantity")
    def shown_quantity(self, fill: Fill) -> str:
        """Return the quantity."""
        return digits(fill.quantity)

    @admin.display(description="Fee")
    def shown_fee(self, fill: Fill) -> str:
        """Return the fee and its asset."""
        return f"{digits(fill.fee)} {fill.fee_asset}"


@admin.register(Holding)
class HoldingAdmin(ReadOnlyAdmin[Holding]):
    """Positions."""

    list_display = (
        "account",
        "market",
        "side",
        "shown_quantity",
        "at_venue",
        "shown_cost",
        "result",
        "shown_fees",
        "moved",
    )
    list_filter = ("account__venue", "account__mode", "side")
    list_select_related = ("account", "market")
    search_fields = PLACE_SEARCH
    search_help_text = "Symbol, account or owner"

    @admin.display(description="Quantity", ordering="quantity")
    def shown_quantity(self, holding: Holding) -> str:
        """Return what the trades add up to."""
        return digits(holding.quantity)

    @admin.display(description="At the venue", ordering="venue_quantity")
    def at_venue(self, holding: Holding) -> str:
        """Return what the venue says."""
        return digits(holding.venue_quantity)

    @admin.display(description="Cost")
    def shown_cost(self, holding: Holding) -> str:
        """Return what it was entered for."""
        return digits(holding.cost)

    @admin.display(description="Realised PnL", ordering="realized_pnl")
    def result(self, holding: Holding) -> SafeString:
        """Return what it realised, signed."""
        return delta(holding.realized_pnl)

    @admin.display(description="Fees")
    def shown_fees(self, holding: Holding) -> str:
        """Return the fees in the settlement asset."""
        return digits(holding.fees)

    @admin.display(description="Moved", ordering="updated_at")
    def moved(self, holding: Holding) -> SafeString:
        """Return when it last changed."""
        return when(holding.updated_at)


@admin.register(HoldingAdjustment)
class HoldingAdjustmentAdmin(ReadOnlyAdmin[HoldingAdjustment]):
    """Where the venue was believed against the trades."""

    list_display = ("time", "account", "market", "side", "before", "after", "reason")
    list_filter = ("account__venue", "time")
    list_select_related = ("account", "market")
    search_fields = PLACE_SEARCH

    @admin.display(description="Before")
    def before(self, adjustment: HoldingAdjustment) -> str:
        """Return what the trades had added up to."""
        return digits(adjustment.quantity_before)

    @admin.display(description="After")
    def after(self, adjustment: HoldingAdjustment) -> str:
        """Return what the venue said."""
        return digits(adjustment.quantity)
