"""Masters as those see them who look for one to follow, and whom somebody follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from copytrade.lib.sql import run
from replication.models import Copy
from replication.selectors.statistics import LATENCIES, Latency, Outcomes, latency_of, outcomes_of, percent
from replication.selectors.values import CopyValue, copy_values
from replication.services.people import HOUSE
from replication.vocabulary import CopyState
from traders.models import LeaderStatus, LeadTrader

# Best first by each word; those of whom it is not known come last.
ORDERINGS = {
    "followers": "followers DESC",
    "total_orders": "orders DESC",
    "success_rate": "success DESC NULLS LAST",
    "latency": "average ASC NULLS LAST",
    "pnl": "pnl DESC NULLS LAST",
    "roi": "roi DESC NULLS LAST",
    "running_days": "created_at ASC",
}
# A result is told in the asset of the account with which a master began to lead, over all accounts that lead and settle
# in it. What was paid into a paper account is known, so that its return is; of an account at a venue it is not.
MASTERS = f"""
    WITH master AS (
        SELECT l.* FROM traders_leadtrader l WHERE l.platform = %(house)s AND l.status IN ('approved', 'featured')
    ), led AS (
        SELECT la.trader_id, la.account_id, a.key::text AS key, a.mode = 'paper' AS paper, first_value(a.equity_asset)
            OVER (PARTITION BY la.trader_id ORDER BY la.id) AS asset
        FROM replication_leaderaccount la JOIN master m ON m.id = la.trader_id
        JOIN orders_tradingaccount a ON a.id = la.account_id
    ), followed AS (
        SELECT c.trader_id, count(DISTINCT a.user_id) AS followers
        FROM replication_copy c JOIN orders_tradingaccount a ON a.id = c.account_id
        WHERE c.state <> 'ended' GROUP BY 1
    ), placed AS (
        SELECT led.trader_id, count(*) AS orders FROM led JOIN orders_order o ON o.account_id = led.account_id
        WHERE o.origin <> 'copy' GROUP BY 1
    ), result AS (
        SELECT led.trader_id, sum(h.realized_pnl - h.fees) AS pnl
        FROM led JOIN orders_holding h ON h.account_id = led.account_id JOIN markets_market m ON m.id = h.market_id
        WHERE led.asset = CASE m.kind WHEN 'coin_m' THEN m.base_asset WHEN 'spot' THEN m.quote_asset
            ELSE m.margin_asset END
        GROUP BY 1
    ), capital AS (
        SELECT led.trader_id, min(led.asset) AS asset, bool_and(led.paper) AS known, sum(t.amount) AS paid_in
        FROM led LEFT JOIN markets_paperaccount p ON p.key = led.key
        LEFT JOIN markets_papertransfer t
            ON t.account_id = p.id AND t.asset = led.asset AND t.reason IN ('opening', 'deposit')
        GROUP BY 1
    ), decided AS (
        SELECT s.trader_id, count(*) FILTER (WHERE i.state IN ('filled', 'partial')) AS done,
            count(*) FILTER (WHERE i.state IN ('filled', 'partial', 'failed')) AS tried, {LATENCIES}
        FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id
        JOIN master m ON m.id = s.trader_id WHERE s.detected_at >= %(since)s GROUP BY 1
    ), ranked AS (
        SELECT m.id, coalesce(nullif(m.nickname, ''), m.external_id) AS name, m.status = 'featured' AS featured,
            m.created_at, coalesce(f.followers, 0) AS followers, coalesce(p.orders, 0) AS orders, d.done, d.tried,
            d.done::float8 / nullif(d.tried, 0) AS success, d.count, d.avg AS average, d.percentile_cont AS points,
            c.asset, CASE WHEN c.asset <> '' THEN coalesce(r.pnl, 0) END AS pnl,
            CASE WHEN c.known AND c.paid_in > 0 THEN coalesce(r.pnl, 0) * 100 / c.paid_in END AS roi
        FROM master m LEFT JOIN followed f ON f.trader_id = m.id LEFT JOIN placed p ON p.trader_id = m.id
        LEFT JOIN result r ON r.trader_id = m.id LEFT JOIN capital c ON c.trader_id = m.id
        LEFT JOIN decided d ON d.trader_id = m.id
    )
