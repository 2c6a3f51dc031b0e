"""What was learnt about orders, before it is stored (plain data)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from markets.venues.base import FillReport, OrderReport
from markets.venues.errors import VenueError


class Source(StrEnum):
    """Who brought a finding."""

    USER = "user"
    EXECUTOR = "executor"
    REPLY = "reply"
    POLL = "poll"
    STREAM = "stream"
    RECONCILE = "reconcile"


class Finding(msgspec.Struct, frozen=True):
    """What is known of one order: the venue's report, its trades, an error, or that the venue has no such order.

    Only `absent` says the last: trades alone say nothing of the rest. `asked_at` is when the question or the order
    left; `sent_at` and `attempt` are set on answers to a placing only.
    """

    order_id: int
    source: Source
    asked_at: datetime
    report: OrderReport | None = None
    error: VenueError | None = None
    sent_at: datetime | None = None
    attempt: int = 0
    absent: bool = False
    fills: tuple[FillReport, ...] = ()

    @property
    def all_fills(self) -> tuple[FillReport, ...]:
        """The trades, those inside the report too."""
        return self.fills + (self.report.fills if self.report else ())
