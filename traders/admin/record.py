"""Everything that the page of one leader shows beside its own columns."""

from functools import cached_property

from django.utils import timezone

from copytrade.accounts.models import AuditEvent
from traders.models import LeadTrader, Position, PositionSnapshot, Score, ScoreWindow, SourceFreshness, TradeEvent
from traders.selectors.curves import DayResult, curves

ROWS_SHOWN = 20


class LeaderRecord:
    """The newest rows of each kind."""

    def __init__(self, leader: LeadTrader) -> None:
        self.leader = leader

    @cached_property
    def scores(self) -> list[Score]:
        """Return the scores, the shortest window first."""
        return list(self.leader.scores.order_by("window"))

    @cached_property
    def sources(self) -> list[SourceFreshness]:
        """Return what each source said last."""
        return list(self.leader.sources.order_by("source"))

    @cached_property
    def curve(self) -> list[DayResult]:
        """Return the results of the longest window."""
        return curves([self.leader.pk], days=ScoreWindow.QUARTER, today=timezone.now().date())[self.leader.pk]

    @cached_property
    def positions(self) -> list[Position]:
        """Return what is held."""
        return list(self.leader.positions.defer("raw")[:ROWS_SHOWN])

    @cached_property
    def events(self) -> list[TradeEvent]:
        """Return the newest fills."""
        return list(self.leader.events.defer("raw")[:ROWS_SHOWN])

    @cached_property
    def changes(self) -> list[PositionSnapshot]:
        """Return the newest changes of positions."""
        return list(self.leader.snapshots.all()[:ROWS_SHOWN])

    @cached_property
    def decisions(self) -> list[AuditEvent]:
        """Return what staff decided about the leader."""
        target = f"{self.leader.platform}:{self.leader.external_id}"
        return list(AuditEvent.objects.filter(target=target)[:ROWS_SHOWN])
