"""How the copies of a leader stand: everything that planning one signal needs, in two statements for any number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from copytrade.lib.sql import json_rows, run
from markets.venues.vocabulary import MarketKind
from replication.facts import ZERO, CopyTerms, FollowerState, TradingHours
from replication.models import Signal
from replication.vocabulary import EXITS, Action, CopyState, MinimumPolicy, PositionWord, Strategy

# What an account may hold times its funds where nobody told its leverage.
USUAL_LEVERAGE = {"spot": Decimal(1), "equity": Decimal(5)}
USUAL_CONTRACT_LEVERAGE = Decimal(20)

LOCK = """
    SELECT id FROM orders_tradingaccount WHERE id IN (
        SELECT account_id FROM replication_copy WHERE trader_id = %(trader)s AND state <> 'ended' AND id > %(after)s
            AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s)) ORDER BY id LIMIT %(limit)s)
    ORDER BY id FOR NO KEY UPDATE
"""
# Worth of a position at its entry: its cost, on inverse markets (whose cost is in the coin) what the contracts say.
# The other side of a one-way account is taken by another copy, or by this one for a leader who holds both; what is
# being closed right now, as where a leader turns, takes nothing.
LOAD = """
    WITH chosen AS (
        SELECT * FROM replication_copy WHERE trader_id = %(trader)s AND state <> 'ended' AND id > %(after)s
            AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s)) ORDER BY id LIMIT %(limit)s
    ), target AS (
        SELECT * FROM json_to_recordset(%(markets)s) AS m(venue text, market_id bigint)
    ), holding AS (
        SELECT h.account_id, sum(
            CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size ELSE abs(h.cost) END) AS worth
        FROM orders_holding h JOIN markets_market m ON m.id = h.market_id
        WHERE h.quantity <> 0 AND h.account_id IN (SELECT account_id FROM chosen) GROUP BY h.account_id
    ), flying AS (
        SELECT c.account_id, sum(i.worth) AS worth
        FROM replication_copyintent i JOIN replication_copy c ON c.id = i.copy_id
        WHERE i.state = 'planned' AND NOT i.exits AND c.account_id IN (SELECT account_id FROM chosen)
        GROUP BY c.account_id
    )
    SELECT c.id AS copy_id, c.account_id, a.user_id, a.venue, a.mode, a.state AS account_state, a.state_reason,
        a.live_enabled, a.hedge_mode, trim_scale(coalesce(c.allocated + coalesce(mine.realized, 0), a.equity)) AS funds,
        trim_scale(a.max_worth) AS account_max_worth,
        trim_scale(coalesce(held.leverage, paper.leverage)) AS leverage, c.state, c.strategy, c.started_at,
        trim_scale(c.ratio) AS ratio,
        trim_scale(c.percentage) AS percentage, trim_scale(c.fixed_quantity) AS fixed_quantity,
        trim_scale(c.fixed_amount) AS fixed_amount, c.tiers::text AS tiers, c.inverted,
        trim_scale(c.max_order) AS max_order, trim_scale(c.max_symbol) AS max_symbol,
        trim_scale(c.max_exposure) AS max_exposure, c.max_positions, trim_scale(c.max_leverage) AS max_leverage,
        trim_scale(c.max_daily_loss) AS max_daily_loss, trim_scale(c.max_slippage_percent) AS max_slippage_percent,
        c.max_signal_age_seconds, c.allowed_symbols, c.denied_symbols, c.minimum_policy,
        c.trading_hours::text AS trading_hours, coalesce(p.market_id, t.market_id) AS market_id, p.side AS held_side,
        trim_scale(coalesce(p.quantity, 0)) AS held, trim_scale(coalesce(p.remainder, 0)) AS remainder,
        p.leader_opened_at, coalesce(mine.open_positions, 0) AS open_positions,
        trim_scale(coalesce(mine.symbol_worth, 0) + coalesce(under.symbol_worth, 0)) AS symbol_worth,
        trim_scale(coalesce(mine.worth, 0) + coalesce(under.worth, 0)) AS copy_worth,
        trim_scale(coalesce(h.worth, 0) + coalesce(f.worth, 0)) AS account_worth,
        trim_scale(coalesce(d.fees - d.realized_pnl, 0)) AS lost_today,
        coalesce(opposite.leader, '') AS opposite_leader, coalesce(under.earlier, false) AS earlier_order_open,
        coalesce(under.new_positions, 0) AS new_positions, coalesce(under.entering, false) AS entering,
        trim_scale(coalesce(theirs.quantity, 0)) AS closable, coalesce(others.moving, false) AS others_under_way,
        trim_scale(coalesce(others.leaving, 0)) AS others_leaving,
        a.equity_asset
    FROM chosen c
    JOIN orders_tradingaccount a ON a.id = c.account_id
    LEFT JOIN markets_paperaccount paper ON a.mode = 'paper' AND paper.key = a.key::text
    LEFT JOIN target t ON t.venue = a.venue
    LEFT JOIN LATERAL (
        SELECT * FROM replication_copyposition p WHERE p.copy_id = c.id AND p.leader_symbol = %(symbol)s
            AND p.leader_side = %(side)s AND (%(exits)s OR p.market_id = t.market_id)
        ORDER BY p.quantity = 0, p.id DESC LIMIT 1
    ) p ON true
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE q.quantity <> 0 AND abs(q.quantity) >= coalesce(m.quantity_step, 0))
                AS open_positions, sum(q.realized_pnl - q.fees) AS realized,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END) AS worth,
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)
                FILTER (WHERE q.market_id = coalesce(p.market_id, t.market_id)) AS symbol_worth
        FROM replication_copyposition q JOIN markets_market m ON m.id = q.market_id WHERE q.copy_id = c.id
    ) mine ON true
    LEFT JOIN LATERAL (
        SELECT sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned') AS worth,
            sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned'
                AND i.market_id = coalesce(p.market_id, t.market_id)) AS symbol_worth,
            count(DISTINCT i.market_id) FILTER (WHERE NOT i.exits AND i.state = 'planned'
                AND i.market_id IS DISTINCT FROM coalesce(p.market_id, t.market_id) AND NOT EXISTS (
                SELECT FROM replication_copyposition o WHERE o.copy_id = c.id AND o.market_id = i.market_id
                    AND o.quantity <> 0)) AS new_positions,
            bool_or((%(exits)s OR i.exits) AND i.market_id = coalesce(p.market_id, t.market_id)
                AND i.id < coalesce(self.id, 9223372036854775807)) AS earlier,
            bool_or(NOT i.exits AND i.state = 'planned' AND i.market_id = coalesce(p.market_id, t.market_id))
                AS entering
        FROM replication_copyintent i
        LEFT JOIN replication_copyintent self ON self.copy_id = c.id AND self.signal_id = %(signal)s
        WHERE i.copy_id = c.id AND i.state IN ('waiting', 'planned')
    ) under ON true
    LEFT JOIN holding h ON h.account_id = c.account_id
    LEFT JOIN flying f ON f.account_id = c.account_id
    LEFT JOIN replication_copyday d ON d.copy_id = c.id AND d.date = %(today)s
    LEFT JOIN LATERAL (
        SELECT x.leverage FROM orders_holding x WHERE x.account_id = c.account_id
            AND x.market_id = coalesce(p.market_id, t.market_id) AND x.leverage IS NOT NULL LIMIT 1
    ) held ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(nullif(l.nickname, ''), l.external_id) AS leader
        FROM replication_copy oc JOIN traders_leadtrader l ON l.id = oc.trader_id
        WHERE NOT %(exits)s AND oc.account_id = c.account_id AND NOT a.hedge_mode AND (EXISTS (
                SELECT FROM replication_copyposition o JOIN orders_holding x ON x.account_id = c.account_id
                    AND x.market_id = o.market_id AND x.quantity <> 0 AND (x.quantity > 0) = (o.quantity > 0)
                WHERE o.copy_id = oc.id AND o.market_id = t.market_id AND o.quantity <> 0
                    AND (o.quantity > 0) <> ((%(side)s = 'LONG') <> c.inverted)
                    AND NOT (oc.id = c.id AND EXISTS (
                        SELECT FROM replication_copyintent e WHERE e.copy_id = oc.id AND e.market_id = o.market_id
                            AND e.exits AND e.state IN ('waiting', 'planned'))))
            OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = oc.id AND i.market_id = t.market_id
                    AND i.state = 'planned' AND NOT i.exits
                    AND (i.side = 'LONG') <> ((%(side)s = 'LONG') <> c.inverted))) LIMIT 1
    ) opposite ON true
    LEFT JOIN LATERAL (
        SELECT sum(greatest(CASE WHEN p.side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0)) AS quantity
        FROM orders_holding x WHERE %(exits)s AND p.quantity <> 0 AND x.account_id = c.account_id
            AND x.market_id = p.market_id AND x.side IN ('BOTH', p.side)
    ) theirs ON true
    LEFT JOIN LATERAL (
        SELECT count(*) > 0 AS moving,
            sum(i.quantity - i.filled_quantity) FILTER (WHERE i.exits AND i.side = p.side) AS leaving
        FROM replication_copyintent i JOIN replication_copy oc ON oc.id = i.copy_id
        WHERE %(exits)s AND p.quantity <> 0 AND oc.account_id = c.account_id AND oc.id <> c.id
            AND i.market_id = p.market_id AND i.state = 'planned'
    ) others ON true
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

    Needs a transaction. What is ordered and not final counts as if it were filled.
    """
    parameters = {
        "trader": signal.trader_id,
        "signal": signal.pk,
        "after": question.after,
        "limit": question.limit,
        "only": None if question.only is None else list(question.only),
        "markets": json_rows([{"venue": venue, "market_id": pk} for venue, pk in markets.items()]),
        "symbol": signal.symbol,
        "side": signal.side,
        "exits": Action(signal.action) in EXITS,
        "today": now.astimezone(UTC).date(),
    }
    run(LOCK, {name: parameters[name] for name in ("trader", "after", "only", "limit")})
    return [_follower(row) for row in map(Row._make, run(LOAD, parameters))]


class Row(NamedTuple):
    """The columns of `LOAD`."""

    copy_id: int
    account_id: int
    user_id: int
    venue: str
    mode: str
    account_state: str
    state_reason: str
    live_enabled: bool
    hedge_mode: bool
    funds: Decimal | None
    account_max_worth: Decimal | None
    leverage: Decimal | None
    state: str
    strategy: str
    started_at: datetime
    ratio: Decimal | None
    percentage: Decimal | None
    fixed_quantity: Decimal | None
    fixed_amount: Decimal | None
    tiers: str
    inverted: bool
    max_order: Decimal | None
    max_symbol: Decimal | None
    max_exposure: Decimal | None
    max_positions: int | None
    max_leverage: Decimal | None
    max_daily_loss: Decimal | None
    max_slippage_percent: Decimal | None
    max_signal_age_seconds: int
    allowed_symbols: list[str]
    denied_symbols: list[str]
    minimum_policy: str
    trading_hours: str
    market_id: int | None
    held_side: str | None
    held: Decimal
    remainder: Decimal
    leader_opened_at: datetime | None
    open_positions: int
    symbol_worth: Decimal
    copy_worth: Decimal
    account_worth: Decimal
    lost_today: Decimal
    opposite_leader: str
    earlier_order_open: bool
    new_positions: int
    entering: bool
    closable: Decimal
    others_under_way: bool
    others_leaving: Decimal
    equity_asset: str


def _follower(row: Row) -> Follower:
    return Follower(
        row.copy_id,
        row.account_id,
        row.user_id,
        row.venue,
        row.mode == "live",
        row.live_enabled,
        row.account_state,
        row.state_reason,
        row.hedge_mode,
        row.leverage,
        row.market_id,
        terms_of(row),
        FollowerState(
            funds=row.funds,
            held=row.held,
            remainder=row.remainder,
            opened_at=row.leader_opened_at,
            open_positions=row.open_positions + row.new_positions,
            symbol_worth=row.symbol_worth,
            copy_worth=row.copy_worth,
            account_worth=row.account_worth,
            account_max_worth=row.account_max_worth,
            lost_today=row.lost_today,
            opposite_leader=row.opposite_leader,
            earlier_order_open=row.earlier_order_open,
        ),
        None if row.held_side is None else PositionWord(row.held_side),
        row.closable,
        row.others_under_way,
        row.others_leaving,
        row.entering,
        row.equity_asset,
    )


def terms_of(row: Any) -> CopyTerms:
    """Return the terms of a copy from its columns; JSON columns come as text."""
    return CopyTerms(
        state=CopyState(row.state),
        strategy=Strategy(row.strategy),
        started_at=row.started_at,
        ratio=row.ratio,
        percentage=row.percentage,
        fixed_quantity=row.fixed_quantity,
        fixed_amount=row.fixed_amount,
        tiers=tiers_of(row.tiers),
        inverted=row.inverted,
        max_order=row.max_order,
        max_symbol=row.max_symbol,
        max_exposure=row.max_exposure,
        max_positions=row.max_positions,
        max_leverage=row.max_leverage,
        max_daily_loss=row.max_daily_loss,
        max_slippage_percent=row.max_slippage_percent,
        max_signal_age_seconds=row.max_signal_age_seconds,
        allowed_symbols=frozenset(row.allowed_symbols),
        denied_symbols=frozenset(row.denied_symbols),
        minimum_policy=MinimumPolicy(row.minimum_policy),
        trading_hours=hours_of(row.trading_hours),
    )


@lru_cache(maxsize=1024)
def tiers_of(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the tiers of a copy, from the smallest worth on; none where they cannot be read."""
    try:
        tiers = msgspec.json.decode(text, type=list[dict[str, Decimal]])
        return tuple(sorted((tier["from"], tier["multiplier"]) for tier in tiers))
    except (msgspec.DecodeError, KeyError):
        return ()


@lru_cache(maxsize=1024)
def hours_of(text: str) -> TradingHours | None:
    """Return the trading hours of a copy, None for always; such as never are where they cannot be read."""
    hours = msgspec.json.decode(text)
    if not hours:
        return None
    try:
        return TradingHours(
            zone=hours["zone"],
            days=frozenset(hours["days"]),
            since=_minute(hours["from"]),
            until=_minute(hours["to"]),
        )
    except (KeyError, TypeError, ValueError):
        return TradingHours(zone="", days=frozenset(), since=0, until=0)


def opposite(side: PositionWord) -> PositionWord:
    """Return the other side."""
    return PositionWord.SHORT if side == PositionWord.LONG else PositionWord.LONG


def usual_leverage(kind: MarketKind) -> Decimal:
    """Return what accounts trade contracts of a kind with, where they were not told otherwise."""
    return USUAL_LEVERAGE.get(kind.value, USUAL_CONTRACT_LEVERAGE)


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
