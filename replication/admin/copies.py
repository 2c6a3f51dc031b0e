"""Copies with what they hold and what came of them. Owners set them up; staff pause, resume and stop them."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from copytrade.accounts.models import User
from copytrade.lib.admin import ReadOnlyAdmin
from copytrade.lib.errors import ApplicationError
from orders.admin.figures import ReadOnlyInline, chip, digits
from replication.admin.paging import CappedPaginator
from replication.models import IS_OPEN, Copy, CopyDay, CopyFunds, CopyPosition
from replication.services.copies import copy_pause, copy_resume, copy_stop
from replication.vocabulary import CopyState
from traders.templatetags.figures import delta, quantity, when

TONES = {CopyState.ACTIVE: "pos", CopyState.PAUSED: "warn", CopyState.STOPPING: "warn", CopyState.ENDED: ""}
DAYS_SHOWN = 30
FIRST = ("state_chip", "state_reason", "decisions", "trader", "account", "strategy")
BY_STAFF = "Stopped by staff."
ENDED_ALREADY = "This copy has ended; what it still holds is its owner's to close."
Service = Callable[..., Copy]
ACTIONS: dict[str, tuple[str, str, Service]] = {
    "pause": (
        "be paused: they follow exits only",
        "paused",
        lambda **given: copy_pause(**given, by_staff=True),
    ),
    "resume": ("copy entries again", "resumed", lambda **given: copy_resume(**given, by_staff=True)),
    "stop": (
        "end; what they hold stays in their accounts",
        "stopped",
        lambda **given: copy_stop(**given, close=False, reason=BY_STAFF),
    ),
    "stop_and_close": (
        "close all that they hold at the market, and end",
        "told to close all and end",
        lambda **given: copy_stop(**given, close=True, reason=BY_STAFF),
    ),
}


class PositionInline(ReadOnlyInline[CopyPosition, Copy]):
    """What a copy holds and held."""

    model = CopyPosition
    fields = ("market", "side", "leader_symbol", "shown_quantity", "owed", "result", "shown_fees", "moved")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CopyPosition]:
        """Read the markets along."""
        return super().get_queryset(request).select_related("market")

    @admin.display(description="Quantity")
    def shown_quantity(self, position: CopyPosition) -> str:
        """Return what its trades add up to."""
        return digits(position.quantity)

    @admin.display(description="Still to open, or to close if negative")
    def owed(self, position: CopyPosition) -> str:
        """Return what was too small to order."""
        return quantity(position.remainder)

    @admin.display(description="Realised PnL")
    def result(self, position: CopyPosition) -> SafeString:
        """Return what it realised."""
        return delta(position.realized_pnl)

    @admin.display(description="Fees")
    def shown_fees(self, position: CopyPosition) -> str:
        """Return the fees in the settlement asset."""
        return digits(position.fees)

    @admin.display(description="Moved")
    def moved(self, position: CopyPosition) -> SafeString:
        """Return when it last changed."""
        return when(position.updated_at)


class DayInline(ReadOnlyInline[CopyDay, Copy]):
    """The results of the newest days."""

    model = CopyDay
    fields = ("date", "result", "shown_fees")
    readonly_fields = fields
    verbose_name_plural = "Newest days"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CopyDay]:
        """Return the newest 30 days of the copy whose page it is."""
        match = request.resolver_match
        copy = match.kwargs.get("object_id") if match else None
        rows = super().get_queryset(request)
        newest = rows.filter(copy=copy).order_by("-date").values("pk")[:DAYS_SHOWN]
        return rows.filter(pk__in=newest).order_by("-date")

    @admin.display(description="Realised PnL")
    def result(self, day: CopyDay) -> SafeString:
        """Return what the day realised."""
        return delta(day.realized_pnl)

    @admin.display(description="Fees")
    def shown_fees(self, day: CopyDay) -> str:
        """Return the day's fees."""
        return digits(day.fees)


class FundsInline(ReadOnlyInline[CopyFunds, Copy]):
    """Funds given and taken."""

    model = CopyFunds
    fields = ("at", "moved", "shown_allocated")
    readonly_fields = fields

    @admin.display(description="Amount")
    def moved(self, funds: CopyFunds) -> SafeString:
        """Return what was given, or taken."""
        return delta(funds.amount)

    @admin.display(description="Allocated then")
    def shown_allocated(self, funds: CopyFunds) -> str:
        """Return what the copy had then."""
        return digits(funds.allocated)


