"""Every failure as the one error envelope, with the right status."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.errors import ApplicationError, ErrorCode

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
BEARER = 'Bearer realm="api"'

CODES: dict[type[Exception], ErrorCode] = {
    exceptions.ParseError: ErrorCode.MALFORMED_JSON,
    exceptions.NotAuthenticated: ErrorCode.NOT_AUTHENTICATED,
    exceptions.AuthenticationFailed: ErrorCode.AUTHENTICATION_FAILED,
    exceptions.PermissionDenied: ErrorCode.PERMISSION_DENIED,
    exceptions.NotFound: ErrorCode.NOT_FOUND,
    exceptions.MethodNotAllowed: ErrorCode.METHOD_NOT_ALLOWED,
    exceptions.NotAcceptable: ErrorCode.NOT_ACCEPTABLE,
    exceptions.UnsupportedMediaType: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    exceptions.Throttled: ErrorCode.THROTTLED,
}


def failure(code: ErrorCode, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of an error."""
    return {"success": False, "error": {"code": code.value, "message": message, "details": details or {}}}


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into an answer; None leaves it to the handler of unexpected ones."""
    match exception:
        case ApplicationError():
            return application_failure(exception)
        case Http404():
            return Response(failure(ErrorCode.NOT_FOUND, str(exception) or "Not found."), status=404)
        case PermissionDenied():
            return Response(failure(ErrorCode.PERMISSION_DENIED, "You may not do this."), status=403)
        case RequestDataTooBig():
            return Response(failure(ErrorCode.PAYLOAD_TOO_LARGE, "The body is too large."), status=413)
        case exceptions.ValidationError():
            return Response(validation_failure(exception), status=400)
        case exceptions.APIException():
            return api_failure(exception)
        case _ if isinstance(exception, DATABASE_AWAY):
            logger.error("The database did not answer: %s", exception)
            return Response(database_failure(), status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    return None


def application_failure(exception: ApplicationError) -> Response:
    """Return the answer to a refusal of ours."""
    headers = {}
    if exception.retry_after_seconds is not None:
        headers["Retry-After"] = str(exception.retry_after_seconds)
    if exception.status == 401:
        headers["WWW-Authenticate"] = BEARER
    body = failure(exception.code, exception.message, exception.details)
    return Response(body, status=exception.status, headers=headers)


def api_failure(exception: exceptions.APIException) -> Response:
    """Return the answer to one of REST framework's own exceptions."""
    headers = {}
    details = {}
    if header := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = header
    wait = getattr(exception, "wait", None)
    if wait is not None:
        seconds = max(1, int(wait + 0.999))
        headers["Retry-After"] = str(seconds)
        details["retry_after_seconds"] = seconds
    code = next((code for kind, code in CODES.items() if isinstance(exception, kind)), ErrorCode.INTERNAL_ERROR)
    return Response(failure(code, str(exception.detail), details), status=exception.status_code, headers=headers)


def validation_failure(exception: exceptions.ValidationError) -> dict[str, Any]:
    """Return the body that lists each wrong field of a serializer."""
    problems = list(_problems(exception.detail, ""))
    message = f"{problems[0]['path']}: {problems[0]['message']}" if problems else "The input is wrong."
    return failure(ErrorCode.VALIDATION_ERROR, message, {"errors": problems})


def database_failure() -> dict[str, Any]:
    """Return the body for a database that is away or too busy; it shows nothing of the database itself."""
    return failure(
        ErrorCode.SERVICE_UNAVAILABLE,
        "The database does not answer right now. Nothing of this request was stored; send it again.",
    )


def _problems(detail: Any, path: str) -> Any:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _problems(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(inner, (dict, list)) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _problems(inner, f"{path}[{index}]")
    elif isinstance(detail, list):
        yield from ({"path": path, "message": str(message)} for message in detail)
    else:
        yield {"path": path, "message": str(detail)}
