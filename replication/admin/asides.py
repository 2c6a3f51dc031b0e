"""Trades of leaders that could not be taken up, and why."""

from django.contrib import admin
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from orders.admin.figures import digits
from replication.admin.paging import CappedPaginator
from replication.models import TradeAside
from traders.templatetags.figures import when


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
