"""How the copies of a leader stand: all that planning one signal needs, in as many statements for any number."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from copytrade.lib.sql import json_rows, look_up_by_number, run
from markets.venues.vocabulary import MarketKind
from replication.engine.by_hand import Locked, closed_by_hand
from replication.engine.copy_terms import terms_of
from replication.engine.rows import CopyRow
from replication.facts import ZERO, CopyTerms, FollowerState
from replication.models import Signal
from replication.vocabulary import EXITS, Action, PositionWord

# What an account may hold times its funds where nobody told its leverage.
USUAL_LEVERAGE = {"spot": Decimal(1), "equity": Decimal(5)}
USUAL_CONTRACT_LEVERAGE = Decimal(20)

# All below look rows up by number, table by table: `look_up_by_number` and `OFFSET 0` say so.
CHOSEN = """
    SELECT * FROM replication_copy WHERE trader_id = %(trader)s AND state <> 'ended' AND id > %(after)s
        AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s)) ORDER BY id LIMIT %(limit)s
"""
LOCK = f"""
    SELECT chosen.id, a.id, a.venue, a.mode = 'live' FROM ({CHOSEN}) AS chosen
    JOIN orders_tradingaccount a ON a.id = chosen.account_id ORDER BY a.id FOR NO KEY UPDATE OF a
