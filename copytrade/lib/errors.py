"""Errors with a code, a status and a sentence that tells people what to do.

Services raise `ApplicationError`s; the edges (HTTP, WebSocket, commands) present them.
The codes are the API's: `ErrorCode` is listed in the OpenAPI schema.
"""

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Every `error.code` that a client can meet."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    MALFORMED_JSON = "MALFORMED_JSON"
    UPSTREAM_ERROR = "UPSTREAM_ERROR"
    NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    THROTTLED = "THROTTLED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ApplicationError(Exception):
    """A refusal with a reason.

    `message` is a sentence for people, `details` is JSON-ready and for programs.
    """

    code = ErrorCode.VALIDATION_ERROR
    status = 400

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}


class InvalidInput(ApplicationError):
    """The input is wrong; `problems` lists wrong fields with their paths, `count` says how many there are in all."""

    def __init__(self, problems: list[dict[str, str]], *, count: int | None = None) -> None:
        first, total = problems[0], count or len(problems)
        where = first["path"] or "the body"
        more = f" (and {total - 1} more)" if total > 1 else ""
        super().__init__(f"{where}: {first['message']}{more}", details={"errors": problems, "count": total})


class MalformedJson(ApplicationError):
    """The body is not JSON at all."""

    code = ErrorCode.MALFORMED_JSON


class UpstreamError(ApplicationError):
    """The sender forwarded its source's failure instead of data."""

    code = ErrorCode.UPSTREAM_ERROR
    status = 422


class NotFound(ApplicationError):
    """No such object, or not one that this caller may know of."""

    code = ErrorCode.NOT_FOUND
    status = 404


class PayloadTooLarge(ApplicationError):
    """The body is larger than the endpoint takes."""

    code = ErrorCode.PAYLOAD_TOO_LARGE
    status = 413


class ServiceUnavailable(ApplicationError):
    """A part that the request needs is down; the same request works later."""

    code = ErrorCode.SERVICE_UNAVAILABLE
    status = 503
