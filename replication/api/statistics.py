"""The figures of somebody's trading and copying."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from copytrade.accounts.models import User
from copytrade.accounts.permissions import MayRead
from copytrade.lib.api.responses import success
from copytrade.lib.wire import plain_digits
from orders.api.shapes import Amount, amount_or_none
from replication.api.orders_examples import LATENCY, REPLICATION, answer
from replication.api.orders_presenting import latency_figures, replication_figures
from replication.api.orders_reading import read_choice
from replication.api.orders_shapes import LatencyFigures, Milliseconds, ReplicationFigures
from replication.selectors.summary import Brought, FollowedFigures, MasterFigures, Summary, summary_of

PERIODS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
PERIOD_PARAMETER = OpenApiParameter(
    "period", str, enum=list(PERIODS), description="Only the last hours or days; all time where it is absent."
)


class MasterSummary(msgspec.Struct, kw_only=True):
    """A master's orders, and what became of them at those who copy. `followers` are those of now."""

    master_id: int
    total_orders: int
    followers: int
    replication: ReplicationFigures


class AssetResults(msgspec.Struct, kw_only=True):
    """Results over the accounts that count in one asset; `realized_pnl` is before `fees`.

    `asset` is null of accounts that have not told it, at a venue that is no longer known here.
    """

    asset: Annotated[str, msgspec.Meta(examples=["USDT"])] | None
    realized_pnl: Amount
    fees: Amount


class FollowedTotals(msgspec.Struct, kw_only=True):
    """What copying brought: decisions by outcome, and money by the asset that the accounts count in.

    `copied` were filled, wholly or in part. `slippage_percent` is the average against the leader's price; above 0 was
    worse. `success_rate` is in percent of what was ordered and is over. `assets` is sorted by name; what is in
    different money is never added up.
    """

    copied: int
    skipped: int
    failed: int
    pending: int
    success_rate: Amount | None
    latency: LatencyFigures
    slippage_percent: Amount | None
    assets: list[AssetResults]


class FollowedSummary(FollowedTotals, kw_only=True):
    """What copying one leader brought; `is_active` while a copy of them has not ended."""

    master_id: int
    master: str
    platform: str
    is_active: bool


class FollowingSummary(msgspec.Struct, kw_only=True):
    """Whom somebody copies, or has copied, each with figures, and the totals."""

    masters: list[FollowedSummary]
    totals: FollowedTotals


class OrderSummary(msgspec.Struct, kw_only=True):
    """Somebody's orders by status, and their replication.

    `success_rate` is the part of orders that were filled (wholly or in part) of these and the failed, in percent.
    `replicated_orders`, `successful_replications`, `failed_replications`, `average_latency_ms` and `followers` are
    those of `master.replication` for a master, and 0 or null for who is none. `copied_orders` are orders of copies.
    """

    period: Annotated[str, msgspec.Meta(examples=["all", "7d"])]
    total_orders: int
    pending: int
    submitted: int
    partial: int
    executed: int
    cancelled: int
    failed: int
    copied_orders: int
    success_rate: Amount | None
    followers: int
    replicated_orders: int
    successful_replications: int
    failed_replications: int
    average_latency_ms: Milliseconds | None
    master: MasterSummary | None
    following: FollowingSummary


class OrderSummaryAnswer(msgspec.Struct):
    """Figures."""

    success: Literal[True]
    data: OrderSummary


