"""Leaders, the facts about them, and what is derived from the facts."""

from traders.models.derived import DailyStat, Score, ScoreWindow, SymbolAggregate
from traders.models.facts import EventKind, PositionSnapshot, SnapshotChange, TradeEvent
from traders.models.leader import LeaderStatus, LeadTrader, SourceFreshness
from traders.models.position import Position

__all__ = [
    "DailyStat",
    "EventKind",
    "LeadTrader",
    "LeaderStatus",
    "Position",
    "PositionSnapshot",
    "Score",
    "ScoreWindow",
    "SnapshotChange",
    "SourceFreshness",
    "SymbolAggregate",
    "TradeEvent",
]
