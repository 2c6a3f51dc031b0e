"""How the copies of a leader stand: all that planning one signal needs, in as many statements for any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from copytrade.lib.sql import json_rows, run
from markets.venues.vocabulary import MarketKind
from replication.engine.copy_terms import terms_of
from replication.engine.rows import CopyRow
from replication.engine.standing import Positions, Standing, UnderWay, entry_standing, exit_standing
from replication.facts import ZERO, CopyTerms, FollowerState
from replication.models import Signal
from replication.vocabulary import EXITS, Action, PositionWord

# What an account may hold times its funds where nobody told its leverage.
USUAL_LEVERAGE = {"spot": Decimal(1), "equity": Decimal(5)}
USUAL_CONTRACT_LEVERAGE = Decimal(20)

# All below look rows up by number, in the order in which they name the tables: these settings and `OFFSET 0` say so.
# Plans that PostgreSQL makes of young tables read all of them for each copy instead, and are kept until the tables are
# analysed.
BY_NUMBER = """
    SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'), ('join_collapse_limit', '1')) AS settings(name, value)
"""
CHOSEN = """
    SELECT * FROM replication_copy WHERE trader_id = %(trader)s AND state <> 'ended' AND id > %(after)s
        AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s)) ORDER BY id LIMIT %(limit)s
"""
LOCK = f"""
    SELECT id FROM orders_tradingaccount WHERE id IN (SELECT account_id FROM ({CHOSEN}) AS chosen)
    ORDER BY id FOR NO KEY UPDATE
"""
# An entry finds the market taken where another symbol of the leader is copied into the same position.
COPIES = f"""
    SELECT c.id, c.account_id, a.user_id, a.venue, a.mode, a.state, a.state_reason, a.live_enabled, a.hedge_mode,
        a.equity_asset, trim_scale(a.equity), trim_scale(a.max_worth), trim_scale(paper.leverage),
        trim_scale(c.allocated), c.state, c.strategy, c.started_at, trim_scale(c.ratio), trim_scale(c.percentage),
        trim_scale(c.fixed_quantity), trim_scale(c.fixed_amount), c.tiers::text, c.inverted, trim_scale(c.max_order),
        trim_scale(c.max_symbol), trim_scale(c.max_exposure), c.max_positions, trim_scale(c.max_leverage),
        trim_scale(c.max_daily_loss), trim_scale(c.max_slippage_percent), c.max_signal_age_seconds, c.allowed_symbols,
        c.denied_symbols, c.minimum_policy, c.trading_hours::text, coalesce(p.market_id, t.market_id), p.side,
        trim_scale(coalesce(p.quantity, 0)), trim_scale(coalesce(p.remainder, 0)), p.leader_opened_at,
        trim_scale(coalesce(d.fees - d.realized_pnl, 0)), coalesce(taken.leader_symbol, '')
    FROM ({CHOSEN}) AS c
    JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_paperaccount paper ON a.mode = 'paper' AND paper.key = a.key::text
    LEFT JOIN json_to_recordset(%(markets)s) AS t(venue text, market_id bigint) ON t.venue = a.venue
    LEFT JOIN replication_copyday d ON d.copy_id = c.id AND d.date = %(today)s
    LEFT JOIN LATERAL (
        SELECT * FROM replication_copyposition p WHERE p.copy_id = c.id AND p.leader_symbol = %(symbol)s
            AND p.leader_side = %(side)s AND (%(exits)s OR p.market_id = t.market_id)
        ORDER BY p.quantity = 0, p.id DESC LIMIT 1
    ) p ON true
    LEFT JOIN LATERAL (
        SELECT o.leader_symbol FROM (
            SELECT * FROM replication_copyposition o
            WHERE NOT %(exits)s AND (o.copy_id, o.market_id) = (c.id, t.market_id)
                AND o.side = CASE WHEN (%(side)s = 'LONG') <> c.inverted THEN 'LONG' ELSE 'SHORT' END OFFSET 0
        ) o JOIN markets_market m ON m.id = o.market_id
        WHERE (o.leader_symbol, o.leader_side) <> (%(symbol)s, %(side)s)
            AND ((o.quantity <> 0 AND abs(o.quantity) >= coalesce(m.quantity_step, 0)) OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = t.market_id
                    AND i.side = o.side AND i.state IN ('waiting', 'planned')))
        OFFSET 0
    ) taken ON true
    ORDER BY c.id
