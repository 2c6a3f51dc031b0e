"""The admin site: its start page tells what waits for staff."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from copytrade.accounts.logins import TooManyLogins
from copytrade.accounts.models import User
from copytrade.accounts.pages import too_many_logins
from copytrade.accounts.services import user_password_note
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

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Let staff in; beyond the budget of failed logins tell when to try again."""
        try:
            return super().login(request, extra_context)
        except TooManyLogins as refusal:
            return too_many_logins(request, refusal)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Let staff change their own password; the audit trail is told once it is changed."""
        response = super().password_change(request, extra_context)
        if response.status_code == 302 and isinstance(request.user, User):
            user_password_note(user=request.user, actor=request.user)
        return response
