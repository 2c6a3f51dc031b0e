"""Pages of logging in, for everybody; staff have one of their own at the desk."""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from copytrade.accounts.logins import WRONG_LOGIN, TooManyLogins
from copytrade.lib.api.exceptions import failure


class LoginForm(AuthenticationForm):
    """Says of whoever may not come in what the API says."""

    error_messages = {"invalid_login": WRONG_LOGIN}


class LoginPage(LoginView):
    """Begins a session, then goes to `next` where that is a page of ours, else home."""

    template_name = "web/login.html"
    authentication_form = LoginForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Let in whoever has the right password."""
        try:
            return super().post(request, *args, **kwargs)
        except TooManyLogins as refusal:
            return too_many_logins(request, refusal)


class LogoutPage(LogoutView):
    """Ends the session, then goes home; by POST only, so that no link of elsewhere does it."""

    next_page = "home"


def too_many_logins(request: HttpRequest, refusal: TooManyLogins) -> HttpResponse:
    """Answer 429 with a page that tells when to try again."""
    error = failure(refusal.code, refusal.message)["error"]
    response = render(request, "web/error.html", {"status": refusal.status, "error": error}, status=refusal.status)
    response["Retry-After"] = str(refusal.retry_after_seconds)
    return response
