"""The admin site: its start page tells what waits for staff."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from copytrade.ops.desk import desk_figures


class CopyTradeAdminSite(admin.AdminSite):
    """The desk."""

    site_header = "CopyTrade desk"
    site_title = "CopyTrade"
    index_title = "Desk"
    index_template = "admin/desk.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show what waits, each figure linked to its list."""
        return super().index(request, {**(extra_context or {}), "figures": desk_figures()})
