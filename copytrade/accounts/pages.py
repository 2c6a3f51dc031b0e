"""Pages of logging in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from copytrade.accounts.logins import TooManyLogins
from copytrade.lib.api.exceptions import failure


def too_many_logins(request: HttpRequest, refusal: TooManyLogins) -> HttpResponse:
    """Answer 429 with a page that tells when to try again."""
    error = failure(refusal.code, refusal.message)["error"]
    response = render(request, "web/error.html", {"status": refusal.status, "error": error}, status=refusal.status)
    response["Retry-After"] = str(refusal.retry_after_seconds)
    return response
