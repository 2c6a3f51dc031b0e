"""Request budgets per caller, counted in Redis; without Redis they are not enforced, and the log says so."""

import logging
import math
import time
from typing import TYPE_CHECKING

from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from copytrade.lib.redis import count

if TYPE_CHECKING:  # importing it here would be a circle
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


def window_now(seconds: float) -> tuple[str, float]:
    """Return the name of the window of so many seconds that it is now, and how many of them remain."""
    number, elapsed = divmod(time.time(), seconds)
    return f"{seconds:g}:{number:.0f}", seconds - elapsed


class WindowThrottle(BaseThrottle):
    """At most `limit` requests per caller in each window of `window_seconds`."""

    scope = ""

    def limit(self) -> int:
        """Return how many requests a window takes."""
        raise NotImplementedError

    def window_seconds(self) -> float:
        """Return how long a window is."""
        return 60.0

    def caller(self, request: Request) -> str:
        """Return who asks: the user, else the address."""
        if request.user is not None and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"address:{self.get_ident(request)}"

    def has_room(self, taken: int, request: Request) -> bool:
        """Return whether the caller may make so many requests in this window."""
        return taken <= self.limit()

    def allow_request(self, request: Request, view: "APIView | None" = None) -> bool:
        """Count the request; true while the caller's window has room."""
        seconds = self.window_seconds()
        window, self.remaining = window_now(seconds)
        key = f"copytrade:throttle:{self.scope}:{self.caller(request)}:{window}"
        try:
            return self.has_room(count(key, seconds=math.ceil(seconds) + 1), request)
        except RedisError as error:
            logger.warning("Requests are not counted, since Redis does not answer: %s", error)
            return True

    def wait(self) -> float:
        """Return the seconds until the next window."""
        return self.remaining


class AddressThrottle(WindowThrottle):
    """Requests a minute and address, three times the logins that may fail: people behind one address share it."""

    def limit(self) -> int:
        """Return the budget."""
        return 3 * int(settings.LOGIN_RATE_LIMIT_MAX)

    def caller(self, request: Request) -> str:
        """Return the address."""
        return f"address:{self.get_ident(request)}"


class RegisterThrottle(AddressThrottle):
    """As many registrations a minute and address as logins that fail."""

    scope = "register"


class FailedKeyThrottle(AddressThrottle):
    """As many wrong API keys a minute and address as failed logins. Only they count: right keys get in beside them."""

    scope = "failed-key"


class ApiThrottle(WindowThrottle):
    """`API_RATE_LIMIT_MAX` a minute per user or address."""

    scope = "api"

    def limit(self) -> int:
        """Return the configured budget."""
        return int(settings.API_RATE_LIMIT_MAX)
