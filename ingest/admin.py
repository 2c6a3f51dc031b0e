"""The desk's page of pushes: what a scraper sent and why something was refused."""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from copytrade.lib.admin import ReadOnlyAdmin
from ingest.models import IngestBatch, Outcome
from traders.templatetags.figures import number


@admin.register(IngestBatch)
class IngestBatchAdmin(ReadOnlyAdmin[IngestBatch]):
    """Pushes."""

    tones: ClassVar[dict[str, str]] = {Outcome.STORED: "pos", Outcome.REFUSED: "neg", Outcome.OUTDATED: "warn"}
    list_display = (
        "received_at",
        "trader",
        "form",
        "outcome_chip",
        "events_inserted",
        "events_skipped",
        "positions_inserted",
        "positions_closed",
        "size",
        "milliseconds",
        "note",
    )
    list_filter = ("outcome", "source", "received_at")
    list_select_related = ("trader",)
    search_fields = ("trader__external_id", "trader__nickname", "key_name")
    search_help_text = "Leader (id or name) or name of the key"
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("received_at", "trader", "source", "form", "outcome_chip", "note", "problems")}),
        (
            "What it brought",
            {"fields": ("events_inserted", "events_skipped", "positions_inserted", "positions_closed")},
        ),
        ("How it came", {"fields": ("key", "key_name", "fetched_at", "size", "milliseconds", "id")}),
    )
    readonly_fields = ("outcome_chip", "problems", "size")

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestBatch]:
        """Leave out the leader's raw report."""
        return super().get_queryset(request).defer("trader__raw")

    @admin.display(description="Outcome", ordering="outcome")
    def outcome_chip(self, batch: IngestBatch) -> SafeString:
        """Return the outcome as a chip."""
        tone = self.tones.get(batch.outcome, "")
        return format_html('<span class="chip {}">{}</span>', tone, batch.get_outcome_display())

    @admin.display(description="Bytes", ordering="body_bytes")
    def size(self, batch: IngestBatch) -> str:
        """Return the size of the body."""
        return number(batch.body_bytes, 0)

    @admin.display(description="Errors")
    def problems(self, batch: IngestBatch) -> SafeString | str:
        """Return what was wrong, each with its place in the body."""
        rows = [(problem.get("path") or "the body", problem.get("message", "")) for problem in batch.errors]
        items = format_html_join("", "<li><code>{}</code> {}</li>", rows)
        return format_html('<ul class="problems">{}</ul>', items) if rows else "None"