@admin.register(Copy)
class CopyAdmin(ReadOnlyAdmin[Copy]):
    """Copies."""

    list_display = (
        "number",
        "leader",
        "account",
        "owner",
        "state_chip",
        "strategy",
        "shown_allocated",
        "open_positions",
        "state_reason",
        "began",
    )
    list_filter = ("state", "strategy", "inverted", "account__mode", "account__venue", "started_at")
    list_select_related = ("account__user", "trader")
    search_fields = (
        "trader__nickname",
        "=trader__external_id",
        "account__name",
        "account__user__username",
        "account__user__email",
    )
    search_help_text = "Leader, account or owner"
    show_full_result_count = False
    paginator = CappedPaginator
    actions = ("pause", "resume", "stop", "stop_and_close")
    readonly_fields = ("state_chip", "decisions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Copy]:
        """Count what is open along."""
        held = CopyPosition.objects.filter(IS_OPEN, copy=OuterRef("pk")).order_by().values("copy")
        count = Coalesce(Subquery(held.annotate(count=Count("pk")).values("count")), 0)
        return super().get_queryset(request).defer("trader__raw").annotate(open_count=count)

    def get_fields(self, request: HttpRequest, obj: Copy | None = None) -> Any:
        """Show first how it stands, who copies whom, and the way to what was decided."""
        others = [name for name in super().get_fields(request, obj) if name not in {*FIRST, "state"}]
        return [*FIRST, *others]

    def get_inlines(self, request: HttpRequest, obj: Copy | None) -> list[type[InlineModelAdmin[Any, Any]]]:
        """Show positions, days and funds."""
        return [PositionInline, DayInline, FundsInline]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether this member of staff may pause, resume and stop copies."""
        return request.user.has_perm("replication.change_copy")

    @admin.display(description="Copy", ordering="pk")
    def number(self, copy: Copy) -> str:
        """Return its number."""
        return f"#{copy.pk}"

    @admin.display(description="Leader", ordering="trader__nickname")
    def leader(self, copy: Copy) -> str:
        """Return who is copied."""
        return str(copy.trader)

    @admin.display(description="Owner", ordering="account__user__username")
    def owner(self, copy: Copy) -> str:
        """Return whose copy it is."""
        return copy.account.user.get_username()

    @admin.display(description="State", ordering="state")
    def state_chip(self, copy: Copy) -> SafeString:
        """Return the state as a chip."""
        return chip(copy.state, TONES[CopyState(copy.state)])

    @admin.display(description="Decisions")
    def decisions(self, copy: Copy) -> SafeString:
        """Return the way to what the copy decided."""
        where = reverse("admin:replication_copyintent_changelist")
        return format_html('<a href="{}?copy__id__exact={}">What it decided, and why</a>', where, copy.pk)

    @admin.display(description="Allocated", ordering="allocated")
    def shown_allocated(self, copy: Copy) -> str:
        """Return the funds of its own."""
        return "whole account" if copy.allocated is None else digits(copy.allocated)

    @admin.display(description="Open")
    def open_positions(self, copy: Copy) -> int:
        """Return how many positions are open."""
        return int(getattr(copy, "open_count", 0))

    @admin.display(description="Began", ordering="started_at")
    def began(self, copy: Copy) -> SafeString:
        """Return when it began."""
        return when(copy.started_at)

    @admin.action(description="Pause: follow exits only", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse | None:
        """Pause the selected copies."""
        return self._act(request, queryset, "pause")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse | None:
        """Resume the selected copies."""
        return self._act(request, queryset, "resume")

    @admin.action(description="Stop, and keep what they hold", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse | None:
        """End the selected copies."""
        return self._act(request, queryset, "stop")

    @admin.action(description="Close all that they hold, and stop", permissions=["operate"])
    def stop_and_close(self, request: HttpRequest, queryset: QuerySet[Copy]) -> HttpResponse | None:
        """Close what the selected copies hold, and end them."""
        return self._act(request, queryset, "stop_and_close")

    def _act(self, request: HttpRequest, queryset: QuerySet[Copy], action: str) -> HttpResponse | None:
        """Ask first; then run the service on each copy, and one that refuses does not hold up the others."""
        verdict, done, service = ACTIONS[action]
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Are you sure?",
                "opts": self.opts,
                "rows": queryset,
                "action": action,
                "verdict": verdict,
            }
            return TemplateResponse(request, "admin/replication/copy/decide.html", context)
        count = self._each(request, queryset, service)
        if count:
            self.message_user(request, f"{count} {'copy' if count == 1 else 'copies'} {done}.", messages.SUCCESS)
        return None

    def _each(self, request: HttpRequest, queryset: QuerySet[Copy], service: Service) -> int:
        assert isinstance(request.user, User)
        count = 0
        for copy in queryset.order_by("pk"):
            if copy.state == CopyState.ENDED:
                self.message_user(request, f"#{copy.pk} {copy}: {ENDED_ALREADY}", messages.ERROR)
                continue
            try:
                service(copy=copy, actor=request.user)
                count += 1
            except ApplicationError as error:
                self.message_user(request, f"#{copy.pk} {copy}: {error.message}", messages.ERROR)
        return count
