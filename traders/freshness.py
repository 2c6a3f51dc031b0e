"""How old data is (pure)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Freshness:
    """Of one leader: the newest report, and the newest complete list of positions; None is "never"."""

    reported_at: datetime | None
    positions_at: datetime | None
    stale: bool
    positions_stale: bool
