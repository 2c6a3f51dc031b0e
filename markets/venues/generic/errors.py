"""What ccxt's exceptions mean for us (pure). They are known by name, so that ccxt is not imported for it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from markets.venues.errors import (
    AuthFailed,
    NotSupported,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RejectReason,
    Retryable,
    VenueDown,
    VenueError,
)
from markets.venues.generic.codes import Verdict
from markets.venues.generic.exchanges import Exchange
from markets.venues.http import NoAnswerError, NotSentError, UnreadableError

SOON = timedelta(seconds=1)
TOO_MANY = 429
AFTER_OWN_LIMIT = timedelta(seconds=5)
AFTER_LIMIT = timedelta(minutes=1)
AFTER_BAN = timedelta(minutes=10)

REASONS: Mapping[str, RejectReason] = {
    "BadSymbol": RejectReason.UNKNOWN_SYMBOL,
    "OrderNotFound": RejectReason.UNKNOWN_ORDER,
    "OrderImmediatelyFillable": RejectReason.POST_ONLY_WOULD_TAKE,
    "OrderNotFillable": RejectReason.NOT_FILLED,
    "MarketClosed": RejectReason.MARKET_CLOSED,
    "ContractUnavailable": RejectReason.MARKET_CLOSED,
    "RestrictedLocation": RejectReason.ACCOUNT_RESTRICTED,
    "ManualInteractionNeeded": RejectReason.ACCOUNT_RESTRICTED,
    "NoChange": RejectReason.UNCHANGED,
    "OperationRejected": RejectReason.REFUSED,
}
# In this order: the first that is found in what the exchange says tells why.
WORDS: tuple[tuple[str, RejectReason], ...] = (
    (r"reduce.?only", RejectReason.REDUCE_ONLY_REFUSED),
    (r"posSide|position (side|mode)", RejectReason.POSITION_SIDE_MISMATCH),
    (r"insufficient|not enough", RejectReason.INSUFFICIENT_BALANCE),
    (r"post.?only|immediately match", RejectReason.POST_ONLY_WOULD_TAKE),
    (r"notional|order value|lower limit|minimum (order )?cost", RejectReason.MIN_NOTIONAL),
    (r"qty|quantity|size|volume|amount", RejectReason.LOT_SIZE),
    (r"price", RejectReason.PRICE_FILTER),
)
REFUSING = frozenset({"InvalidOrder", "BadRequest", "ArgumentsRequired"})
DUPLICATE = re.compile(r"duplicate|already (exists|in use|used)", re.IGNORECASE)
TOO_FREQUENT = re.compile(r"too frequent|too many visits", re.IGNORECASE)
MESSAGE_FIELDS = ("retMsg", "sMsg", "msg", "message", "error")
CODE_FIELDS = ("retCode", "sCode", "code")
RESET = "X-Bapi-Limit-Reset-Timestamp"


@dataclass(frozen=True, slots=True)
class Told:
    """The answer in which an exchange refused; `body` is decoded JSON, or text."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = ""


def error_of(
    error: Exception,
    told: Told | None,
    *,
    exchange: Exchange,
    writes: bool,
    signed: bool,
    contract: bool,
    now: datetime,
) -> VenueError:
    """Return the error to raise. `writes`: the request would have changed something; `signed`: an account has asked."""
    if isinstance(error, VenueError):
        return error
    message, code = _words(error, told)
    names = [kind.__name__ for kind in type(error).__mro__]
    details: dict[str, Any] = {"code": code, "status": told.status if told else 0}
    return (
        _transported(error, writes=writes)
        or _coded(message, exchange, told, now, details, writes=writes, signed=signed)
        or _limited(names, message, told, now, details)
        or _certain(names, message, details, contract=contract)
        or _doubtful(f"{names[0]}: {message}", writes=writes, details=details)
    )


def is_unexpected(error: Exception) -> bool:
    """Whether a failure is neither ours nor one that ccxt foresees: somebody should look at it."""
    ours = isinstance(error, VenueError | NotSentError | NoAnswerError | UnreadableError)
    return not ours and not any(kind.__module__.startswith("ccxt") for kind in type(error).__mro__)


def _transported(error: Exception, *, writes: bool) -> VenueError | None:
    if isinstance(error, NotSentError):
        return VenueDown(f"The exchange cannot be reached ({error}).")
    if isinstance(error, NoAnswerError):
        message = f"The exchange did not answer ({error})."
        return OutcomeUnknown(message) if writes else VenueDown(message)
    if isinstance(error, UnreadableError):
        return OutcomeUnknown(str(error)) if writes else Retryable(str(error), after=SOON)
    return None


