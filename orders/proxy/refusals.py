"""What a caller is told of an order that was not placed (pure).

The reasons are those of `markets.venues.errors.RejectReason` and of the executor's own refusals.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from copytrade.lib.errors import (
    ApplicationError,
    LiveTradingOff,
    TradingHalted,
    VenueAuthFailed,
    VenueRateLimited,
    VenueRefused,
    VenueUnavailable,
)
from orders.states import OrderState

RETRY_SECONDS = 60  # where nobody knows when the venue takes requests again


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that is REJECTED or FAILED, and why.

    `venue_code` is the venue's own number, `send_after` when it would take the order, where that is known.
    """

    id: int
    client_order_id: str
    state: OrderState
    reason_code: str
    reason: str
    venue: str
    venue_code: str
    send_after: datetime


def refusal_of(refused: Refused, *, now: datetime) -> ApplicationError:
    """Return the error to answer with; its details name the order, the venue, and the venue's own words."""
    if refused.state == OrderState.REJECTED:
        error: ApplicationError = _rejected(refused)
    else:
        error = _OURS.get(refused.reason_code, _unavailable)(refused, now)
    named = {"id": refused.id, "client_order_id": refused.client_order_id, "state": refused.state.value}
    error.details = {**_venue_words(refused), **error.details, **named}
    return error


def _venue_words(refused: Refused) -> dict[str, str]:
    return {
        "venue": refused.venue,
        "venue_code": refused.venue_code,
        "venue_message": refused.reason,
        "reason": refused.reason_code,
    }


def _rejected(refused: Refused) -> VenueRefused:
    words = refused.reason or "it gave no reason"
    code = f" ({refused.venue_code})" if refused.venue_code else ""
    return VenueRefused(
        f"The venue refused the order: {words}{code}",
        venue=refused.venue,
        venue_code=refused.venue_code,
        venue_message=refused.reason,
        reason=refused.reason_code or "REFUSED",
    )


def _limited(refused: Refused, now: datetime) -> ApplicationError:
    return VenueRateLimited(
        f"The venue takes no more requests now; nothing was placed: {refused.reason}",
        retry_after_seconds=_seconds(refused, now) or RETRY_SECONDS,
    )


def _auth_failed(refused: Refused, now: datetime) -> ApplicationError:
    return VenueAuthFailed(f"The venue refuses the account's key; nothing was placed: {refused.reason}")


def _halted(refused: Refused, now: datetime) -> ApplicationError:
    return TradingHalted(refused.reason)


def _live_off(refused: Refused, now: datetime) -> ApplicationError:
    return LiveTradingOff(refused.reason)


def _not_supported(refused: Refused, now: datetime) -> ApplicationError:
    return _rejected(refused)


def _unavailable(refused: Refused, now: datetime) -> ApplicationError:
    return VenueUnavailable(
        f"The venue did not take the order, nothing was placed: {refused.reason}",
        retry_after_seconds=_seconds(refused, now),
    )


def _seconds(refused: Refused, now: datetime) -> int | None:
    seconds = math.ceil((refused.send_after - now).total_seconds())
    return seconds if seconds > 0 else None


_OURS: Mapping[str, Callable[[Refused, datetime], ApplicationError]] = {
    "RATE_LIMITED": _limited,
    "AUTH_FAILED": _auth_failed,
    "TRADING_HALTED": _halted,
    "ACCOUNT_PAUSED": _halted,
    "LIVE_TRADING_OFF": _live_off,
    "NOT_SUPPORTED": _not_supported,
}
