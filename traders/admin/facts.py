"""Facts and what is derived from them: to be looked at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from traders.models import Position, PositionSnapshot, SymbolAggregate, TradeEvent
from traders.models.position import PositionValues
from traders.templatetags.figures import delta, price, quantity, when

LEADER_SEARCH = ("trader__external_id", "trader__nickname")


@admin.register(TradeEvent)
class TradeEventAdmin(ReadOnlyAdmin[TradeEvent]):
    """Fills."""

    list_display = ("event_time", "trader", "kind", "symbol", "shown_price", "shown_amount", "result")
    list_filter = ("kind", "event_time", "trader__platform", "time_is_exact")
    list_select_related = ("trader",)
    search_fields = (*LEADER_SEARCH, "symbol", "event_key")
    search_help_text = "Leader (id or name), symbol or event key"
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[TradeEvent]:
        """Leave out what only the push needs, wherever it is not shown."""
        return super().get_queryset(request).defer("raw", "trader__raw")

    @admin.display(description="Price", ordering="price")
    def shown_price(self, event: TradeEvent) -> str:
        """Return the price."""
        return price(event.price)

    @admin.display(description="Amount")
    def shown_amount(self, event: TradeEvent) -> str:
        """Return the amount and its asset."""
        return f"{quantity(event.amount)} {event.amount_asset}"

    @admin.display(description="Realised PnL", ordering="realized_pnl")
    def result(self, event: TradeEvent) -> SafeString:
        """Return the result, signed."""
        return delta(event.realized_pnl)


class PositionFiguresAdmin(ReadOnlyAdmin[PositionValues]):
    """Columns that open positions and their history share."""

    list_select_related = ("trader",)
    search_fields = (*LEADER_SEARCH, "symbol")
    search_help_text = "Leader (id or name) or symbol"

    @admin.display(description="Size", ordering="size")
    def shown_size(self, position: PositionValues) -> str:
        """Return the signed size and its asset."""
        return f"{quantity(position.size, '+')} {position.size_asset}"

    @admin.display(description="Entry", ordering="entry_price")
    def entry(self, position: PositionValues) -> str:
        """Return the entry price."""
        return price(position.entry_price)

    @admin.display(description="Mark")
    def mark(self, position: PositionValues) -> str:
        """Return the mark price."""
        return price(position.mark_price)

    @admin.display(description="Leverage", ordering="leverage")
    def shown_leverage(self, position: PositionValues) -> str:
        """Return the leverage."""
        return quantity(position.leverage)

    @admin.display(description="PnL, USDT", ordering="pnl_usdt")
    def pnl(self, position: PositionValues) -> SafeString:
        """Return the PnL, signed."""
        return delta(position.pnl_usdt)

    @admin.display(description="ROE", ordering="roe_pct")
    def roe(self, position: PositionValues) -> SafeString:
        """Return the return on the margin, signed."""
        return delta(position.roe_pct, 2, "%")


FIGURES = ("shown_size", "shown_leverage", "entry", "mark", "pnl", "roe")


@admin.register(Position)
class PositionAdmin(PositionFiguresAdmin):
    """Open positions."""

    list_display = ("trader", "symbol", "side", *FIGURES, "opened", "confirmed")
    list_filter = ("side", "trader__platform", "margin_type")

    @admin.display(description="Seen first", ordering="opened_at")
    def opened(self, position: Position) -> SafeString:
        """Return when a report first showed it."""
        return when(position.opened_at)

    @admin.display(description="Figures of", ordering="fetched_at")
    def confirmed(self, position: Position) -> SafeString:
        """Return the moment that the figures are of."""
        return when(position.fetched_at)


@admin.register(PositionSnapshot)
class PositionSnapshotAdmin(PositionFiguresAdmin):
    """The history of positions."""

    list_display = ("fetched_at", "trader", "change", "symbol", "side", *FIGURES)
    list_filter = ("change", "side", "fetched_at", "trader__platform")
    show_full_result_count = False


@admin.register(SymbolAggregate)
class SymbolAggregateAdmin(ReadOnlyAdmin[SymbolAggregate]):
    """Totals by symbol."""

    list_display = ("symbol", "platform", "open_long_count", "open_short_count", "latest_event")
    list_filter = ("platform",)
    search_fields = ("symbol",)
    ordering = ("-open_long_count", "symbol")

    @admin.display(description="Latest fill", ordering="latest_event_at")
    def latest_event(self, total: SymbolAggregate) -> SafeString:
        """Return when the newest fill was."""
        return when(total.latest_event_at)
