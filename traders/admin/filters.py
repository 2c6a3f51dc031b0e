"""Filters of lists."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from traders.models import LeadTrader
from traders.selectors.overview import fresh_leaders, stale_leaders


class FreshnessFilter(admin.SimpleListFilter):
    """Whether a source told of a leader lately. Blocked leaders are neither: nobody waits for their data."""

    title = "freshness"
    parameter_name = "freshness"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("fresh", "Fresh"), ("stale", "Stale")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LeadTrader]) -> QuerySet[LeadTrader]:
        """Keep the leaders that were chosen."""
        wanted = {"fresh": fresh_leaders, "stale": stale_leaders}.get(self.value() or "")
        return queryset.filter(pk__in=wanted(timezone.now()).order_by().values("pk")) if wanted else queryset
