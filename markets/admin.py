"""The desk's pages of markets: what venues list, how far candles are, and whose prices are watched."""

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from copytrade.lib.errors import ServiceUnavailable
from copytrade.lib.wire import plain_digits
from markets.models import CandleSeries, Market, MarketRefresh, PriceWatch
from markets.prices import is_stale, price_for, prices_of
from markets.services.sync import task_send
from markets.tasks import candles_sync_now, refresh_now

Row = TypeVar("Row", bound=Model)


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin[Market]):
    """Markets, as their venues list them."""

    list_display = ("symbol", "venue", "kind", "base_asset", "quote_asset", "status", "trading", "delisted_at")
    list_filter = ("venue", "kind", "trading", ("delisted_at", admin.EmptyFieldListFilter), "contract_type")
    search_fields = ("symbol", "base_asset", "pair")
    search_help_text = "Symbol, pair or base asset"
    show_full_result_count = False
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("symbol", "venue", "kind", "status", "trading", "delisted_at", "refreshed_at")}),
        ("What it trades", {"fields": ("base_asset", "quote_asset", "margin_asset", "pair", "contract_type", "size")}),
        ("Rules", {"fields": ("order_types", "times_in_force", "rules")}),
        ("Price", {"fields": ("price",)}),
    )
    readonly_fields = ("size", "rules", "price")

    @admin.display(description="Contract size")
    def size(self, market: Market) -> str:
        """Return the size of a contract."""
        return plain_digits(market.contract_size)

    @admin.display(description="Rules")
    def rules(self, market: Market) -> SafeString:
        """Return the filters, those that the market has."""
        rules = ((name.replace("_", " "), value) for name, value in asdict(market.filters).items() if value is not None)
        shown = ((name, plain_digits(value) if isinstance(value, Decimal) else value) for name, value in rules)
        return format_html_join("", "<div>{}: {}</div>", shown)

    @admin.display(description="Price")
    def price(self, market: Market) -> str:
        """Return the newest price and its age."""
        report = prices_of([market]).get(market.pk)
        value = price_for(report, "mid") if report else None
        if report is None or value is None:
            return "Not watched"
        now = timezone.now()
        stale = ", stale" if is_stale(report, now) else ""
        return f"{plain_digits(value)} ({_age(now - report.time)}{stale})"


class TaskAdmin(ReadOnlyAdmin[Row]):
    """Rows for which staff who may change them can have a worker do something."""

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may start work."""
        return request.user.has_perm(f"markets.change_{self.opts.model_name}")

    def send(self, request: HttpRequest, task: Any, rows: list[Any], sentence: str) -> None:
        """Have a worker do it, and say so."""
        try:
            task_send(lambda: task.delay(rows))
        except ServiceUnavailable as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            self.message_user(request, sentence, messages.SUCCESS)


@admin.register(CandleSeries)
class CandleSeriesAdmin(TaskAdmin[CandleSeries]):
    """How far each series of candles is."""

    list_display = ("symbol", "kind", "interval", "lag", "last_run_at", "rows", "missing", "newest_open_time", "error")
    list_filter = ("kind", "interval", "active", ("error", admin.EmptyFieldListFilter))
    search_fields = ("symbol", "error")
    search_help_text = "Symbol or error"
    actions = ("sync_now",)
    list_per_page = 100
    exclude = ("absent", "doubted", "claimed_until")

    @admin.display(description="Lag")
    def lag(self, series: CandleSeries) -> str:
        """Return the age of the newest price."""
        lag = series.lag(timezone.now())
        return "not yet" if lag is None else _age(lag)

    @admin.action(description="Sync now", permissions=["run"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[CandleSeries]) -> None:
        """Have a worker bring series up to date."""
        ids = list(queryset.values_list("pk", flat=True))
        self.send(request, candles_sync_now, ids, f"A worker syncs {len(ids)} series now.")


@admin.register(MarketRefresh)
class MarketRefreshAdmin(TaskAdmin[MarketRefresh]):
    """How the last refresh of each venue's markets went."""

    list_display = ("venue", "last_run_at", "last_success_at", "rows", "error")
    actions = ("refresh",)

    @admin.action(description="Refresh now", permissions=["run"])
    def refresh(self, request: HttpRequest, queryset: QuerySet[MarketRefresh]) -> None:
        """Have a worker ask venues for their markets."""
        venues = list(queryset.values_list("venue", flat=True))
        self.send(request, refresh_now, venues, f"A worker refreshes {', '.join(venues)} now.")


@admin.register(PriceWatch)
class PriceWatchAdmin(admin.ModelAdmin[PriceWatch]):
    """Markets whose prices are watched beside those of the settings; what is no longer needed may be deleted."""

    list_display = ("market", "wanted_at")
    list_select_related = ("market",)
    autocomplete_fields = ("market",)
    search_fields = ("market__symbol",)
    readonly_fields = ("wanted_at",)


def _age(age: timedelta) -> str:
    return f"{max(0, int(age.total_seconds())):,} s"