"""
LISTED = "SELECT * FROM ranked ORDER BY {ordering}, id LIMIT %(limit)s OFFSET %(offset)s"
RECENT = timedelta(days=30)  # of whose decisions success and latency are told
OUTCOMES = f"""
    SELECT i.copy_id, count(*) FILTER (WHERE i.state = 'filled'), count(*) FILTER (WHERE i.state = 'partial'),
        count(*) FILTER (WHERE i.state = 'skipped'), count(*) FILTER (WHERE i.state = 'failed'),
        count(*) FILTER (WHERE i.state IN ('waiting', 'planned')), {LATENCIES}
    FROM replication_copyintent i WHERE i.copy_id = ANY(%s) GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterView:
    """A master. `pnl` is what the leading accounts realised after fees, in `asset`; what is not known is None."""

    master_id: int
    name: str
    featured: bool
    since: datetime
    running_days: int
    followers: int
    orders: int
    success_percent: Decimal | None
    latency: Latency
    asset: str
    pnl: Decimal | None
    roi_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy with its account and leader, what it is worth, and what became of its decisions."""

    copy: Copy
    value: CopyValue
    outcomes: Outcomes
    latency: Latency


def masters_list(*, ordering: str, page: Page) -> tuple[list[MasterView], int]:
    """Return a page of the masters who are open to be copied, best first, and how many there are; two statements."""
    parameters: dict[str, Any] = {"house": HOUSE, "since": timezone.now() - RECENT}
    listed = MASTERS + LISTED.format(ordering=ORDERINGS[ordering])
    rows = run(listed, parameters | {"limit": page.limit, "offset": page.offset})
    total = LeadTrader.objects.filter(platform=HOUSE, status__in=[LeaderStatus.APPROVED, LeaderStatus.FEATURED])
    return [_master(row) for row in rows], total.count()


def leader_get(master_id: int) -> LeadTrader:
    """Return a leader of any platform by its number; one that is unknown or blocked is `NotFound`."""
    leader = LeadTrader.objects.exclude(status=LeaderStatus.BLOCKED).filter(pk=master_id).first()
    if leader is None:
        raise NotFound("There is no such master.")
    return leader


def copies_list(*, user: User, page: Page, live: bool | None = None) -> tuple[list[CopyView], int]:
    """Return a page of a user's copies, newest first, and how many there are; the statements do not grow."""
    rows = _copies(user)
    if live is not None:
        rows = rows.exclude(state=CopyState.ENDED) if live else rows.filter(state=CopyState.ENDED)
    return copy_views(list(rows[page.offset : page.offset + page.limit])), rows.count()


def live_copies(*, user: User, master_id: int) -> list[Copy]:
    """Return a user's copies of a leader that have not ended, the oldest first."""
    rows = _copies(user).filter(trader=master_id).exclude(state=CopyState.ENDED)
    return list(rows.order_by("pk"))


def copy_views(copies: Sequence[Copy]) -> list[CopyView]:
    """Return copies, their accounts and leaders being loaded, with their results."""
    if not copies:
        return []
    values = copy_values(copies)
    told = {row[0]: (outcomes_of(row[1:6]), latency_of(*row[6:])) for row in run(OUTCOMES, [list(values)])}
    return [CopyView(copy, values[copy.pk], *told.get(copy.pk, (Outcomes(), Latency()))) for copy in copies]


def _copies(user: User) -> "QuerySet[Copy]":
    return Copy.objects.filter(account__user=user).select_related("account", "trader").order_by("-pk")


def _master(row: tuple[Any, ...]) -> MasterView:
    pk, name, featured, since, followers, orders, done, tried, _, count, average, points, asset, pnl, roi = row
    return MasterView(
        master_id=pk,
        name=name,
        featured=featured,
        since=since,
        running_days=(timezone.now() - since).days,
        followers=followers,
        orders=orders,
        success_percent=percent(done or 0, tried or 0),
        latency=latency_of(count or 0, average, points),
        asset=asset or "",
        pnl=pnl,
        roi_percent=None if roi is None else roi.quantize(Decimal("0.0001"), rounding=ROUND_DOWN),
    )
