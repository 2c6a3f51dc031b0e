"""Figures of replication: what became of decisions, and how long they took. Counted by the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from copytrade.lib.sql import run

HUNDREDTH = Decimal("0.01")
NAMES = ("filled", "partial", "skipped", "failed", "pending")
# A decision's latency: from when the leader's trade was known here to the venue's first answer about the copy's order.
# It is the follower's own state that holds a decision up for longer than its earlier orders take, and has it tried
# again; or a person does.
MILLISECONDS = "(extract(epoch FROM i.acknowledged_at - i.detected_at) * 1000)::float8"
PROMPT = """
    WHERE i.acknowledged_at IS NOT NULL AND i.attempts = 1
        AND (s.planned_at IS NULL OR i.planned_at < s.planned_at + interval '5 seconds')
"""
LATENCIES = f"""
    count(*) FILTER ({PROMPT}), avg({MILLISECONDS}) FILTER ({PROMPT}),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY {MILLISECONDS}) FILTER ({PROMPT})
"""
# Followers have positions closed, and what a leader held before opened, whatever the leader does.
LEADERS_OWN = "s.source NOT IN ('stop', 'catch_up')"
OF_LEADER = f"s.trader_id = %(trader)s AND s.detected_at >= %(since)s AND {LEADERS_OWN}"
OF_ORDER = "s.order_id = %(order)s"
COUNT = """
    SELECT i.state, i.code, count(*) FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
    WHERE {which} GROUP BY 1, 2
"""
TIME = """
    SELECT {latencies} FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id WHERE {which}
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds over `count` decisions that a venue has answered and nothing held up; None where there are none."""

    count: int = 0
    average: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(slots=True)
class Outcomes:
    """How many decisions ended how. Those that were skipped obeyed the follower, and count as no failure."""

    filled: int = 0
    partial: int = 0
    skipped: int = 0
    failed: int = 0
    pending: int = 0
    skipped_by_code: dict[str, int] = field(default_factory=dict)
    failed_by_code: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All decisions."""
        return self.filled + self.partial + self.skipped + self.failed + self.pending

    @property
    def success_percent(self) -> Decimal | None:
        """Which part of what was ordered and is over was filled, wholly or in part; None where nothing was."""
        over = self.filled + self.partial + self.failed
        return percent(self.filled + self.partial, over)


@dataclass(frozen=True, slots=True)
class Replication:
    """What became of a leader's trades at those who copy."""

    outcomes: Outcomes
    latency: Latency


def leader_replication(trader_id: int, since: datetime) -> Replication:
    """Return what became of a leader's trades since a moment at those who copy, in two statements."""
    return _replication(OF_LEADER, {"trader": trader_id, "since": since})


def order_replication(order_id: int) -> Replication:
    """Return what became of a master's order at those who copy, in two statements."""
    return _replication(OF_ORDER, {"order": order_id})


def order_status(state: str, *, filled: bool) -> str:
    """Return the word for an order that its placer reads: what is over with a part of it filled is PARTIAL."""
    match state:
        case "FILLED":
            return "EXECUTED"
        case "PENDING":
            return "PENDING"
        case "SENDING" | "UNKNOWN" | "NEW":
            return "SUBMITTED"
        case "REJECTED" | "FAILED":
            return "FAILED"
        case _:
            return "PARTIAL" if filled else "CANCELLED"


def percent(part: int, whole: int) -> Decimal | None:
    """Return a share in percent with two places, cut: 100 means all; None of nothing."""
    return (Decimal(part * 100) / whole).quantize(HUNDREDTH, rounding=ROUND_DOWN) if whole else None


def latency_of(count: int, average: float | None, points: Sequence[float] | None) -> Latency:
    """Return latencies as a statement with `LATENCIES` gives them, to a tenth of a millisecond."""
    return Latency(count, _tenth(average), *[_tenth(point) for point in points or (None, None, None)])


def outcomes_of(counts: Sequence[int]) -> Outcomes:
    """Return how many decisions ended how, from counts in the order of `NAMES`."""
    filled, partial, skipped, failed, pending = map(int, counts)
    return Outcomes(filled, partial, skipped, failed, pending)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _replication(which: str, parameters: dict[str, object]) -> Replication:
    outcomes = Outcomes()
    for state, code, count in run(COUNT.format(which=which), parameters):
        _count(outcomes, state, code, count)
    return Replication(outcomes, latency_of(*run(TIME.format(latencies=LATENCIES, which=which), parameters)[0]))


def _count(outcomes: Outcomes, state: str, code: str, count: int) -> None:
    name = "pending" if state in {"waiting", "planned"} else state
    setattr(outcomes, name, getattr(outcomes, name) + count)
    codes = {"skipped": outcomes.skipped_by_code, "failed": outcomes.failed_by_code}.get(name)
    if codes is not None:
        codes[code] = codes.get(code, 0) + count
