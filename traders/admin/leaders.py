"""Curation: staff look at leaders and decide about them, each time with a reason."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_stubs_ext import WithAnnotations
from kombu.exceptions import OperationalError

from copytrade.accounts.models import User
from copytrade.lib.admin import ReadOnlyAdmin
from traders.admin.filters import FreshnessFilter
from traders.admin.forms import ReasonForm
from traders.admin.record import LeaderRecord
from traders.models import LeaderStatus, LeadTrader, Position, Score, ScoreWindow, TradeEvent
from traders.selectors.curves import DayResult, curves
from traders.selectors.freshness import freshness_of
from traders.services.leaders import leader_set_status
from traders.tasks import scores_refresh_some
from traders.templatetags.drawings import sparkline
from traders.templatetags.figures import delta, number, when


class Listed(TypedDict):
    """What the list shows beside a leader's own columns."""

    month_score: Decimal | None
    month_pnl: Decimal | None
    open_count: int
    last_trade_at: datetime | None
    curve: list[DayResult]


if TYPE_CHECKING:
    ListedLeader = WithAnnotations[LeadTrader, Listed]


class LeaderChangeList(ChangeList):
    """The list, best first. What it shows of a page of leaders is read for all of them at once."""

    def _get_default_ordering(self) -> tuple[OrderBy]:
        """Return an order that the admin's checks of `ordering` do not know: by what the list computes."""
        return (F("month_score").desc(nulls_last=True),)

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then the curves of its leaders."""
        super().get_results(request)
        leaders = list(self.result_list)
        by_leader = curves([row.pk for row in leaders], days=ScoreWindow.MONTH, today=timezone.now().date())
        for leader in leaders:
            leader.curve = by_leader[leader.pk]
        self.result_list = leaders


@admin.register(LeadTrader)
class LeadTraderAdmin(ReadOnlyAdmin[LeadTrader]):
    """Leaders. They change by pushes and by the actions, never by hand."""

    list_display = (
        "leader",
        "status_chip",
        "score",
        "realised_pnl",
        "sparkline",
        "open_positions",
        "last_report",
        "last_trade",
    )
    list_filter = ("status", "platform", FreshnessFilter, "positions_visible", "is_demo")
    search_fields = ("nickname", "external_id")
    search_help_text = "Name or id"
    actions = ("approve", "feature", "pause", "block", "compute_scores")
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("nickname", "platform", "external_id", "status_chip", "staff_note", "last_report")}),
        ("More", {"fields": ("positions_visible", "is_demo", "avatar_url", "created_at", "updated_at")}),
        ("What the newest report said beside positions and trades", {"fields": ("raw",), "classes": ("collapse",)}),
    )
    readonly_fields = ("status_chip", "last_report")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that reads curves."""
        return LeaderChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[LeadTrader]:
        """Read the figures of a leader with it, and its sources for all leaders at once."""
        month = Score.objects.filter(trader=OuterRef("pk"), window=ScoreWindow.MONTH)
        positions = Position.objects.filter(trader=OuterRef("pk")).order_by().values("trader")
        events = TradeEvent.objects.filter(trader=OuterRef("pk")).order_by("-event_time")
        leaders = LeadTrader.objects.annotate(
            month_score=Subquery(month.values("score")),
            month_pnl=Subquery(month.values("realized_pnl")),
            open_count=Coalesce(Subquery(positions.annotate(count=Count("pk")).values("count")), 0),
            last_trade_at=Subquery(events.values("event_time")[:1]),
        )
        return leaders.prefetch_related("sources")

    def has_curate_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may decide about leaders."""
        return request.user.has_perm("traders.change_leadtrader")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a leader with everything that is known."""
        leader = self.get_object(request, object_id)
        record = {"record": LeaderRecord(leader)} if leader else {}
        curation = {"may_curate": self.has_curate_permission(request)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **record, **curation})

    @admin.display(description="Leader", ordering="nickname")
    def leader(self, leader: LeadTrader) -> SafeString:
        """Return the name, with platform and id below it."""
        chip = render_to_string("traders/parts/demo_chip.html") if leader.is_demo else ""
        return format_html("{} {}<small>{} {}</small>", leader, chip, leader.platform, leader.external_id)

    @admin.display(description="Status", ordering="status")
    def status_chip(self, leader: LeadTrader) -> str:
        """Return the status as a chip."""
        return render_to_string("traders/parts/status_chip.html", {"leader": leader})

    @admin.display(description="Score 30 d", ordering="month_score")
    def score(self, leader: "ListedLeader") -> SafeString:
        """Return the score of 30 days."""
        return format_html('<span class="num">{}</span>', number(leader.month_score))

    @admin.display(description="PnL 30 d, USDT", ordering="month_pnl")
    def realised_pnl(self, leader: "ListedLeader") -> SafeString:
        """Return the result of 30 days."""
        return delta(leader.month_pnl)

    @admin.display(description="30 days")
    def sparkline(self, leader: "ListedLeader") -> SafeString:
        """Return the curve of 30 days."""
        return sparkline(leader.curve, str(leader))

    @admin.display(description="Open", ordering="open_count")
    def open_positions(self, leader: "ListedLeader") -> int:
        """Return how many positions are open."""
        return leader.open_count

    @admin.display(description="Last report")
    def last_report(self, leader: LeadTrader) -> SafeString:
        """Return how fresh the data is."""
        freshness = freshness_of(leader)
        chip = render_to_string("traders/parts/stale_chip.html") if freshness.stale else ""
        return format_html("{} {}", chip, when(freshness.reported_at))

    @admin.display(description="Last trade", ordering="last_trade_at")
    def last_trade(self, leader: "ListedLeader") -> SafeString:
        """Return when the newest fill was."""
        return when(leader.last_trade_at)

    @admin.action(description="Approve", permissions=["curate"])
    def approve(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> HttpResponse | None:
        """Approve leaders."""
        return self._decide(request, queryset, LeaderStatus.APPROVED, "approve")

    @admin.action(description="Feature", permissions=["curate"])
    def feature(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> HttpResponse | None:
        """Feature leaders."""
        return self._decide(request, queryset, LeaderStatus.FEATURED, "feature")

    @admin.action(description="Pause", permissions=["curate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> HttpResponse | None:
        """Pause leaders."""
        return self._decide(request, queryset, LeaderStatus.PAUSED, "pause")

    @admin.action(description="Block", permissions=["curate"])
    def block(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> HttpResponse | None:
        """Block leaders: nobody outside the desk sees them."""
        return self._decide(request, queryset, LeaderStatus.BLOCKED, "block")

    @admin.action(description="Compute scores again", permissions=["curate"])
    def compute_scores(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> None:
        """Have a worker score leaders as of today."""
        ids = list(queryset.values_list("pk", flat=True))
        try:
            scores_refresh_some.delay_on_commit(ids)  # type: ignore[attr-defined]  # the stubs lack it
        except OperationalError:
            self.message_user(request, "The queue does not answer; try again in a moment.", messages.ERROR)
        else:
            self.message_user(request, f"A worker scores {_leaders(len(ids))} now.", messages.SUCCESS)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[LeadTrader], status: LeaderStatus, action: str
    ) -> HttpResponse | None:
        """Ask for a reason; with one, carry the decision out."""
        leaders = list(queryset.defer("raw"))
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            self._carry_out(request, leaders, status, form.cleaned_data["reason"])
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{action.capitalize()} {_leaders(len(leaders))}?",
            "opts": self.opts,
            "rows": leaders,
            "action": action,
            "verdict": status.label.lower(),
            "hides": status == LeaderStatus.BLOCKED,
            "form": form,
        }
        return TemplateResponse(request, "admin/traders/leadtrader/decide.html", context)

    @transaction.atomic
    def _carry_out(self, request: HttpRequest, leaders: list[LeadTrader], status: LeaderStatus, reason: str) -> None:
        assert isinstance(request.user, User)
        for leader in sorted(leaders, key=lambda leader: leader.pk):  # one order for all, so that none waits for ever
            leader_set_status(leader=leader, status=status, actor=request.user, reason=reason)
        self.message_user(request, f"{_leaders(len(leaders))} now {status.label.lower()}.", messages.SUCCESS)


def _leaders(count: int) -> str:
    return f"{count} leader{'' if count == 1 else 's'}"
