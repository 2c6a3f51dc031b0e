"""A venue's errors, and orders that came to nothing, as our own refusals: what people and programs are told."""

import math
from datetime import timedelta
from typing import Any

from django.utils import timezone

from copytrade.lib.errors import (
    ApplicationError,
    LiveTradingOff,
    TradingHalted,
    VenueAuthFailed,
    VenueRateLimited,
    VenueRefused,
    VenueUnavailable,
)
from markets.venues.errors import AuthFailed, NotSupported, RateLimited, Rejected, Retryable, VenueError
from markets.venues.registry import venues
from orders.models import Order
from orders.states import OrderState

Details = dict[str, Any]


def presented(error: VenueError | TimeoutError, venue: str) -> ApplicationError:
    """Return the refusal that tells of a venue's error; the venue's own words stand in it and in its details."""
    name = _name(venue)
    if isinstance(error, TimeoutError):
        return VenueUnavailable(f"{name} did not answer in time.", details={"venue": venue})
    details: Details = {"venue": venue, "venue_code": error.code, "venue_message": error.message}
    match error:
        case Rejected():
            return _refused(f"{name} refuses: {error.message}", error, venue, error.reason)
        case NotSupported():
            return _refused(f"{name} cannot do this: {error.message}", error, venue, "NOT_SUPPORTED")
        case AuthFailed():
            return VenueAuthFailed(f"{name} refuses the key: {error.message}", details=details)
        case RateLimited():
            wait = _seconds(error.until - timezone.now())
            return VenueRateLimited(f"{name} takes no more requests now.", retry_after_seconds=wait, details=details)
        case Retryable():
            wait = _seconds(error.after)
            return VenueUnavailable(f"{name} is busy: {error.message}", details=details, retry_after_seconds=wait)
        case _:
            return VenueUnavailable(f"{name} cannot be reached: {error.message}", details=details)


def order_refusal(order: Order) -> ApplicationError | None:
    """Return why an order came to nothing, None for one that the venue has, may have, or will get."""
    if order.state not in {OrderState.REJECTED, OrderState.FAILED}:
        return None
    name, venue = _name(order.account.venue), order.account.venue
    details: Details = {"order_id": order.pk, "client_order_id": order.client_order_id, "reason": order.reason_code}
    match order.reason_code:
        case "TRADING_HALTED" | "ACCOUNT_PAUSED":
            return TradingHalted(order.reason, details=details)
        case "LIVE_TRADING_OFF":
            return LiveTradingOff(order.reason, details=details)
        case "AUTH_FAILED":
            return VenueAuthFailed(f"{name} refuses the account's key: {order.reason}", details=details)
    if order.state == OrderState.REJECTED:
        refusal = VenueRefused(f"{name} refused the order: {order.reason}", venue=venue, venue_message=order.reason)
        refusal.details |= details
        return refusal
    return VenueUnavailable(f"The order did not reach {name}: {order.reason}", details=details)


def _name(venue: str) -> str:
    known = venues().get(venue)
    return known.name if known else venue


def _refused(message: str, error: VenueError, venue: str, reason: str) -> VenueRefused:
    return VenueRefused(
        message,
        venue=venue,
        venue_code=error.code,
        venue_message=error.message,
        reason=reason,
    )


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
