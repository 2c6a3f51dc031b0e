"""Which plans there are. Anybody may look; `GET /api/users/me` says which one is the caller's."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.billing.api.shapes import PlansAnswer, plan_info
from copytrade.billing.selectors import plans_list
from copytrade.lib.api.responses import success

STARTER: dict[str, Any] = {
    "slug": "starter",
    "name": "Starter",
    "description": "To try it with little.",
    "is_default": True,
    "currency": "USDT",
    "limits": {
        "max_order": "100",
        "max_symbol": None,
        "max_exposure": "1000",
        "max_positions": 5,
        "max_leverage": "3",
        "max_daily_loss": "50",
        "max_drawdown_percent": "20",
        "max_slippage_percent": None,
        "max_signal_age_seconds": None,
    },
    "most_copies": 3,
    "writes_per_minute": 10,
}


class PlanListView(APIView):
    """All plans."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="plans_list",
        summary="Plans",
        tags=["Plans"],
        responses=PlansAnswer,
        examples=[
            OpenApiExample("Plans", {"success": True, "data": [STARTER]}, response_only=True, status_codes=["200"])
        ],
    )
    def get(self, request: Request) -> Response:
        """Return all plans in their order; none where this installation has none, and everybody may do the same."""
        return success([plan_info(plan) for plan in plans_list()])
