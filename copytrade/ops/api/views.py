"""Health for people and for what watches the processes. Not throttled, not wrapped in the envelope."""

from datetime import UTC, datetime

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.lib.wire import iso_time
from copytrade.ops.api.serializers import HealthReport, ProbeReport
from copytrade.ops.health import check_health


class HealthView(APIView):
    """The whole installation."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    @extend_schema(
        operation_id="health",
        summary="What works",
        tags=["Health"],
        responses={200: HealthReport, 503: HealthReport},
    )
    def get(self, request: Request) -> Response:
        """Return the state of each part; 503 where requests cannot be answered."""
        health = check_health()
        return _uncached(health.report(), ready=health.ready)


class ReadyView(HealthView):
    """Whether to send requests here."""

    @extend_schema(
        operation_id="health_ready",
        summary="Readiness probe",
        tags=["Health"],
        responses={200: ProbeReport, 503: ProbeReport},
    )
    def get(self, request: Request) -> Response:
        """Return 200 where requests can be answered, else 503."""
        ready = check_health().ready
        return _uncached({"status": "ready" if ready else "not ready", "timestamp": _now()}, ready=ready)


class LiveView(HealthView):
    """Whether the process runs."""

    @extend_schema(operation_id="health_live", summary="Liveness probe", tags=["Health"], responses=ProbeReport)
    def get(self, request: Request) -> Response:
        """Return 200."""
        return _uncached({"status": "alive", "timestamp": _now()}, ready=True)


def _uncached(body: dict[str, object], *, ready: bool) -> Response:
    return Response(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def _now() -> str:
    return iso_time(datetime.now(UTC))