"""
# One statement, so that what is held and what is under way are of one moment: a fill that is stored between two
# readings would be neither. Worth of a position is that at its entry: its cost, on inverse markets (whose cost is in
# the coin) what the contracts say. An entry finds the market taken where another symbol of the leader is copied into
# the same position. The other side of a one-way account is taken by another copy, or by this one for a leader who holds
# both; what is being closed right now, as where a leader turns, takes nothing. `abs(quantity) > 0` keeps from the index
# of all that is open in a market, which is read whole for each copy.
LOAD = f"""
    SELECT c.id, c.account_id, a.user_id, a.venue, a.mode, a.state, a.state_reason, a.live_enabled, a.hedge_mode,
        a.equity_asset, trim_scale(coalesce(c.allocated + coalesce(mine.realized, 0), a.equity)),
        trim_scale(a.max_worth), trim_scale(coalesce(held.leverage, paper.leverage)),
        c.state, c.strategy, c.started_at, trim_scale(c.ratio), trim_scale(c.percentage),
        trim_scale(c.fixed_quantity), trim_scale(c.fixed_amount), c.tiers::text, c.inverted, trim_scale(c.max_order),
        trim_scale(c.max_symbol), trim_scale(c.max_exposure), c.max_positions, trim_scale(c.max_leverage),
        trim_scale(c.max_daily_loss), trim_scale(c.max_slippage_percent), c.max_signal_age_seconds, c.allowed_symbols,
        c.denied_symbols, c.minimum_policy, c.trading_hours::text, c.market_id, c.position_side,
        trim_scale(coalesce(c.position, 0)), trim_scale(coalesce(c.remainder, 0)), c.leader_opened_at,
        trim_scale(coalesce(d.fees - d.realized_pnl, 0)), coalesce(taken.leader_symbol, ''),
        coalesce(mine.open_positions, 0) + coalesce(under.new_positions, 0),
        trim_scale(coalesce(mine.symbol_worth, 0) + coalesce(under.symbol_worth, 0)),
        trim_scale(coalesce(mine.worth, 0) + coalesce(under.worth, 0)),
        trim_scale(coalesce(every.worth, 0) + coalesce(flying.worth, 0)), coalesce(opposite.leader, ''),
        coalesce(under.earlier, false), coalesce(under.entering, false), trim_scale(coalesce(held.closable, 0)),
        others.leaving IS NOT NULL, trim_scale(coalesce(others.leaving, 0)),
        CASE WHEN %(exits)s AND abs(c.position) > coalesce(held.closable, 0) THEN EXISTS (
            SELECT FROM orders_fill f WHERE f.account_id = c.account_id AND f.awaits_copy AND f.market_id = c.market_id)
        ELSE false END, trim_scale(coalesce(parts.worth, 0)), trim_scale(coalesce(parts.carried, 0))
    FROM (
        SELECT c.*, t.venue AS at, coalesce(p.market_id, t.market_id) AS market_id, t.market_id AS target,
            p.side AS position_side, p.quantity AS position, p.remainder, p.leader_opened_at,
            CASE WHEN (%(side)s = 'LONG') <> c.inverted THEN 'LONG' ELSE 'SHORT' END AS own_side
        FROM ({CHOSEN}) AS c JOIN orders_tradingaccount a ON a.id = c.account_id
        LEFT JOIN json_to_recordset(%(markets)s) AS t(venue text, market_id bigint) ON t.venue = a.venue
        LEFT JOIN LATERAL (
            SELECT * FROM replication_copyposition p WHERE p.copy_id = c.id AND p.leader_symbol = %(symbol)s
                AND p.leader_side = %(side)s AND (%(exits)s OR p.market_id = t.market_id)
            ORDER BY p.quantity = 0, p.id DESC LIMIT 1
        ) p ON true OFFSET 0
    ) AS c
    JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_paperaccount paper ON a.mode = 'paper' AND paper.key = a.key::text
    LEFT JOIN replication_copyday d ON d.copy_id = c.id AND d.date = %(today)s
    LEFT JOIN LATERAL (
        SELECT max(x.leverage) AS leverage,
            sum(greatest(CASE WHEN c.position_side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0))
                FILTER (WHERE %(exits)s AND c.position <> 0 AND x.side IN ('BOTH', c.position_side)) AS closable
        FROM orders_holding x WHERE (x.account_id, x.market_id) = (c.account_id, c.market_id) OFFSET 0
    ) held ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned') AS worth,
            sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned' AND i.market_id = c.market_id)
                AS symbol_worth,
            count(DISTINCT i.market_id) FILTER (WHERE NOT i.exits AND i.state = 'planned'
                AND i.market_id IS DISTINCT FROM c.market_id AND NOT EXISTS (
                    SELECT FROM replication_copyposition o JOIN markets_market m ON m.id = o.market_id
                    WHERE o.copy_id = c.id AND o.market_id = i.market_id AND abs(o.quantity) > 0
                        AND abs(o.quantity) >= coalesce(m.quantity_step, 0) OFFSET 0)) AS new_positions,
            bool_or((%(exits)s OR i.exits) AND i.market_id = c.market_id AND i.id < coalesce(
                (SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (c.id, %(signal)s)),
                9223372036854775807)) AS earlier,
            bool_or(NOT i.exits AND i.state = 'planned' AND i.market_id = c.market_id) AS entering
        FROM replication_copyintent i WHERE i.copy_id = c.id AND i.state IN ('waiting', 'planned') OFFSET 0
    ) under ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE q.quantity <> 0 AND abs(q.quantity) >= coalesce(m.quantity_step, 0))
                AS open_positions, sum(q.realized_pnl - q.fees) AS realized,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END) AS worth,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)
                FILTER (WHERE q.market_id = c.market_id) AS symbol_worth
        FROM (SELECT * FROM replication_copyposition q WHERE NOT %(exits)s AND q.copy_id = c.id OFFSET 0) AS q
        JOIN markets_market m ON m.id = q.market_id OFFSET 0
    ) mine ON true
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size ELSE abs(h.cost) END) AS worth
        FROM (
            SELECT * FROM orders_holding h
            WHERE NOT %(exits)s AND a.max_worth IS NOT NULL AND h.account_id = c.account_id OFFSET 0
        ) AS h
        JOIN markets_market m ON m.id = h.market_id WHERE h.quantity <> 0 OFFSET 0
    ) every ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth) AS worth
        FROM (
            SELECT id FROM replication_copy o
            WHERE NOT %(exits)s AND a.max_worth IS NOT NULL AND o.account_id = c.account_id OFFSET 0
        ) AS o
        JOIN LATERAL (
            SELECT worth FROM replication_copyintent i
            WHERE i.copy_id = o.id AND i.state = 'planned' AND NOT i.exits OFFSET 0
        ) i ON true OFFSET 0
    ) flying ON true
    LEFT JOIN LATERAL (
        SELECT o.leader_symbol FROM (
            SELECT * FROM replication_copyposition o
            WHERE NOT %(exits)s AND (o.copy_id, o.market_id, o.side) = (c.id, c.target, c.own_side) OFFSET 0
        ) o JOIN markets_market m ON m.id = o.market_id
        WHERE (o.leader_symbol, o.leader_side) <> (%(symbol)s, %(side)s)
            AND ((o.quantity <> 0 AND abs(o.quantity) >= coalesce(m.quantity_step, 0)) OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = c.target
                    AND i.side = o.side AND i.state IN ('waiting', 'planned') OFFSET 0))
        OFFSET 0
    ) taken ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(nullif(l.nickname, ''), l.external_id) AS leader
        FROM (
            SELECT id, trader_id FROM replication_copy o
            WHERE NOT %(exits)s AND NOT a.hedge_mode AND o.account_id = c.account_id ORDER BY id OFFSET 0
        ) oc JOIN traders_leadtrader l ON l.id = oc.trader_id
        WHERE EXISTS (
            SELECT FROM replication_copyposition o JOIN orders_holding x ON x.account_id = c.account_id
                AND x.market_id = o.market_id AND x.quantity <> 0 AND (x.quantity > 0) = (o.quantity > 0)
            WHERE o.copy_id = oc.id AND o.market_id = c.target AND abs(o.quantity) > 0
                AND (o.quantity > 0) <> (c.own_side = 'LONG') AND NOT (oc.id = c.id AND EXISTS (
                    SELECT FROM replication_copyintent e WHERE e.copy_id = oc.id AND e.market_id = o.market_id
                        AND e.exits AND e.state IN ('waiting', 'planned') OFFSET 0)) OFFSET 0
        ) OR EXISTS (
            SELECT FROM replication_copyintent i WHERE i.copy_id = oc.id AND i.market_id = c.target
                AND i.state = 'planned' AND NOT i.exits AND i.side <> c.own_side OFFSET 0)
        LIMIT 1
    ) opposite ON true
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN i.exits AND i.side = c.position_side THEN i.quantity - i.filled_quantity ELSE 0 END)
            AS leaving
        FROM (
            SELECT id FROM replication_copy o WHERE %(exits)s AND c.position <> 0 AND o.account_id = c.account_id
                AND o.id <> c.id OFFSET 0
        ) o JOIN LATERAL (
            SELECT * FROM replication_copyintent i
            WHERE (i.copy_id, i.market_id) = (o.id, c.market_id) AND i.state = 'planned' OFFSET 0
        ) i ON true OFFSET 0
    ) others ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth * CASE WHEN i.state = 'partial' THEN i.filled_quantity / nullif(i.quantity, 0) ELSE 1 END)
                FILTER (WHERE i.state IN ('planned', 'filled', 'partial')) AS worth,
            CASE WHEN NOT bool_or(i.capped <> '[]') THEN sum(i.wanted_quantity - i.quantity) FILTER (
                WHERE i.signal_id < %(signal)s AND (i.state NOT IN ('waiting', 'skipped') OR i.code = 'BELOW_MINIMUM'))
            END AS carried
        FROM replication_copyintent i WHERE i.signal_id = ANY(%(parts)s::bigint[]) AND i.copy_id = c.id OFFSET 0
    ) parts ON true
    ORDER BY c.id
