"""What can go wrong at a venue, named by what to do about it (pure).

The one question that matters is whether the order may exist. `OutcomeUnknown` alone says "perhaps": ask the venue
for the client order id. All others are proof that nothing was placed.
"""

from datetime import datetime, timedelta
from enum import StrEnum


class RejectReason(StrEnum):
    """Why a venue refused, in words that are the same for all venues."""

    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    INSUFFICIENT_MARGIN = "INSUFFICIENT_MARGIN"
    PRICE_FILTER = "PRICE_FILTER"
    PRICE_BAND = "PRICE_BAND"
    LOT_SIZE = "LOT_SIZE"
    MIN_NOTIONAL = "MIN_NOTIONAL"
    TOO_MANY_OPEN_ORDERS = "TOO_MANY_OPEN_ORDERS"
    POSITION_LIMIT = "POSITION_LIMIT"
    POSITION_SIDE_MISMATCH = "POSITION_SIDE_MISMATCH"
    REDUCE_ONLY_REFUSED = "REDUCE_ONLY_REFUSED"
    ONLY_REDUCING = "ONLY_REDUCING"
    LEVERAGE_REFUSED = "LEVERAGE_REFUSED"
    DUPLICATE_CLIENT_ORDER_ID = "DUPLICATE_CLIENT_ORDER_ID"
    WOULD_TRIGGER = "WOULD_TRIGGER"
    POST_ONLY_WOULD_TAKE = "POST_ONLY_WOULD_TAKE"
    NOT_FILLED = "NOT_FILLED"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    MARKET_CLOSED = "MARKET_CLOSED"
    STALE_PRICE = "STALE_PRICE"
    ACCOUNT_RESTRICTED = "ACCOUNT_RESTRICTED"
    EXPOSURE_OPEN = "EXPOSURE_OPEN"
    UNCHANGED = "UNCHANGED"
    BAD_PARAMETERS = "BAD_PARAMETERS"
    REFUSED = "REFUSED"


class VenueError(Exception):
    """A venue refused or failed.

    `message` is in the venue's own words, `code` is the venue's own (empty where it gave none), `status` is its HTTP
    status (0 where there was no answer).
    """

    def __init__(self, message: str, *, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class Rejected(VenueError):
    """The venue will not do this, now or later, as it stands. `reason` is one of `RejectReason`, for programs."""

    def __init__(self, message: str, *, reason: str = RejectReason.REFUSED, code: str = "", status: int = 0) -> None:
        super().__init__(message, code=code, status=status)
        self.reason = reason


class Retryable(VenueError):
    """Definitely not done; the same request may be sent again after a while."""

    def __init__(self, message: str, *, after: timedelta, code: str = "", status: int = 0) -> None:
        super().__init__(message, code=code, status=status)
        self.after = after


class OutcomeUnknown(VenueError):
    """Nobody knows whether it was done. Ask; never send again before the venue has said no."""


class RateLimited(VenueError):
    """Definitely not done, and nobody who shares the budget may call before `until`."""

    def __init__(self, message: str, *, until: datetime, code: str = "", status: int = 0) -> None:
        super().__init__(message, code=code, status=status)
        self.until = until


class AuthFailed(VenueError):
    """The key is wrong, revoked, or lacks the permission: pause the account and tell its owner."""


class VenueDown(VenueError):
    """The venue cannot be reached or is closed; definitely not done."""


class NotSupported(VenueError):
    """This venue has no such thing; a caller that reads the capabilities never meets it."""
