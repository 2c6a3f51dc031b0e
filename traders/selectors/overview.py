"""What pages show of all leaders at once; of blocked ones only their share in the totals of symbols."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet

from copytrade.lib.api.paging import Page
from traders.freshness import Freshness
from traders.models import (
    LeaderStatus,
    LeadTrader,
    Position,
    Score,
    SourceFreshness,
    SymbolAggregate,
    TradeEvent,
)
from traders.selectors.curves import DayResult, curves
from traders.selectors.freshness import freshness_by_leader
from traders.selectors.leaders import leaders_public


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures at the top of the home page."""

    leaders: int
    stale_leaders: int
    open_positions: int
    fills_in_a_day: int


@dataclass(frozen=True, slots=True)
class RankedLeader:
    """A row of the ranking; the curve covers the window of the score."""

    rank: int
    score: Score
    freshness: Freshness
    curve: list[DayResult]


def overview(now: datetime) -> Overview:
    """Return the figures, in four statements."""
    fills = TradeEvent.objects.filter(event_time__gte=now - timedelta(days=1))
    return Overview(
        leaders=leaders_public().count(),
        stale_leaders=stale_leaders(now).count(),
        open_positions=Position.objects.exclude(trader__status=LeaderStatus.BLOCKED).count(),
        fills_in_a_day=fills.exclude(trader__status=LeaderStatus.BLOCKED).count(),
    )


def stale_leaders(now: datetime) -> QuerySet[LeadTrader]:
    """Return the leaders that no source told of lately."""
    return leaders_public().exclude(_fresh_source(now))


def fresh_leaders(now: datetime) -> QuerySet[LeadTrader]:
    """Return the leaders that a source told of lately."""
    return leaders_public().filter(_fresh_source(now))


def ranking(*, window: int, page: Page, now: datetime) -> tuple[list[RankedLeader], int]:
    """Return a page of the leaders of all platforms by score, best first, and how many are ranked."""
    ranked = Score.objects.filter(window=window).exclude(trader__status=LeaderStatus.BLOCKED)
    scores = list(
        ranked.select_related("trader")
        .defer("trader__raw")
        .order_by("-score", "trader__platform", "trader__external_id")[page.offset : page.offset + page.limit]
    )
    ids = [score.trader_id for score in scores]
    by_leader, freshness = curves(ids, days=window, today=now.date()), freshness_by_leader(ids)
    rows = [
        RankedLeader(rank, score, freshness[score.trader_id], by_leader[score.trader_id])
        for rank, score in enumerate(scores, start=page.offset + 1)
    ]
    return rows, ranked.count()


def latest_fills(limit: int) -> list[TradeEvent]:
    """Return the newest fills of all leaders."""
    fills = TradeEvent.objects.exclude(trader__status=LeaderStatus.BLOCKED).select_related("trader")
    return list(fills.defer("raw", "trader__raw").order_by("-event_time", "-pk")[:limit])


def busiest_symbols(limit: int) -> list[SymbolAggregate]:
    """Return the symbols with the most open positions."""
    total = F("open_long_count") + F("open_short_count")
    held = SymbolAggregate.objects.alias(total=total).filter(total__gt=0)
    return list(held.order_by("-total", "symbol", "platform")[:limit])


def _fresh_source(now: datetime) -> Exists:
    """Return whether a source is fresh, by its own clock unless that is ahead of ours."""
    since = now - timedelta(seconds=settings.LEADER_STALE_AFTER_SECONDS)
    sources = SourceFreshness.objects.filter(trader=OuterRef("pk"))
    return Exists(sources.filter(reported_at__gte=since, received_at__gte=since))
