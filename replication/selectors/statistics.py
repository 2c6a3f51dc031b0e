"""Figures of replication: what became of decisions, how long they took, what they brought. Counted by the database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal

from copytrade.accounts.models import User
from copytrade.lib.sql import run
from traders.models import LeadTrader

ZERO = Decimal(0)
HUNDREDTH, MILLIONTH = Decimal("0.01"), Decimal("0.000001")
NAMES = ("filled", "partial", "skipped", "failed", "pending")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A decision's latency: from when the leader's trade was known here to the venue's first answer about the copy's order.
MILLISECONDS = "(extract(epoch FROM i.acknowledged_at - i.detected_at) * 1000)::float8"
LATENCIES = f"""
    count(i.acknowledged_at), avg({MILLISECONDS}),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY {MILLISECONDS})
        FILTER (WHERE i.acknowledged_at IS NOT NULL)
"""
OF_LEADER = "s.trader_id = %(trader)s AND s.detected_at >= %(since)s"
OF_ORDER = "s.order_id = %(order)s"
COUNT = """
    SELECT i.state, i.code, count(*) FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
    WHERE {which} GROUP BY 1, 2
"""
TIME = """
    SELECT {latencies} FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id WHERE {which}
"""
OWN_ORDERS = """
    SELECT o.state, o.filled_quantity > 0, o.origin = 'copy', count(*) FROM orders_order o
    JOIN orders_tradingaccount a ON a.id = o.account_id WHERE a.user_id = %(user)s AND o.created_at >= %(since)s
    GROUP BY 1, 2, 3
"""
MASTER_ORDERS = """
    SELECT count(*) FROM orders_order o JOIN replication_leaderaccount l ON l.account_id = o.account_id
    WHERE l.trader_id = %(trader)s AND o.origin <> 'copy' AND o.created_at >= %(since)s
"""
FOLLOWERS = """
    SELECT count(DISTINCT a.user_id) FROM replication_copy c JOIN orders_tradingaccount a ON a.id = c.account_id
    WHERE c.trader_id = %(trader)s AND c.state <> 'ended'
"""
FOLLOWED = """
    SELECT l.id, l.platform, coalesce(nullif(l.nickname, ''), l.external_id), bool_or(c.state <> 'ended'),
        coalesce(sum(i.filled), 0), coalesce(sum(i.partial), 0), coalesce(sum(i.skipped), 0),
        coalesce(sum(i.failed), 0), coalesce(sum(i.pending), 0), coalesce(sum(d.realized_pnl), 0),
        coalesce(sum(d.fees), 0)
    FROM replication_copy c JOIN orders_tradingaccount a ON a.id = c.account_id
    JOIN traders_leadtrader l ON l.id = c.trader_id
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE i.state = 'filled') AS filled,
            count(*) FILTER (WHERE i.state = 'partial') AS partial,
            count(*) FILTER (WHERE i.state = 'skipped') AS skipped,
            count(*) FILTER (WHERE i.state = 'failed') AS failed,
            count(*) FILTER (WHERE i.state IN ('waiting', 'planned')) AS pending
        FROM replication_copyintent i WHERE i.copy_id = c.id AND i.detected_at >= %(since)s
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT sum(d.realized_pnl) AS realized_pnl, sum(d.fees) AS fees FROM replication_copyday d
        WHERE d.copy_id = c.id AND d.date >= %(day)s
    ) d ON true
    WHERE a.user_id = %(user)s GROUP BY l.id ORDER BY 4 DESC, max(c.id) DESC
