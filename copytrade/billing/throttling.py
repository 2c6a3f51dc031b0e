"""The budget of orders and other trades, which a plan may make larger."""

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from copytrade.accounts.models import User
from copytrade.billing.selectors import plan_writes_per_minute
from copytrade.lib.api.throttling import WindowThrottle

if TYPE_CHECKING:  # importing it here would be a circle
    from rest_framework.views import APIView


class WriteThrottle(WindowThrottle):
    """`ORDER_RATE_LIMIT_MAX` orders and other trades a minute and user, or what their plan says where that is more.

    Reading is free of it. The plan is asked for only by who has used up what everybody has. Stands beside `ApiThrottle`
    in a view's `throttle_classes`.
    """

    scope = "write"

    def limit(self) -> int:
        """Return the budget that everybody has."""
        return int(settings.ORDER_RATE_LIMIT_MAX)

    def has_room(self, taken: int, request: Request) -> bool:
        """Return whether the caller may take so many, by the settings or by their plan."""
        if super().has_room(taken, request):
            return True
        return isinstance(request.user, User) and taken <= plan_writes_per_minute(request.user)

    def allow_request(self, request: Request, view: "APIView | None" = None) -> bool:
        """Count what changes something."""
        return request.method in SAFE_METHODS or super().allow_request(request, view)
