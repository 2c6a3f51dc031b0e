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
    CONFLICT = "CONFLICT"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    TRADING_HALTED = "TRADING_HALTED"
    LIVE_TRADING_OFF = "LIVE_TRADING_OFF"
    VENUE_REJECTED = "VENUE_REJECTED"
    VENUE_AUTH_FAILED = "VENUE_AUTH_FAILED"
    VENUE_RATE_LIMITED = "VENUE_RATE_LIMITED"
    VENUE_UNAVAILABLE = "VENUE_UNAVAILABLE"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    THROTTLED = "THROTTLED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class ApplicationError(Exception):
    """A refusal with a reason.

    `message` is a sentence for people, `details` is JSON-ready and for programs. `retry_after_seconds`, where it is
    given, becomes a detail and the `Retry-After` header.
    """

    code = ErrorCode.VALIDATION_ERROR
    status = 400

    def __init__(
        self, message: str, *, details: dict[str, Any] | None = None, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        wait = {} if retry_after_seconds is None else {"retry_after_seconds": retry_after_seconds}
        self.details = {**(details or {}), **wait}


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


class LoginRefused(ApplicationError):
    """The name and password, or the token, stand for nobody who may come in."""

    code = ErrorCode.AUTHENTICATION_FAILED
    status = 401


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


class IdempotencyConflict(ApplicationError):
    """The idempotency key was used before, for something else."""

    code = ErrorCode.IDEMPOTENCY_CONFLICT
    status = 409


class TradingHalted(ApplicationError):
    """Somebody halted trading: everywhere, at this venue, or on this account."""

    code = ErrorCode.TRADING_HALTED
    status = 409


class LiveTradingOff(ApplicationError):
    """A live account, but live trading is off in this installation or on this account."""

    code = ErrorCode.LIVE_TRADING_OFF
    status = 409


class VenueRefused(ApplicationError):
    """The venue said no, finally, in its own words.

    `details` holds `venue` (its slug), `venue_code` and `venue_message` (as the venue gave them, empty where it gave
    none) and `reason` (one of `RejectReason`). `status` is the one to answer with, 422 unless a 4xx is given.
    """

    code = ErrorCode.VENUE_REJECTED
    status = 422

    def __init__(
        self,
        message: str,
        *,
        venue: str,
        venue_code: str = "",
        venue_message: str = "",
        reason: str = "REFUSED",
        status: int = 422,
    ) -> None:
        super().__init__(
            message,
            details={"venue": venue, "venue_code": venue_code, "venue_message": venue_message, "reason": reason},
        )
        self.status = status if 400 <= status < 500 else 422


class VenueAuthFailed(ApplicationError):
    """The venue refuses the account's own key: its owner has to mend that, so it is no 401 of ours."""

    code = ErrorCode.VENUE_AUTH_FAILED
    status = 409


class VenueRateLimited(ApplicationError):
    """The venue's budget is used up, or it banned this address; nothing was placed."""

    code = ErrorCode.VENUE_RATE_LIMITED
    status = 429

    def __init__(self, message: str, *, retry_after_seconds: int, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details=details, retry_after_seconds=max(1, retry_after_seconds))


class VenueUnavailable(ApplicationError):
    """The venue cannot be reached or is closed; nothing was placed."""

    code = ErrorCode.VENUE_UNAVAILABLE
    status = 503