"""
FOLLOWED_TIME = f"""
    SELECT c.trader_id, avg(i.slippage_percent), {LATENCIES}
    FROM replication_copyintent i JOIN replication_copy c ON c.id = i.copy_id
    JOIN orders_tradingaccount a ON a.id = c.account_id
    WHERE a.user_id = %(user)s AND i.detected_at >= %(since)s GROUP BY GROUPING SETS ((c.trader_id), ())
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds over `count` decisions that a venue has answered; None where there are none."""

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


@dataclass(slots=True)
class OwnOrders:
    """How many orders of a user's accounts stand how."""

    total: int = 0
    pending: int = 0
    submitted: int = 0
    partial: int = 0
    executed: int = 0
    cancelled: int = 0
    failed: int = 0
    copied: int = 0

    @property
    def success_percent(self) -> Decimal | None:
        """Which part of the orders that are filled, wholly or in part, or have failed, did not fail."""
        done = self.executed + self.partial
        return percent(done, done + self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterFigures:
    """A leader's own trading and its replication."""

    master_id: int
    orders: int
    followers: int
    replication: Replication


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedFigures:
    """What copying one leader (or, with `master_id` None, all of them) brought."""

    master_id: int | None
    platform: str
    name: str
    following: bool
    outcomes: Outcomes
    latency: Latency
    slippage_percent: Decimal | None
    realized_pnl: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A user's figures; `master` is None for who leads nobody, `following` has each leader ever followed."""

    orders: OwnOrders
    master: MasterFigures | None
    following: Sequence[FollowedFigures]
    totals: FollowedFigures


def summary_of(*, user: User, since: datetime | None) -> Summary:
    """Return a user's figures since a moment, or over all time; eight statements at most."""
    start = since or EPOCH
    leader = LeadTrader.objects.filter(user=user).first()
    following, totals = _followed(user, start)
    return Summary(
        orders=_own_orders(user, start),
        master=None if leader is None else _master(leader, start),
        following=following,
        totals=totals,
    )


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


def _own_orders(user: User, since: datetime) -> OwnOrders:
    own = OwnOrders()
    for state, filled, copied, count in run(OWN_ORDERS, {"user": user.pk, "since": since}):
        own.total += count
        own.copied += count if copied else 0
        name = order_status(state, filled=filled).lower()
        setattr(own, name, getattr(own, name) + count)
    return own


def _master(leader: LeadTrader, since: datetime) -> MasterFigures:
    parameters = {"trader": leader.pk, "since": since}
    return MasterFigures(
        master_id=leader.pk,
        orders=run(MASTER_ORDERS, parameters)[0][0],
        followers=run(FOLLOWERS, parameters)[0][0],
        replication=_replication(OF_LEADER, parameters),
    )


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


def _followed(user: User, since: datetime) -> tuple[list[FollowedFigures], FollowedFigures]:
    day: date = since.astimezone(UTC).date()
    times = {row[0]: (row[1], latency_of(*row[2:])) for row in run(FOLLOWED_TIME, {"user": user.pk, "since": since})}
    rows = []
    for pk, platform, name, live, *figures in run(FOLLOWED, {"user": user.pk, "since": since, "day": day}):
        slippage, latency = times.get(pk, (None, Latency()))
        rows.append(
            FollowedFigures(
                master_id=pk,
                platform=platform,
                name=name,
                following=live,
                outcomes=outcomes_of(figures[:5]),
                latency=latency,
                slippage_percent=_places(slippage),
                realized_pnl=figures[5],
                fees=figures[6],
            )
        )
    return rows, _totals(rows, *times.get(None, (None, Latency())))


def _totals(rows: Sequence[FollowedFigures], slippage: Decimal | None, latency: Latency) -> FollowedFigures:
    return FollowedFigures(
        master_id=None,
        platform="",
        name="",
        following=any(row.following for row in rows),
        outcomes=outcomes_of([sum(getattr(row.outcomes, name) for row in rows) for name in NAMES]),
        latency=latency,
        slippage_percent=_places(slippage),
        realized_pnl=sum((row.realized_pnl for row in rows), ZERO),
        fees=sum((row.fees for row in rows), ZERO),
    )


def _places(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(MILLIONTH, rounding=ROUND_DOWN)
