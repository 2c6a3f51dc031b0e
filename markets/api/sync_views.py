"""Candle sync: started by staff, and how far it is."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.permissions import IsStaff
from copytrade.lib.api.responses import success
from markets.api import examples
from markets.api.parameters import TASK, read_task_id
from markets.api.serializers import QueuedTask, SyncStatus, SyncStatusAnswer, SyncStatusMeta, TaskAnswer
from markets.api.shapes import series_status, task_status
from markets.selectors.candles import series_list
from markets.services.sync import task_send, task_state
from markets.tasks import candles_sync_now

FINISHED = {
    "task_id": examples.TASK_ID,
    "state": "SUCCESS",
    "result": {"series": 40, "failed": 0, "candles": 80},
    "error": None,
}


class SyncNowView(APIView):
    """Syncing at once."""

    permission_classes = [IsStaff]

    @extend_schema(
        operation_id="sync_now",
        summary="Sync all candles now",
        tags=["Administration"],
        request=None,
        responses={202: TaskAnswer},
        examples=examples.answer("Queued", {"task_id": examples.TASK_ID}, status="202"),
    )
    def post(self, request: Request) -> Response:
        """Have a worker bring all series of candles up to date now. Only staff may."""
        response = success(QueuedTask(task_send(candles_sync_now.delay)))
        response.status_code = 202
        return response


class SyncStatusView(APIView):
    """How far the candles are."""

    permission_classes = [IsStaff]
    failures = ("404",)

    @extend_schema(
        operation_id="sync_status",
        summary="How far the candles are",
        tags=["Administration"],
        parameters=[TASK],
        responses=SyncStatusAnswer,
        examples=examples.answer("Status", {"series": [examples.SERIES], "task": FINISHED}, {"total": 1, "failing": 0}),
    )
    def get(self, request: Request) -> Response:
        """Return last run, lag, rows and error of each series, and the state of a task. Only staff may.

        Tasks are known for a day after they were sent; any other id is 404.
        """
        task_id = read_task_id(request.query_params)
        task = task_status(task_state(task_id)) if task_id else None
        now = timezone.now()
        series = [series_status(row, now) for row in series_list()]
        meta = SyncStatusMeta(len(series), sum(1 for row in series if row.error))
        return success(SyncStatus(series, task), meta=meta)