def _coded(
    message: str,
    exchange: Exchange,
    told: Told | None,
    now: datetime,
    details: Mapping[str, Any],
    *,
    writes: bool,
    signed: bool,
) -> VenueError | None:
    """Return the error where the exchange's own code says more than ccxt makes of it."""
    match exchange.codes.get(details["code"]):
        case RejectReason() as reason:
            return Rejected(message, reason=reason, **details)
        case Verdict.PERHAPS_DONE:
            return _doubtful(message, writes=writes, details=details)
        case Verdict.NOT_DONE:
            return Retryable(message, after=SOON, **details)
        case Verdict.KEY:
            return AuthFailed(message, **details)
        case Verdict.TOO_OFTEN if signed:
            until = _pause_ends(told.headers if told else {}, now)
            return Retryable(message, after=max(until - now, SOON) if until else AFTER_OWN_LIMIT, **details)
    return None


def _limited(
    names: list[str], message: str, told: Told | None, now: datetime, details: Mapping[str, Any]
) -> VenueError | None:
    banned = told is not None and told.status in {403, 418} and (not isinstance(told.body, dict) or _frequent(message))
    asked_to_wait = told is not None and told.status == TOO_MANY
    if not banned and not asked_to_wait and not {"RateLimitExceeded", "DDoSProtection"} & set(names):
        return None
    until = _pause_ends(told.headers if told else {}, now) or now + (AFTER_BAN if banned else AFTER_LIMIT)
    return RateLimited(message, until=max(until, now), **details)


def _certain(names: list[str], message: str, details: Mapping[str, Any], *, contract: bool) -> VenueError | None:
    """Return the error where the exchange has said for certain that nothing was done."""
    if "DuplicateOrderId" in names or (REFUSING & set(names) and DUPLICATE.search(message)):
        return None  # the order that is there may be the very one that this request repeats
    if "InvalidNonce" in names:
        return Retryable(message, after=timedelta(0), **details)
    if "OnMaintenance" in names:
        return VenueDown(message, **details)
    if "AuthenticationError" in names:
        return AuthFailed(message, **details)
    if "NotSupported" in names:
        return NotSupported(message, **details)
    if "InsufficientFunds" in names:
        reason = RejectReason.INSUFFICIENT_MARGIN if contract else RejectReason.INSUFFICIENT_BALANCE
        return Rejected(message, reason=reason, **details)
    if named := next((REASONS[name] for name in names if name in REASONS), None):
        return Rejected(message, reason=named, **details)
    if REFUSING & set(names):
        return Rejected(message, reason=_reason_in(message, names), **details)
    return None


def _doubtful(message: str, *, writes: bool, details: Mapping[str, Any]) -> VenueError:
    return OutcomeUnknown(message, **details) if writes else VenueDown(message, **details)


def _reason_in(message: str, names: list[str]) -> RejectReason:
    found = next((reason for words, reason in WORDS if re.search(words, message, re.IGNORECASE)), None)
    return found or (RejectReason.REFUSED if "InvalidOrder" in names else RejectReason.BAD_PARAMETERS)


def _words(error: Exception, told: Told | None) -> tuple[str, str]:
    """Return what the exchange said and its code: not ccxt's text, which may hold a signed address."""
    if told is None:
        return (str(error) if type(error).__module__.startswith("ccxt") else type(error).__name__), ""
    found = _flat(told.body)
    message = next((str(found[name]) for name in MESSAGE_FIELDS if found.get(name)), f"HTTP {told.status}")
    return message, next((str(found[name]) for name in CODE_FIELDS if found.get(name) not in {None, ""}), "")


def _flat(body: Any) -> dict[str, Any]:
    """Return the fields of an answer, those of its only row first."""
    if not isinstance(body, dict):
        return {}
    rows = body.get("data")
    inner = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    errors = body.get("error")
    if isinstance(errors, list) and errors:
        return {"error": "; ".join(str(each) for each in errors), "code": errors[0]}
    return {**body, **{name: value for name, value in inner.items() if name in {"sMsg", "sCode"}}}


def _frequent(message: str) -> bool:
    return bool(TOO_FREQUENT.search(message))


def _pause_ends(headers: Mapping[str, str], now: datetime) -> datetime | None:
    seconds, reset = headers.get("Retry-After", ""), headers.get(RESET, "")
    if seconds.isascii() and seconds.isdigit():
        return now + timedelta(seconds=int(seconds))
    if reset.isascii() and reset.isdigit():
        return datetime.fromtimestamp(int(reset) / 1000, UTC)
    return None
