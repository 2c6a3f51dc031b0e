"""How often somebody may try to log in, wherever it is asked for: what fails is counted, what succeeds is not."""

import logging
import math
from hashlib import sha256

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from copytrade.accounts.models import User
from copytrade.lib.api.throttling import window_now
from copytrade.lib.errors import ApplicationError, ErrorCode
from copytrade.lib.redis import count

logger = logging.getLogger(__name__)

WRONG_LOGIN = "The name or the password is wrong, or this account is not active."
WINDOW_SECONDS = 60.0
OF_ADDRESS, FROM_EVERYWHERE = 3, 10  # times what somebody has from one address


class TooManyLogins(ApplicationError):
    """Too many logins failed; whether this one would is not looked at."""

    code = ErrorCode.THROTTLED
    status = 429

    def __init__(self, wait: float) -> None:
        seconds = max(1, math.ceil(wait))
        super().__init__(
            f"Too many logins failed: try again in {seconds} second{'' if seconds == 1 else 's'}.",
            retry_after_seconds=seconds,
        )


class LoginAttempt:
    """An attempt to log in. It counts until it has succeeded, so that many at once do not pass the budget together.

    From one address somebody has `LOGIN_RATE_LIMIT_MAX` failures a minute, by whichever of their names, so that nobody
    keeps others out from elsewhere. An address has three times as many for all names together, and a person ten times
    as many from all addresses. A name that nobody has is counted as a person is, so that this does not tell it.
    """

    def __init__(self, *, request: HttpRequest, login: str, user: User | None) -> None:
        most = int(settings.LOGIN_RATE_LIMIT_MAX)
        address = f"address:{BaseThrottle().get_ident(Request(request))}"
        whom = f"user:{user.pk}" if user else f"name:{sha256(login.lower().encode(errors='replace')).hexdigest()}"
        window, self.remaining = window_now(WINDOW_SECONDS)
        budgets = {f"{whom}:{address}": most, address: OF_ADDRESS * most, whom: FROM_EVERYWHERE * most}
        self.budgets = {f"copytrade:login:{of}:{window}": limit for of, limit in budgets.items()}

    def begin(self) -> None:
        """Count the attempt; `TooManyLogins` where a budget is used up. What is refused uses up no further ones."""
        for key, limit in self.budgets.items():
            if _add(key, 1) > limit:
                raise TooManyLogins(self.remaining)

    def succeed(self) -> None:
        """Count it no longer."""
        for key in self.budgets:
            _add(key, -1)


def _add(key: str, number: int) -> int:
    """Add to a counter and return the sum; while Redis is away, to one of this process: guessing stays bounded."""
    seconds = math.ceil(WINDOW_SECONDS) + 1
    try:
        return count(key, seconds=seconds, by=number)
    except RedisError as error:
        logger.warning("Each process counts failed logins by itself, since Redis does not answer: %s", error)
        caches["process"].add(key, 0, seconds)
        return caches["process"].incr(key, number)
