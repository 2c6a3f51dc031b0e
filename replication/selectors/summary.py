"""A user's figures: their orders, what became of a master's trades, and what copying brought, in each money."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_DOWN, Decimal

from copytrade.accounts.models import User
from copytrade.lib.sql import run
from replication.selectors.statistics import (
    LATENCIES,
    NAMES,
    Latency,
    Outcomes,
    Replication,
    latency_of,
    leader_replication,
    order_status,
    outcomes_of,
    percent,
)
from replication.selectors.values import money_asset
from traders.models import LeadTrader

ZERO = Decimal(0)
MILLIONTH = Decimal("0.000001")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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
        coalesce(sum(i.failed), 0), coalesce(sum(i.pending), 0)
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
    WHERE a.user_id = %(user)s GROUP BY l.id ORDER BY 4 DESC, max(c.id) DESC
"""
FOLLOWED_TIME = f"""
    SELECT c.trader_id, avg(i.slippage_percent), {LATENCIES}
    FROM replication_copyintent i JOIN replication_copy c ON c.id = i.copy_id
    JOIN orders_tradingaccount a ON a.id = c.account_id JOIN replication_signal s ON s.id = i.signal_id
    WHERE a.user_id = %(user)s AND i.detected_at >= %(since)s GROUP BY GROUPING SETS ((c.trader_id), ())
"""
# Accounts that count in different money have sums of their own: rupees are not added to dollars.
FOLLOWED_MONEY = """
    SELECT c.trader_id, a.venue, a.equity_asset, coalesce(sum(d.realized_pnl), 0), coalesce(sum(d.fees), 0)
    FROM replication_copy c JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN replication_copyday d ON d.copy_id = c.id AND d.date >= %(day)s
    WHERE a.user_id = %(user)s GROUP BY GROUPING SETS ((1, 2, 3), (2, 3))
"""


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


@dataclass(frozen=True, slots=True)
class Brought:
    """What was realised before fees, and the fees, over the accounts that count in `asset`."""

    asset: str
    realized_pnl: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedFigures:
    """What copying one leader (or, with `master_id` None, all of them) brought; `brought` has each asset once."""

    master_id: int | None
    platform: str
    name: str
    following: bool
    outcomes: Outcomes
    latency: Latency
    slippage_percent: Decimal | None
    brought: Sequence[Brought]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A user's figures; `master` is None for who leads nobody, `following` has each leader ever followed."""

    orders: OwnOrders
    master: MasterFigures | None
    following: Sequence[FollowedFigures]
    totals: FollowedFigures


def summary_of(*, user: User, since: datetime | None) -> Summary:
    """Return a user's figures since a moment, or over all time; nine statements at most."""
    start = since or EPOCH
    leader = LeadTrader.objects.filter(user=user).first()
    following, totals = _followed(user, start)
    return Summary(
        orders=_own_orders(user, start),
        master=None if leader is None else _master(leader, start),
        following=following,
        totals=totals,
    )


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
        replication=leader_replication(leader.pk, since),
    )


def _followed(user: User, since: datetime) -> tuple[list[FollowedFigures], FollowedFigures]:
    parameters = {"user": user.pk, "since": since}
    times = {row[0]: (row[1], latency_of(*row[2:])) for row in run(FOLLOWED_TIME, parameters)}
    brought = _brought(user, since.astimezone(UTC).date())
    rows = []
    for pk, platform, name, live, *counts in run(FOLLOWED, parameters):
        slippage, latency = times.get(pk, (None, Latency()))
        rows.append(
            FollowedFigures(
                master_id=pk,
                platform=platform,
                name=name,
                following=live,
                outcomes=outcomes_of(counts),
                latency=latency,
                slippage_percent=_places(slippage),
                brought=brought[pk],
            )
        )
    return rows, _totals(rows, *times.get(None, (None, Latency())), brought.get(None, ()))


def _totals(
    rows: Sequence[FollowedFigures], slippage: Decimal | None, latency: Latency, brought: Sequence[Brought]
) -> FollowedFigures:
    return FollowedFigures(
        master_id=None,
        platform="",
        name="",
        following=any(row.following for row in rows),
        outcomes=outcomes_of([sum(getattr(row.outcomes, name) for row in rows) for name in NAMES]),
        latency=latency,
        slippage_percent=_places(slippage),
        brought=brought,
    )


def _brought(user: User, day: date) -> Mapping[int | None, Sequence[Brought]]:
    """Return the results since a day of each leader, by its id, and of all of them, by None; sorted by asset."""
    sums: dict[int | None, dict[str, Brought]] = defaultdict(dict)
    for trader_id, venue, told, realized, fees in run(FOLLOWED_MONEY, {"user": user.pk, "day": day}):
        asset, of_leader = money_asset(venue, told), sums[trader_id]
        before = of_leader.get(asset, Brought(asset, ZERO, ZERO))
        of_leader[asset] = Brought(asset, before.realized_pnl + realized, before.fees + fees)
    return {key: [found[asset] for asset in sorted(found)] for key, found in sums.items()}


def _places(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(MILLIONTH, rounding=ROUND_DOWN)