TOTALS: dict[str, Any] = {
    "copied": 0,
    "skipped": 0,
    "failed": 0,
    "pending": 0,
    "success_rate": None,
    "latency": {"count": 0, "average_ms": None, "p50_ms": None, "p95_ms": None, "p99_ms": None},
    "slippage_percent": None,
    "assets": [],
}
FOLLOWED: dict[str, Any] = {
    "copied": 10,
    "skipped": 1,
    "failed": 0,
    "pending": 0,
    "success_rate": "100",
    "latency": LATENCY,
    "slippage_percent": "0.0102",
    "assets": [
        {"asset": "INR", "realized_pnl": "5210", "fees": "64.5"},
        {"asset": "USDT", "realized_pnl": "120.5", "fees": "7.35"},
    ],
}
ORDERS: dict[str, Any] = {
    "period": "all",
    "total_orders": 1,
    "pending": 0,
    "submitted": 0,
    "partial": 0,
    "executed": 1,
    "cancelled": 0,
    "failed": 0,
    "copied_orders": 0,
    "success_rate": "100",
}
OF_MASTER: dict[str, Any] = {
    **ORDERS,
    "followers": 10,
    "replicated_orders": 11,
    "successful_replications": 10,
    "failed_replications": 0,
    "average_latency_ms": 95.3,
    "master": {"master_id": 1, "total_orders": 1, "followers": 10, "replication": REPLICATION},
    "following": {"masters": [], "totals": TOTALS},
}
OF_FOLLOWER: dict[str, Any] = {
    **ORDERS,
    "total_orders": 10,
    "executed": 10,
    "copied_orders": 10,
    "followers": 0,
    "replicated_orders": 0,
    "successful_replications": 0,
    "failed_replications": 0,
    "average_latency_ms": None,
    "master": None,
    "following": {
        "masters": [
            {**FOLLOWED, "master_id": 1, "master": "Master Trader", "platform": "house", "is_active": True},
        ],
        "totals": FOLLOWED,
    },
}


class OrderSummaryView(APIView):
    """Figures."""

    permission_classes = [MayRead]

    @extend_schema(
        operation_id="order_statistics",
        summary="My figures",
        tags=["Orders"],
        parameters=[PERIOD_PARAMETER],
        responses=OrderSummaryAnswer,
        examples=[answer(OF_MASTER, "Of a master"), answer(OF_FOLLOWER, "Of a follower")],
    )
    def get(self, request: Request) -> Response:
        """Return the caller's orders by status, their replication for a master, and for a follower each leader."""
        assert isinstance(request.user, User)
        period = read_choice(request.query_params, "period", list(PERIODS))
        since = timezone.now() - PERIODS[period] if period else None
        return success(order_summary(summary_of(user=request.user, since=since), period or "all"))


def order_summary(summary: Summary, period: str) -> OrderSummary:
    """Return the shape of somebody's figures."""
    own, master = summary.orders, summary.master
    outcomes = master.replication.outcomes if master else None
    return OrderSummary(
        period=period,
        total_orders=own.total,
        pending=own.pending,
        submitted=own.submitted,
        partial=own.partial,
        executed=own.executed,
        cancelled=own.cancelled,
        failed=own.failed,
        copied_orders=own.copied,
        success_rate=amount_or_none(own.success_percent),
        followers=master.followers if master else 0,
        replicated_orders=outcomes.total if outcomes else 0,
        successful_replications=outcomes.filled + outcomes.partial if outcomes else 0,
        failed_replications=outcomes.failed if outcomes else 0,
        average_latency_ms=master.replication.latency.average if master else None,
        master=_master(master) if master else None,
        following=FollowingSummary(
            masters=[_followed(figures) for figures in summary.following],
            totals=FollowedTotals(**_totals(summary.totals)),
        ),
    )


def _master(figures: MasterFigures) -> MasterSummary:
    return MasterSummary(
        master_id=figures.master_id,
        total_orders=figures.orders,
        followers=figures.followers,
        replication=replication_figures(figures.replication),
    )


def _followed(figures: FollowedFigures) -> FollowedSummary:
    assert figures.master_id is not None, "totals are no leader"
    return FollowedSummary(
        **_totals(figures),
        master_id=figures.master_id,
        master=figures.name,
        platform=figures.platform,
        is_active=figures.following,
    )


def _totals(figures: FollowedFigures) -> dict[str, Any]:
    outcomes = figures.outcomes
    return {
        "copied": outcomes.filled + outcomes.partial,
        "skipped": outcomes.skipped,
        "failed": outcomes.failed,
        "pending": outcomes.pending,
        "success_rate": amount_or_none(outcomes.success_percent),
        "latency": latency_figures(figures.latency),
        "slippage_percent": amount_or_none(figures.slippage_percent),
        "assets": [_asset(brought) for brought in figures.brought],
    }


def _asset(brought: Brought) -> AssetResults:
    return AssetResults(
        asset=brought.asset or None,
        realized_pnl=plain_digits(brought.realized_pnl),
        fees=plain_digits(brought.fees),
    )
