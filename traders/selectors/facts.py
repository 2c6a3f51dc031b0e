"""Lists of facts, newest first, by pages that do not slow down with depth."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from copytrade.lib.api.paging import Cursor
from traders.models import LeaderStatus, LeadTrader, PositionSnapshot, TradeEvent

FEED = (
    "event_key",
    "kind",
    "symbol",
    "price",
    "amount",
    "amount_asset",
    "realized_pnl",
    "event_time",
    "event_time_text",
)
Fact = TypeVar("Fact", bound=Model)


def symbol_feed(
    *, platform: str, symbol: str, limit: int, offset: int, after: Cursor | None
) -> tuple[list[TradeEvent], Cursor | None]:
    """Return the fills in a symbol and where the next page begins."""
    fills = (
        TradeEvent.objects.filter(symbol=symbol, trader__platform=platform)
        .exclude(trader__status=LeaderStatus.BLOCKED)
        .select_related("trader")
        .only("trader__external_id", *FEED)
    )
    return _page(fills, "event_time", lambda fill: fill.event_time, limit, offset, after)


def leader_events(
    *, leader: LeadTrader, symbol: str, kind: str, limit: int, offset: int, after: Cursor | None
) -> tuple[list[TradeEvent], Cursor | None]:
    """Return the fills of a leader, of one symbol or kind if named, and where the next page begins."""
    fills = TradeEvent.objects.filter(trader=leader).only(*FEED)
    if symbol:
        fills = fills.filter(symbol=symbol)
    if kind:
        fills = fills.filter(kind=kind)
    return _page(fills, "event_time", lambda fill: fill.event_time, limit, offset, after)


def leader_history(
    *, leader: LeadTrader, symbol: str, limit: int, offset: int, after: Cursor | None
) -> tuple[list[PositionSnapshot], Cursor | None]:
    """Return how a leader's positions changed, and where the next page begins."""
    snapshots = PositionSnapshot.objects.filter(trader=leader)
    if symbol:
        snapshots = snapshots.filter(symbol=symbol)
    return _page(snapshots, "fetched_at", lambda snapshot: snapshot.fetched_at, limit, offset, after)


def _page(
    facts: QuerySet[Fact],
    time: str,
    time_of: Callable[[Fact], datetime],
    limit: int,
    offset: int,
    after: Cursor | None,
) -> tuple[list[Fact], Cursor | None]:
    if after is not None:
        facts = facts.filter(
            Q(**{f"{time}__lte": after.time}) & (Q(**{f"{time}__lt": after.time}) | Q(pk__lt=after.id))
        )
    rows = list(facts.order_by(f"-{time}", "-pk")[offset : offset + limit + 1])
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], Cursor(time_of(last), last.pk)
