"""Failures outside REST framework: the envelope for programs, a page for people."""

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from copytrade.lib.api.exceptions import RETRY_AFTER_SECONDS, database_failure, failure
from copytrade.lib.context import request_id
from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.errors import ErrorCode

API_PREFIXES = ("/api/", "/ingest", "/symbols", "/traders", "/health")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    message = "The request is malformed."
    if isinstance(exception, DisallowedHost):
        message = "This name is not served here: add it to ALLOWED_HOSTS, or as n8n's to N8N_BACKEND_BASE_URL."
    return answer(request, 400, failure(ErrorCode.VALIDATION_ERROR, message))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return answer(request, 403, failure(ErrorCode.PERMISSION_DENIED, "You may not do this."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return answer(request, 404, failure(ErrorCode.NOT_FOUND, "There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 while the database is away, else 500 with the id that the logs have, and no internals."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        response = answer(request, 503, database_failure())
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    message = "Something went wrong here. Tell staff the request id, and they can look it up."
    return answer(request, 500, failure(ErrorCode.INTERNAL_ERROR, message, {"request_id": request_id.get()}))


def answer(request: HttpRequest, status: int, body: dict[str, object]) -> HttpResponse:
    """Answer a program with the envelope and a browser with a page."""
    if request.path.startswith(API_PREFIXES) or not _is_browser(request):
        return JsonResponse(body, status=status)
    return render(request, "web/error.html", {"status": status, "error": body["error"]}, status=status)


def _is_browser(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")
