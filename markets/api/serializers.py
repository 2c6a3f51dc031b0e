"""The envelopes of the answers."""

from datetime import datetime
from typing import Literal

import msgspec

from copytrade.lib.wire import iso_time, iso_time_or_none
from markets.api.shapes import (
    CandleItem,
    Kind,
    MarketDetail,
    MarketItem,
    MarkPrice,
    OpenInterest,
    OpenInterestPoint,
    SeriesStatus,
    TaskStatus,
    Time,
)
from markets.live import LiveAnswer
from markets.models import CandleSeries, Market


class MarketPageMeta(msgspec.Struct):
    """Which part of how many."""

    total: int
    limit: int
    offset: int


class MarketsAnswer(msgspec.Struct):
    """Markets by venue, kind and symbol."""

    success: Literal[True]
    data: list[MarketItem]
    meta: MarketPageMeta


class MarketAnswer(msgspec.Struct):
    """A market."""

    success: Literal[True]
    data: MarketDetail


class CandlesMeta(msgspec.Struct, kw_only=True):
    """What the candles are of; `lag_seconds` is the age of the newest price, null where none are kept."""

    symbol: str
    market_type: Kind
    interval: str
    limit: int
    last_sync_at: Time | None
    lag_seconds: int | None


class CandlesAnswer(msgspec.Struct):
    """Candles, oldest first."""

    success: Literal[True]
    data: list[CandleItem]
    meta: CandlesMeta


class LiveMeta(msgspec.Struct, kw_only=True):
    """How old an answer of the venue is. Stale: the venue was asked again, and failed."""

    fetched_at: Time
    age_ms: int
    stale: bool


class MarkPriceAnswer(msgspec.Struct):
    """A mark price."""

    success: Literal[True]
    data: MarkPrice
    meta: LiveMeta


class OpenInterestAnswer(msgspec.Struct):
    """An open interest."""

    success: Literal[True]
    data: OpenInterest
    meta: LiveMeta


class OpenInterestHistoryAnswer(msgspec.Struct):
    """The history of an open interest, oldest first."""

    success: Literal[True]
    data: list[OpenInterestPoint]
    meta: LiveMeta


class QueuedTask(msgspec.Struct):
    """A task that a worker carries out."""

    task_id: str


class TaskAnswer(msgspec.Struct):
    """The task is queued."""

    success: Literal[True]
    data: QueuedTask


class SyncStatus(msgspec.Struct):
    """All series of candles, and a task where one was asked for."""

    series: list[SeriesStatus]
    task: TaskStatus | None


class SyncStatusMeta(msgspec.Struct):
    """How many series there are, and how many failed in their last run."""

    total: int
    failing: int


class SyncStatusAnswer(msgspec.Struct):
    """How far the candles are."""

    success: Literal[True]
    data: SyncStatus
    meta: SyncStatusMeta


def live_meta(answer: LiveAnswer, now: datetime) -> LiveMeta:
    """Return how old an answer is."""
    age = max(0, int((now - answer.fetched_at).total_seconds() * 1000))
    return LiveMeta(fetched_at=iso_time(answer.fetched_at), age_ms=age, stale=answer.stale)


def candles_meta(market: Market, interval: str, limit: int, series: CandleSeries | None, now: datetime) -> CandlesMeta:
    """Return what candles are of and how fresh they are."""
    lag = series.lag(now) if series else None
    return CandlesMeta(
        symbol=market.symbol,
        market_type=market.kind,  # type: ignore[arg-type]
        interval=interval,
        limit=limit,
        last_sync_at=iso_time_or_none(series.last_success_at if series else None),
        lag_seconds=None if lag is None else int(lag.total_seconds()),
    )