"""


@dataclass(frozen=True, slots=True)
class Follower:
    """A copy of the leader: how it sizes and stands, and the market that it trades this signal in."""

    copy_id: int
    account_id: int
    user_id: int
    venue: str
    live: bool
    live_enabled: bool
    account_state: str
    account_reason: str
    hedge_mode: bool
    leverage: Decimal | None
    market_id: int | None
    terms: CopyTerms
    state: FollowerState
    held_side: PositionWord | None = None
    """Which side the copy's own position is, where it has one that follows the leader's."""
    closable: Decimal = ZERO
    """What the account holds on that side, for all its copies and its owner; asked for exits only."""
    others_under_way: bool = False
    """Whether other copies of the account have orders in that market that are not final."""
    others_leaving: Decimal = ZERO
    """What of it they may be closing just now."""
    entering: bool = False
    """Whether the copy has an entry under way in this market."""
    equity_asset: str = ""
    """What the account's money, and with it `state.funds` and `state.lost_today`, is counted in."""


class Question(NamedTuple):
    """Which copies are wanted: those after one, at most so many; `only` these."""

    after: int = 0
    limit: int = 1_000_000
    only: Sequence[int] | None = None


def followers_load(signal: Signal, question: Question, markets: Mapping[str, int], *, now: datetime) -> list[Follower]:
    """Return the copies of the signal's leader with their accounts locked, in the order of their numbers.

    Needs a transaction. What is ordered and not final counts as if it were filled. What only entries are judged by is
    asked for entries only.
    """
    exits = Action(signal.action) in EXITS
    which = {
        "trader": signal.trader_id,
        "after": question.after,
        "limit": question.limit,
        "only": None if question.only is None else list(question.only),
    }
    run(BY_NUMBER)
    run(LOCK, which)
    wanted = json_rows([{"venue": venue, "market_id": pk} for venue, pk in markets.items()])
    sides = {"symbol": signal.symbol, "side": signal.side, "exits": exits}
    today = now.astimezone(UTC).date()
    rows = [CopyRow._make(row) for row in run(COPIES, {**which, **sides, "markets": wanted, "today": today})]
    if not rows:
        return []
    standing = exit_standing(rows, signal) if exits else entry_standing(rows, signal)
    return [_follower(row, standing) for row in rows]


NOTHING_UNDER_WAY, NO_POSITIONS, NOT_HELD = UnderWay(), Positions(), (None, ZERO)


def _follower(row: CopyRow, standing: Standing) -> Follower:
    under_way = standing.under_way.get(row.copy_id, NOTHING_UNDER_WAY)
    positions = standing.positions.get(row.copy_id, NO_POSITIONS)
    leverage, closable = standing.held.get(row.copy_id, NOT_HELD)
    return Follower(
        row.copy_id,
        row.account_id,
        row.user_id,
        row.venue,
        row.mode == "live",
        row.live_enabled,
        row.account_state,
        row.account_reason,
        row.hedge_mode,
        leverage or row.paper_leverage,
        row.market_id,
        terms_of(row),
        FollowerState(
            funds=row.equity if row.allocated is None else row.allocated + positions.realized,
            held=row.held,
            remainder=row.remainder,
            opened_at=row.leader_opened_at,
            open_positions=positions.open + under_way.new_positions,
            symbol_worth=positions.symbol_worth + under_way.symbol_worth,
            copy_worth=positions.worth + under_way.worth,
            account_worth=standing.accounts.get(row.account_id, ZERO),
            account_max_worth=row.account_max_worth,
            lost_today=row.lost_today,
            opposite_leader=standing.opposites.get(row.copy_id, ""),
            earlier_order_open=under_way.earlier,
            taken_by=row.taken_by,
        ),
        None if row.held_side is None else PositionWord(row.held_side),
        closable,
        row.copy_id in standing.others,
        standing.others.get(row.copy_id, ZERO),
        under_way.entering,
        row.equity_asset,
    )


def usual_leverage(kind: MarketKind) -> Decimal:
    """Return what accounts trade contracts of a kind with, where they were not told otherwise."""
    return USUAL_LEVERAGE.get(kind.value, USUAL_CONTRACT_LEVERAGE)