"""
# The leader's order fills bit by bit; what one order may be worth, and has to be, holds for all of them together.
PARTS = "SELECT id FROM replication_signal WHERE order_id = %s AND id <> %s AND action IN ('OPEN', 'INCREASE')"


class Follower(msgspec.Struct, frozen=True):
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
    unbooked: bool = False
    """Whether the account holds less than the copy does since a trade is stored that the copy has not taken up."""


class Question(NamedTuple):
    """Which copies are wanted: those after one, at most so many; `only` these."""

    after: int = 0
    limit: int = 1_000_000
    only: Sequence[int] | None = None


class Loaded(NamedTuple):
    """The copies that were `chosen`, in the order of their numbers, and how those stand that have not ended since.

    `closing` are accounts, and the markets in which their owners close by hand what they hold.
    """

    followers: Sequence[Follower]
    chosen: Sequence[int]
    closing: Collection[tuple[int, int]] = ()


def followers_load(signal: Signal, question: Question, markets: Mapping[str, int], *, now: datetime) -> Loaded:
    """Return the copies of the signal's leader with their accounts locked.

    Needs a transaction. What is ordered and not final counts as if it were filled. What only entries are judged by is
    read for entries only.
    """
    exits = Action(signal.action) in EXITS
    which = {
        "trader": signal.trader_id,
        "after": question.after,
        "limit": question.limit,
        "only": None if question.only is None else list(question.only),
    }
    look_up_by_number()
    locked = [Locked._make(row) for row in run(LOCK, which)]
    # Those alone, or another one would move up for one that ended while its account was waited for.
    chosen = sorted(row.copy_id for row in locked)
    # Before what is held: one that is filled meanwhile is in both looks then, and not in neither.
    closing = closed_by_hand(locked) if exits else ()
    parameters = {
        **which,
        "only": chosen,
        "signal": signal.pk,
        "symbol": signal.symbol,
        "side": signal.side,
        "exits": exits,
        "markets": json_rows([{"venue": venue, "market_id": pk} for venue, pk in markets.items()]),
        "parts": [pk for (pk,) in run(PARTS, [signal.order_id, signal.pk])] if _is_part(signal) else None,
        "today": now.astimezone(UTC).date(),
    }
    return Loaded([_follower(row) for row in map(CopyRow._make, run(LOAD, parameters))], chosen, closing)


def _is_part(signal: Signal) -> bool:
    return bool(signal.numbers.get("part_of_order"))


def _follower(row: CopyRow) -> Follower:
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
        row.leverage,
        row.market_id,
        terms_of(row),
        FollowerState(
            funds=row.funds,
            held=row.held,
            remainder=row.remainder,
            opened_at=row.leader_opened_at,
            open_positions=row.open_positions,
            order_worth=row.order_worth,
            order_carried=row.order_carried,
            symbol_worth=row.symbol_worth,
            copy_worth=row.copy_worth,
            account_worth=row.account_worth,
            account_max_worth=row.account_max_worth,
            lost_today=row.lost_today,
            opposite_leader=row.opposite_leader,
            earlier_order_open=row.earlier_order_open,
            taken_by=row.taken_by,
        ),
        None if row.held_side is None else PositionWord(row.held_side),
        row.closable,
        row.others_under_way,
        row.others_leaving,
        row.entering,
        row.equity_asset,
        row.unbooked,
    )


def usual_leverage(kind: MarketKind) -> Decimal:
    """Return what accounts trade contracts of a kind with, where they were not told otherwise."""
    return USUAL_LEVERAGE.get(kind.value, USUAL_CONTRACT_LEVERAGE)


def opposite(side: PositionWord) -> PositionWord:
    """Return the other side."""
    return PositionWord.SHORT if side == PositionWord.LONG else PositionWord.LONG
