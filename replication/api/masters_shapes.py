"""Masters and copies as they stand on the wire."""

from typing import Annotated, Any, Literal

import msgspec

from copytrade.lib.wire import iso_time, iso_time_or_none, plain_digits
from orders.api.shapes import Amount, Time, amount_or_none
from replication.api.masters_reading import StrategyWord
from replication.api.orders_presenting import latency_figures
from replication.api.orders_shapes import LatencyFigures
from replication.selectors.masters import CopyView, MasterView
from replication.selectors.values import money_asset
from replication.terms import AMOUNTS
from traders.api.serializers import PageMeta

CopyStateWord = Literal["active", "paused", "stopping", "ended"]


class MasterEntry(msgspec.Struct, kw_only=True):
    """A leader who is open to be copied; follow by `master_id`, or by `platform` and `lead_id`.

    `success_rate` (in percent) and `latency` are those of the last 30 days of those who copy, and up to a minute old.
    `realized_pnl` is what the master's leading accounts realised, after fees, in `pnl_asset`; `roi_percent` sets it
    against what was paid in, which is known of paper accounts only.
    """

    master_id: int
    platform: str
    lead_id: str
    nickname: str
    featured: bool
    followers: int
    total_orders: int
    success_rate: Amount | None
    average_latency_ms: float | None
    latency: LatencyFigures
    realized_pnl: Amount | None
    pnl_asset: Annotated[str, msgspec.Meta(examples=["INR"])] | None
    roi_percent: Amount | None
    running_days: int
    since: Time


class CopyResults(msgspec.Struct, kw_only=True):
    """What a copy came to. Money is in `asset`, its account's; null where a position has no fresh price.

    `copied` were filled, wholly or in part; `success_rate` is their part of what was ordered, in percent.
    """

    copied: int
    skipped: int
    failed: int
    pending: int
    success_rate: Amount | None
    latency: LatencyFigures
    open_positions: int
    asset: Annotated[str, msgspec.Meta(examples=["INR"])] | None
    realized_pnl: Amount
    fees: Amount
    unrealized_pnl: Amount | None
    value: Amount | None


class FollowedMaster(msgspec.Struct, kw_only=True):
    """A copy: who is copied on which account, how, within which limits, and what it came to."""

    id: int
    master_id: int
    master: str
    platform: str
    account_id: int
    account_name: str
    state: CopyStateWord
    state_reason: str | None
    is_active: bool
    copy_strategy: StrategyWord
    ratio: Amount | None
    percentage: Amount | None
    fixed_quantity: Amount | None
    fixed_amount: Amount | None
    tiers: list[dict[str, str]]
    inverted: bool
    allocated: Amount | None
    max_order: Amount | None
    max_symbol: Amount | None
    max_exposure: Amount | None
    max_positions: int | None
    max_leverage: Amount | None
    max_daily_loss: Amount | None
    max_drawdown_percent: Amount | None
    max_slippage_percent: Amount | None
    max_signal_age_seconds: int
    allowed_symbols: list[str]
    denied_symbols: list[str]
    minimum_policy: Literal["skip", "accumulate"]
    copy_open_positions: bool
    trading_hours: dict[str, Any] | None
    results: CopyResults
    started_at: Time
    ended_at: Time | None


class Unfollowed(msgspec.Struct, kw_only=True):
    """The copies that were told to stop. One in state `stopping` still closes what it holds."""

    master_id: int
    copies: list[FollowedMaster]


class MastersAnswer(msgspec.Struct):
    """Masters, best first."""

    success: Literal[True]
    data: list[MasterEntry]
    meta: PageMeta


class FollowedMasterAnswer(msgspec.Struct):
    """A copy."""

    success: Literal[True]
    data: FollowedMaster


class FollowingAnswer(msgspec.Struct):
    """Copies, newest first."""

    success: Literal[True]
    data: list[FollowedMaster]
    meta: PageMeta


class UnfollowedAnswer(msgspec.Struct):
    """What was stopped."""

    success: Literal[True]
    data: Unfollowed


def master_entry(view: MasterView) -> MasterEntry:
    """Return the shape of a master."""
    return MasterEntry(
        master_id=view.master_id,
        platform=view.platform,
        lead_id=view.lead_id,
        nickname=view.name,
        featured=view.featured,
        followers=view.followers,
        total_orders=view.orders,
        success_rate=amount_or_none(view.success_percent),
        average_latency_ms=view.latency.average,
        latency=latency_figures(view.latency),
        realized_pnl=amount_or_none(view.pnl),
        pnl_asset=view.asset or None,
        roi_percent=amount_or_none(view.roi_percent),
        running_days=view.running_days,
        since=iso_time(view.since),
    )


def followed_master(view: CopyView) -> FollowedMaster:
    """Return the shape of a copy."""
    copy = view.copy
    amounts = {name: amount_or_none(getattr(copy, name)) for name in AMOUNTS}
    return FollowedMaster(
        **amounts,
        id=copy.pk,
        master_id=copy.trader_id,
        master=str(copy.trader),
        platform=copy.trader.platform,
        account_id=copy.account_id,
        account_name=copy.account.name,
        state=copy.state,  # type: ignore[arg-type]  # one of CopyState's values
        state_reason=copy.state_reason or None,
        is_active=copy.state == "active",
        copy_strategy=copy.strategy,  # type: ignore[arg-type]  # one of Strategy's values
        tiers=[dict(tier) for tier in copy.tiers],
        inverted=copy.inverted,
        max_positions=copy.max_positions,
        max_signal_age_seconds=copy.max_signal_age_seconds,
        allowed_symbols=list(copy.allowed_symbols),
        denied_symbols=list(copy.denied_symbols),
        minimum_policy=copy.minimum_policy,  # type: ignore[arg-type]  # one of MinimumPolicy's values
        copy_open_positions=copy.copy_open_positions,
        trading_hours=dict(copy.trading_hours) or None,
        results=_results(view),
        started_at=iso_time(copy.started_at),
        ended_at=iso_time_or_none(copy.ended_at),
    )


def _results(view: CopyView) -> CopyResults:
    value, outcomes = view.value, view.outcomes
    return CopyResults(
        copied=outcomes.filled + outcomes.partial,
        skipped=outcomes.skipped,
        failed=outcomes.failed,
        pending=outcomes.pending,
        success_rate=amount_or_none(outcomes.success_percent),
        latency=latency_figures(view.latency),
        open_positions=value.open_positions,
        asset=money_asset(view.copy.account.venue, view.copy.account.equity_asset) or None,
        realized_pnl=plain_digits(value.realized_pnl),
        fees=plain_digits(value.fees),
        unrealized_pnl=amount_or_none(value.unrealized_pnl),
        value=amount_or_none(value.value),
    )
