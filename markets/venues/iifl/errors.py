"""What XTS's refusals mean (pure). An answer is judged by its `type` and `code`: its HTTP status differs by broker."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from markets.venues.errors import (
    AuthFailed,
    OutcomeUnknown,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)

SOON = timedelta(seconds=1)
NO_DATA = re.compile(r"e-[a-z]+-0005", re.ASCII)
NOT_FOUND = "e-orders-0001"
RATE_LIMIT = "e-apirl-0004"
NO_SESSION = frozenset({"e-session-0002", "e-token-0002"})
NO_INSTRUMENT = "e-instrument-0001"
MALFORMED = "e-property-validation-failed"
TOO_MANY, UNAUTHORIZED, SERVER_FAILED = 429, 401, 500

# What risk management, the exchange and the interface say, in the order in which it is looked for.
REASONS: tuple[tuple[str, RejectReason], ...] = (
    (r"trigger", RejectReason.WOULD_TRIGGER),
    (r"margin", RejectReason.INSUFFICIENT_MARGIN),
    (r"fund|insufficient balance|holding", RejectReason.INSUFFICIENT_BALANCE),
    (r"circuit|price range|price band|dpr", RejectReason.PRICE_BAND),
    (r"tick", RejectReason.PRICE_FILTER),
    (r"freeze|lot size|multiple|quantity", RejectReason.LOT_SIZE),
    (r"not found|does not exist", RejectReason.UNKNOWN_ORDER),
    (r"market.*clos|closed.*market|not open|amo\b", RejectReason.MARKET_CLOSED),
    (r"block|suspend|disabled|not allowed|not permitted", RejectReason.ACCOUNT_RESTRICTED),
)


class SessionGoneError(AuthFailed):
    """The token is no longer good; whoever logs in gets another."""


def is_success(body: Any) -> bool:
    """Whether a decoded body is an answer that carries a result."""
    return isinstance(body, Mapping) and body.get("type") == "success"


def is_no_data(body: Any) -> bool:
    """Whether XTS says, as an error, that a list is empty."""
    if not isinstance(body, Mapping) or body.get("type") != "error":
        return False
    said = str(body.get("description", "")).lower()
    return bool(NO_DATA.fullmatch(str(body.get("code", "")))) or "data not available" in said


def unwrapped(body: Any) -> Any:
    """Return an answer without the second envelope that some servers put around it."""
    if isinstance(body, Mapping) and "type" not in body and isinstance(body.get("data"), Mapping):
        return body["data"]
    return body


def error_of(status: int, body: Any, *, writes: bool, by_token: bool = True) -> VenueError:
    """Return what an answer without a result says; `writes` where the request may have changed something.

    A page with HTTP 401 says that the token is gone, where there was one. A pause (`RATE_LIMIT`) concerns one account
    alone, and a request that meets it was not carried out.
    """
    if not isinstance(body, Mapping) or body.get("type") != "error":
        return _no_answer(status, writes=writes, by_token=by_token)
    code, message = str(body.get("code", "")), _message(body)
    if code == RATE_LIMIT or status == TOO_MANY:
        return Retryable(message, after=SOON, code=RATE_LIMIT, status=status)
    if code in NO_SESSION or status == UNAUTHORIZED or "invalid token" in message.lower():
        return SessionGoneError(message, code=code, status=status)
    if status >= SERVER_FAILED:
        return _no_answer(status, writes=writes, by_token=by_token)
    if code == NOT_FOUND and not writes:
        return Retryable(message, after=SOON, code=code, status=status)
    return Rejected(message, reason=_reason(code, message), code=code, status=status)


def reason_of(text: str) -> RejectReason:
    """Return why an order was refused, by the words of XTS or of the exchange."""
    lowered = text.lower()
    return next((reason for words, reason in REASONS if re.search(words, lowered)), RejectReason.REFUSED)


def _reason(code: str, message: str) -> RejectReason:
    named = {
        NOT_FOUND: RejectReason.UNKNOWN_ORDER,
        NO_INSTRUMENT: RejectReason.UNKNOWN_SYMBOL,
        MALFORMED: RejectReason.BAD_PARAMETERS,
    }
    return named.get(code) or reason_of(message)


def _message(body: Mapping[str, Any]) -> str:
    """Return the description, with what is said of the fields of a malformed request."""
    result = body.get("result")
    errors = result.get("errors") if isinstance(result, Mapping) else None
    details = [str(text) for row in errors or () if isinstance(row, Mapping) for text in row.get("messages", ())]
    return ": ".join([str(body.get("description") or "The venue gave no reason."), *details])[:500]


def _no_answer(status: int, *, writes: bool, by_token: bool) -> VenueError:
    message = f"IIFL answered HTTP {status} with something else than a result."
    if by_token and status == UNAUTHORIZED:
        return SessionGoneError(message, status=status)
    return OutcomeUnknown(message, status=status) if writes else VenueDown(message, status=status)
