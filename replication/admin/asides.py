"""Trades of leaders that could not be taken up, copies that could not be planned at them, and why."""

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from orders.admin.figures import digits
from replication.admin.paging import CappedPaginator
from replication.models import CopyAside, CopyIntent, TradeAside
from traders.templatetags.figures import MISSING, when


@admin.register(TradeAside)
class TradeAsideAdmin(ReadOnlyAdmin[TradeAside]):
    """Trades set aside."""

    list_display = ("fact", "trader", "what", "error", "attempts", "set_aside", "again")
    list_select_related = ("trader", "event", "fill__market")
    search_fields = ("trader__nickname", "=trader__external_id", "error")
    search_help_text = "Leader, or what is wrong"
    show_full_result_count = False
    paginator = CappedPaginator

    @admin.display(description="Trade", ordering="pk")
    def fact(self, aside: TradeAside) -> str:
        """Return which fact it is."""
        return str(aside)

    @admin.display(description="The leader's trade")
    def what(self, aside: TradeAside) -> str:
        """Return what the leader did."""
        if aside.event:
            return f"{aside.event.kind} {digits(aside.event.amount)} {aside.event.symbol}"
        assert aside.fill is not None, "it is one or the other"
        return f"{aside.fill.side} {digits(aside.fill.quantity)} {aside.fill.market.symbol}"

    @admin.display(description="Set aside", ordering="since")
    def set_aside(self, aside: TradeAside) -> SafeString:
        """Return since when it waits apart."""
        return when(aside.since)

    @admin.display(description="Tried again", ordering="again_at")
    def again(self, aside: TradeAside) -> SafeString:
        """Return when it is tried again."""
        return when(aside.again_at)


@admin.register(CopyAside)
class CopyAsideAdmin(ReadOnlyAdmin[CopyAside]):
    """Copies passed over."""

    list_display = ("which", "leader", "signal", "error", "became", "passed_over")
    list_select_related = ("signal__trader",)
    search_fields = ("signal__trader__nickname", "=copy__id", "=signal__id", "error")
    search_help_text = "Leader, number of a copy or a signal, or what is wrong"
    show_full_result_count = False
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[CopyAside]:
        """Read along what became of each since."""
        decisions = CopyIntent.objects.filter(signal=OuterRef("signal"), copy=OuterRef("copy"))
        rows = super().get_queryset(request).defer("signal__trader__raw")
        return rows.annotate(decision=Subquery(decisions.values("state")[:1]))

    @admin.display(description="Copy", ordering="copy")
    def which(self, aside: CopyAside) -> str:
        """Return which copy it is."""
        return f"#{aside.copy_id}" if aside.copy_id else "all that were left"

    @admin.display(description="Leader")
    def leader(self, aside: CopyAside) -> str:
        """Return whose trade it was."""
        return str(aside.signal.trader)

    @admin.display(description="Its decision")
    def became(self, aside: CopyAside) -> str:
        """Return how its decision stands now, a dash where none could be written."""
        return getattr(aside, "decision", None) or MISSING

    @admin.display(description="Passed over", ordering="at")
    def passed_over(self, aside: CopyAside) -> SafeString:
        """Return when."""
        return when(aside.at)
