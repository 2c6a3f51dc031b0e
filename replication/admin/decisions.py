"""Decisions of copies, found by whom, what and why they concern, each with its whole chain on one page."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from markets.models import Market
from orders.admin.figures import digits
from orders.models import Order
from replication.admin.chain import DecisionRecord
from replication.admin.paging import CappedPaginator
from replication.admin.signals import decision_chip
from replication.models import Copy, CopyIntent
from traders.templatetags.figures import MISSING, when

MOST_FOUND = 1_000


@admin.register(CopyIntent)
class CopyIntentAdmin(ReadOnlyAdmin[CopyIntent]):
    """Decisions."""

    list_display = (
        "number",
        "leader",
        "owner",
        "what",
        "symbol",
        "state_chip",
        "code",
        "shown_quantity",
        "shown_filled",
        "shown_average",
        "slippage",
        "planned",
    )
    list_filter = ("state", "exits", "planned_at")
    list_select_related = ("signal", "copy__trader", "copy__account__user", "market")
    search_fields = ("code",)  # what is searched is told by `get_search_results`
    search_help_text = "Owner, leader, symbol, code, or a client order id"
    show_full_result_count = False
    paginator = CappedPaginator
    change_form_template = "admin/replication/copyintent/change_form.html"
    fields = ("signal", "copy", "market", "side", "exits", "attempts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CopyIntent]:
        """Read along what the page shows."""
        related = ("signal", "copy__trader", "copy__account__user", "market")
        return super().get_queryset(request).select_related(*related).defer("copy__trader__raw")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Let the pages of signals and copies link here."""
        links = {"signal__id__exact", "copy__id__exact", "state__exact"}
        return lookup in links or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CopyIntent], search_term: str
    ) -> tuple[QuerySet[CopyIntent], bool]:
        """Find decisions by each word; names are looked up where they stand, which is never in this large table."""
        for word in search_term.split():
            queryset = queryset.filter(_about(word))
        return queryset, False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a decision with everything that led to it and came of it."""
        intent = self.get_object(request, object_id)
        record = {"record": DecisionRecord(intent)} if intent else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **record})

    @admin.display(description="Decision", ordering="pk")
    def number(self, intent: CopyIntent) -> str:
        """Return its number."""
        return f"#{intent.pk}"

    @admin.display(description="Leader")
    def leader(self, intent: CopyIntent) -> str:
        """Return who is copied."""
        return str(intent.copy.trader)

    @admin.display(description="Owner")
    def owner(self, intent: CopyIntent) -> str:
        """Return whose copy it is."""
        return intent.copy.account.user.get_username()

    @admin.display(description="The leader's trade")
    def what(self, intent: CopyIntent) -> str:
        """Return what the leader did."""
        signal = intent.signal
        return f"{signal.action} {signal.side} {digits(signal.quantity)} {signal.symbol}"

    @admin.display(description="Traded in")
    def symbol(self, intent: CopyIntent) -> str:
        """Return the follower's market."""
        return intent.market.symbol if intent.market else MISSING

    @admin.display(description="State", ordering="state")
    def state_chip(self, intent: CopyIntent) -> SafeString:
        """Return the state as a chip."""
        return decision_chip(intent.state)

    @admin.display(description="Ordered")
    def shown_quantity(self, intent: CopyIntent) -> str:
        """Return what was ordered."""
        return digits(intent.quantity)

    @admin.display(description="Filled")
    def shown_filled(self, intent: CopyIntent) -> str:
        """Return what was filled."""
        return digits(intent.filled_quantity)

    @admin.display(description="Average")
    def shown_average(self, intent: CopyIntent) -> str:
        """Return the average price."""
        return digits(intent.average_price)

    @admin.display(description="Slippage, %")
    def slippage(self, intent: CopyIntent) -> str:
        """Return by how much the price was worse than the leader's."""
        return digits(intent.slippage_percent)

    @admin.display(description="Decided", ordering="planned_at")
    def planned(self, intent: CopyIntent) -> SafeString:
        """Return when it was decided."""
        return when(intent.planned_at)


def _about(word: str) -> Q:
    """Return which decisions a word concerns, by ids that were looked up first."""
    text = word.replace("\0", "")
    copies = Copy.objects.filter(
        Q(account__user__username__icontains=text)
        | Q(account__user__email__icontains=text)
        | Q(trader__nickname__icontains=text)
        | Q(trader__external_id=text)
    )
    found = Q(copy__in=list(copies.values_list("pk", flat=True)[:MOST_FOUND])) | Q(code=text.upper())
    found |= Q(market__in=list(Market.objects.filter(symbol=text.upper()).values_list("pk", flat=True)))
    causes = Order.objects.filter(client_order_id=text, cause_id__isnull=False)
    return found | Q(pk__in=list(causes.values_list("cause_id", flat=True)[:MOST_FOUND]))
