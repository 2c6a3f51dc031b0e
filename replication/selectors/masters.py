"""Masters as those see them who look for one to follow, and whom somebody follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from copytrade.accounts.models import User
from copytrade.lib.api.paging import Page
from copytrade.lib.errors import NotFound
from copytrade.lib.sql import run
from replication.models import Copy
from replication.selectors.recent import Decided, decided_lately
from replication.selectors.statistics import LATENCIES, Latency, Outcomes, latency_of, outcomes_of
from replication.selectors.values import CopyValue, copy_values
from replication.vocabulary import CopyState
from traders.models import LeaderStatus, LeadTrader

# Best first by each word; those of whom it is not known come last.
RANKED = {
    "followers": "followers DESC",
    "total_orders": "orders DESC",
    "pnl": "pnl DESC NULLS LAST",
    "roi": "roi DESC NULLS LAST",
    "running_days": "created_at ASC",
}
# These are figures of decisions, of which there are many: they are kept, and so may be a minute old.
RANKED_LATELY: dict[str, Callable[[Decided], float | None]] = {
    "success_rate": lambda decided: -decided.done / decided.tried if decided.tried else None,
    "latency": lambda decided: decided.latency.average,
}
ORDERINGS = ("followers", "total_orders", "success_rate", "latency", "pnl", "roi", "running_days")
# A result is told in the asset of the account with which a master began to lead, over all accounts that lead and settle
# in it. What was paid into a paper account is known, so that its return is; of an account at a venue it is not.
# Figures that a statement does not ask of `ranked` are not counted.
MASTERS = """
    WITH master AS (
        SELECT l.* FROM traders_leadtrader l
        WHERE l.platform = %(platform)s AND l.status IN ('approved', 'featured') AND {which}
    ), led AS (
        SELECT la.trader_id, la.account_id, a.key::text AS key, a.mode = 'paper' AS paper, first_value(a.equity_asset)
            OVER (PARTITION BY la.trader_id ORDER BY la.id) AS asset
        FROM replication_leaderaccount la JOIN master m ON m.id = la.trader_id
        JOIN orders_tradingaccount a ON a.id = la.account_id
    ), followed AS (
        SELECT c.trader_id, count(DISTINCT a.user_id) AS followers
        FROM replication_copy c JOIN master m ON m.id = c.trader_id JOIN orders_tradingaccount a ON a.id = c.account_id
        WHERE c.state <> 'ended' GROUP BY 1
    ), placed AS (
        SELECT led.trader_id, sum(o.count) AS orders FROM led CROSS JOIN LATERAL (
            SELECT count(*) FROM orders_order o WHERE o.account_id = led.account_id AND o.origin <> 'copy'
        ) o GROUP BY 1
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
    ), ranked AS (
        SELECT m.id, m.external_id, coalesce(nullif(m.nickname, ''), m.external_id) AS name,
            m.status = 'featured' AS featured, m.created_at,
            coalesce(f.followers, 0) AS followers, coalesce(p.orders, 0)::bigint AS orders, c.asset,
            CASE WHEN c.asset <> '' THEN coalesce(r.pnl, 0) END AS pnl,
            CASE WHEN c.known AND c.paid_in > 0 THEN coalesce(r.pnl, 0) * 100 / c.paid_in END AS roi
        FROM master m LEFT JOIN followed f ON f.trader_id = m.id LEFT JOIN placed p ON p.trader_id = m.id
        LEFT JOIN result r ON r.trader_id = m.id LEFT JOIN capital c ON c.trader_id = m.id
    )
"""
LISTED = "SELECT id FROM ranked ORDER BY {ordering}, id LIMIT %(limit)s OFFSET %(offset)s"
ALL, CHOSEN = MASTERS.format(which="true"), MASTERS.format(which="l.id = ANY(%(ids)s)")
OUTCOMES = f"""
    SELECT i.copy_id, count(*) FILTER (WHERE i.state = 'filled'), count(*) FILTER (WHERE i.state = 'partial'),
        count(*) FILTER (WHERE i.state = 'skipped'), count(*) FILTER (WHERE i.state = 'failed'),
        count(*) FILTER (WHERE i.state IN ('waiting', 'planned')), {LATENCIES}
    FROM replication_copyintent i JOIN replication_signal s ON s.id = i.signal_id WHERE i.copy_id = ANY(%s) GROUP BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterView:
    """A leader. `pnl` is what the leading accounts realised after fees, in `asset`; what is not known is None."""

    master_id: int
    platform: str
    lead_id: str
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


def masters_list(*, platform: str, ordering: str, page: Page) -> tuple[list[MasterView], int]:
    """Return a page of the leaders of a platform who are open to be copied, best first, and how many there are.

    Four statements at most, and what is counted is what the page shows. Success and latency may be a minute old.
    """
    ranked = _ranked_lately if ordering in RANKED_LATELY else _ranked
    ids = ranked(platform, ordering, page)
    told = decided_lately(ids)
    rows = {row[0]: row for row in run(CHOSEN + "SELECT * FROM ranked", {"platform": platform, "ids": ids})}
    return [_master(platform, rows[pk], told[pk]) for pk in ids if pk in rows], _followable(platform).count()


def leader_get(master_id: int) -> LeadTrader:
    """Return a leader of any platform by its number; one that is unknown or blocked is `NotFound`."""
    leader = LeadTrader.objects.exclude(status=LeaderStatus.BLOCKED).filter(pk=master_id).first()
    if leader is None:
        raise NotFound("There is no such master.")
    return leader


def leader_number(platform: str, external_id: str) -> int:
    """Return the number of a leader, a blocked one too, by the id at its platform; raises `NotFound`."""
    if "\0" in external_id:
        raise NotFound("No leader has such an id.")
    leader = LeadTrader.objects.filter(platform=platform, external_id=external_id).only("pk").first()
    if leader is None:
        raise NotFound(f"No leader {external_id[:64]} is known at {platform}.")
    return leader.pk


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


def _followable(platform: str) -> "QuerySet[LeadTrader]":
    return LeadTrader.objects.filter(platform=platform, status__in=[LeaderStatus.APPROVED, LeaderStatus.FEATURED])


def _ranked(platform: str, ordering: str, page: Page) -> list[int]:
    parameters = {"platform": platform, "limit": page.limit, "offset": page.offset}
    return [pk for (pk,) in run(ALL + LISTED.format(ordering=RANKED[ordering]), parameters)]


def _ranked_lately(platform: str, ordering: str, page: Page) -> list[int]:
    ids = list(_followable(platform).order_by("pk").values_list("pk", flat=True))
    told, figure = decided_lately(ids), RANKED_LATELY[ordering]
    known = {pk: value for pk in ids if (value := figure(told[pk])) is not None}
    ranked = sorted(ids, key=lambda pk: (pk not in known, known.get(pk, 0.0), pk))
    return ranked[page.offset : page.offset + page.limit]


def _master(platform: str, row: tuple[Any, ...], decided: Decided) -> MasterView:
    pk, lead_id, name, featured, since, followers, orders, asset, pnl, roi = row
    return MasterView(
        master_id=pk,
        platform=platform,
        lead_id=lead_id,
        name=name,
        featured=featured,
        since=since,
        running_days=(timezone.now() - since).days,
        followers=followers,
        orders=orders,
        success_percent=decided.success_percent,
        latency=decided.latency,
        asset=asset or "",
        pnl=pnl,
        roi_percent=None if roi is None else roi.quantize(Decimal("0.0001"), rounding=ROUND_DOWN),
    )
