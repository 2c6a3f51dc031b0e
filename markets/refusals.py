"""A venue's errors as our own refusals, for those who asked us to ask it."""

import math
from datetime import timedelta

from django.utils import timezone

from copytrade.lib.errors import ApplicationError, VenueRateLimited, VenueRefused, VenueUnavailable
from markets.venues.errors import NotSupported, RateLimited, Rejected, Retryable, VenueError
from markets.venues.registry import venue_info


def refusal_of(error: VenueError | TimeoutError, venue: str) -> ApplicationError:
    """Return the refusal that tells of an error of a read; the venue's own words stand in it and in its details."""
    name = venue_info(venue).name
    if isinstance(error, TimeoutError):
        return VenueUnavailable(f"{name} did not answer in time.", details={"venue": venue})
    details = {"venue": venue, "venue_code": error.code, "venue_message": error.message}
    match error:
        case Rejected() | NotSupported():
            reason = error.reason if isinstance(error, Rejected) else "NOT_SUPPORTED"
            return VenueRefused(
                f"{name} refuses: {error.message}",
                venue=venue,
                venue_code=error.code,
                venue_message=error.message,
                reason=reason,
            )
        case RateLimited():
            wait = _seconds(error.until - timezone.now())
            return VenueRateLimited(f"{name} takes no more requests now.", retry_after_seconds=wait, details=details)
        case Retryable():
            wait = _seconds(error.after)
            return VenueUnavailable(f"{name} is busy: {error.message}", details=details, retry_after_seconds=wait)
        case _:
            return VenueUnavailable(f"{name} cannot be reached: {error.message}", details=details)


def _seconds(wait: timedelta) -> int:
    return max(1, math.ceil(wait.total_seconds()))
