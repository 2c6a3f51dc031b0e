"""What leaders did, with the trades that it is made of and how many copies decided what."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from orders.admin.figures import ReadOnlyInline, chip, digits
from replication.admin.paging import CappedPaginator
from replication.models import Signal, SignalPart
from replication.selectors.decisions import decisions_counted
from replication.vocabulary import IntentState, SignalState
from traders.templatetags.figures import when

TONES = {SignalState.PENDING: "warn", SignalState.PLANNED: "warn", SignalState.DONE: "pos"}
DECISION_TONES = {
    IntentState.WAITING: "warn",
    IntentState.PLANNED: "warn",
    IntentState.FILLED: "pos",
    IntentState.PARTIAL: "warn",
    IntentState.SKIPPED: "",
    IntentState.FAILED: "neg",
}


def decision_chip(state: str, count: int | None = None) -> SafeString:
    """Return the state of decisions as a chip, with how many there are."""
    return chip(state if count is None else f"{count} {state}", DECISION_TONES[IntentState(state)])


class PartInline(ReadOnlyInline[SignalPart, Signal]):
    """The trades of the leader."""

    model = SignalPart
    fields = ("fact", "price", "quantity", "at", "exits")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignalPart]:
        """Read the facts along."""
        return super().get_queryset(request).select_related("event", "fill").defer("event__raw")

    @admin.display(description="Trade")
    def fact(self, part: SignalPart) -> str:
        """Return which way it went, and whether it was seen or made here."""
        return f"{part.event.kind}, seen" if part.event else f"{part.fill.side}, made here" if part.fill else ""

    @admin.display(description="Price")
    def price(self, part: SignalPart) -> str:
        """Return the price."""
        fact = part.event or part.fill
        return digits(fact.price if fact else None)

    @admin.display(description="Quantity")
    def quantity(self, part: SignalPart) -> str:
        """Return the quantity."""
        return digits(part.event.amount if part.event else part.fill.quantity if part.fill else None)

    @admin.display(description="When")
    def at(self, part: SignalPart) -> SafeString:
        """Return when it was."""
        return when(part.event.event_time if part.event else part.fill.time if part.fill else None)


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin[Signal]):
    """Signals."""

    list_display = (
        "number",
        "trader",
        "action",
        "side",
        "symbol",
        "shown_quantity",
        "shown_price",
        "source",
        "state_chip",
        "intents_count",
        "detected",
    )
    list_filter = ("state", "source", "action", "side", "detected_at")
    list_select_related = ("trader",)
    search_fields = ("=symbol", "trader__nickname", "=trader__external_id", "=source_key")
    search_help_text = "Symbol, leader or source key"
    show_full_result_count = False
    paginator = CappedPaginator
    inlines = (PartInline,)
    readonly_fields = ("state_chip", "decisions")
    fields = (
        "trader",
        "state_chip",
        "decisions",
        ("action", "side", "symbol"),
        "quantity",
        "price",
        "fraction",
        "position_before",
        "leader_equity",
        "leverage",
        ("venue", "base_asset", "quote_asset"),
        ("source", "source_key", "order", "copy"),
        ("event_time", "detected_at", "planned_at", "finished_at"),
        "numbers",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Signal]:
        """Leave the leader's last report aside."""
        return super().get_queryset(request).defer("trader__raw")

    @admin.display(description="Signal", ordering="pk")
    def number(self, signal: Signal) -> str:
        """Return its number."""
        return f"#{signal.pk}"

    @admin.display(description="State", ordering="state")
    def state_chip(self, signal: Signal) -> SafeString:
        """Return the state as a chip."""
        return chip(signal.state, TONES[SignalState(signal.state)])

    @admin.display(description="Quantity")
    def shown_quantity(self, signal: Signal) -> str:
        """Return the quantity in coins."""
        return f"{digits(signal.quantity)} {signal.base_asset}"

    @admin.display(description="Price")
    def shown_price(self, signal: Signal) -> str:
        """Return the leader's price."""
        return digits(signal.price)

    @admin.display(description="Known", ordering="detected_at")
    def detected(self, signal: Signal) -> SafeString:
        """Return when it became known here."""
        return when(signal.detected_at)

    @admin.display(description="Decisions")
    def decisions(self, signal: Signal) -> SafeString:
        """Return how many copies decided what, each linked to its list."""
        where = reverse("admin:replication_copyintent_changelist")
        counted = decisions_counted(signal_id=signal.pk)
        if not counted:
            return format_html("{}", "none yet")
        return format_html_join(
            " ",
            '<a href="{}?signal__id__exact={}&amp;state__exact={}">{}</a>',
            ((where, signal.pk, state, decision_chip(state, count)) for state, count in counted),
        )
