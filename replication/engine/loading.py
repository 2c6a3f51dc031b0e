"""How the copies of a leader stand: all that planning one signal needs, in as many statements for any number."""

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
        WHERE (o.leader_symbol, o.leader_side) <> (%(symbol)s, %(side)s) AND ((o.quantity <> 0 AND abs(o.quantity) >= coalesce(m.quantity_step, 0)) OR EXISTS (
                SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = t.market_id
                    AND i.side = o.side AND i.state IN ('waiting', 'planned'))) OFFSET 0
    ) taken ON true
    ORDER BY c.id
"""
# The statements below ask for the copies by number: each is a handful of index lookups, whatever the planner knows of
# the tables. Worth of a position at its entry: its cost, on inverse markets (whose cost is in the coin) what the
# contracts say.
PLACES = """
    unnest(%(copies)s::bigint[], %(accounts)s::bigint[], %(markets)s::bigint[], %(sides)s::text[])
        AS w(copy_id, account_id, market_id, side)
"""
HELD = f"""
    SELECT w.copy_id, trim_scale(max(x.leverage)), trim_scale(coalesce(sum(
        greatest(CASE WHEN w.side = 'LONG' THEN x.quantity ELSE -x.quantity END, 0))
            FILTER (WHERE x.side IN ('BOTH', w.side)), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM orders_holding x WHERE (x.account_id, x.market_id) = (w.account_id, w.market_id) OFFSET 0
    ) x ON true GROUP BY w.copy_id
"""
POSITIONS = f"""
    SELECT w.copy_id, count(*) FILTER (WHERE q.quantity <> 0 AND abs(q.quantity) >= coalesce(m.quantity_step, 0)),
        trim_scale(sum(q.realized_pnl - q.fees)),
        trim_scale(sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)),
        trim_scale(coalesce(
            sum(CASE WHEN m.kind = 'coin_m' THEN abs(q.quantity) * m.contract_size ELSE abs(q.cost) END)
                FILTER (WHERE q.market_id = w.market_id), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM replication_copyposition q WHERE q.copy_id = w.copy_id OFFSET 0
    ) q ON true JOIN markets_market m ON m.id = q.market_id GROUP BY w.copy_id
"""
UNDER_WAY = f"""
    SELECT w.copy_id, trim_scale(coalesce(sum(i.worth) FILTER (WHERE NOT i.exits AND i.state = 'planned'), 0)),
        trim_scale(coalesce(sum(i.worth)
            FILTER (WHERE NOT i.exits AND i.state = 'planned' AND i.market_id = w.market_id), 0)),
        count(DISTINCT i.market_id) FILTER (WHERE NOT i.exits AND i.state = 'planned'
            AND i.market_id IS DISTINCT FROM w.market_id AND NOT EXISTS (
                SELECT FROM replication_copyposition o WHERE o.copy_id = w.copy_id AND o.market_id = i.market_id
                    AND o.quantity <> 0)),
        coalesce(bool_or((%(exits)s OR i.exits) AND i.market_id = w.market_id
            AND i.id < coalesce(self.id, 9223372036854775807)), false),
        coalesce(bool_or(NOT i.exits AND i.state = 'planned' AND i.market_id = w.market_id), false)
    FROM {PLACES} JOIN LATERAL (
        SELECT * FROM replication_copyintent i WHERE i.copy_id = w.copy_id AND i.state IN ('waiting', 'planned')
        OFFSET 0
    ) i ON true LEFT JOIN LATERAL (
        SELECT id FROM replication_copyintent WHERE (copy_id, signal_id) = (w.copy_id, %(signal)s) OFFSET 0
    ) self ON true GROUP BY w.copy_id
"""
ACCOUNTS = """
    SELECT account_id, trim_scale(sum(worth)) FROM (
        SELECT h.account_id, CASE WHEN m.kind = 'coin_m' THEN abs(h.quantity) * m.contract_size
            ELSE abs(h.cost) END AS worth
        FROM orders_holding h JOIN markets_market m ON m.id = h.market_id
        WHERE h.account_id = ANY(%(accounts)s) AND h.quantity <> 0
        UNION ALL
        SELECT c.account_id, i.worth FROM replication_copy c JOIN LATERAL (
            SELECT worth FROM replication_copyintent i
            WHERE i.copy_id = c.id AND i.state = 'planned' AND NOT i.exits OFFSET 0
        ) i ON true WHERE c.account_id = ANY(%(accounts)s)
    ) AS every GROUP BY account_id
"""
# The other side of a one-way account is taken by another copy, or by this one for a leader who holds both; what is
# being closed right now, as where a leader turns, takes nothing.
OPPOSITES = f"""
    SELECT w.copy_id, coalesce(nullif(l.nickname, ''), l.external_id)
    FROM {PLACES} JOIN LATERAL (
        SELECT id, trader_id FROM replication_copy c WHERE c.account_id = w.account_id OFFSET 0
    ) c ON true JOIN traders_leadtrader l ON l.id = c.trader_id
    WHERE EXISTS (
        SELECT FROM replication_copyposition o JOIN orders_holding x ON x.account_id = w.account_id
            AND x.market_id = o.market_id AND x.quantity <> 0 AND (x.quantity > 0) = (o.quantity > 0)
        WHERE o.copy_id = c.id AND o.market_id = w.market_id AND o.quantity <> 0
            AND (o.quantity > 0) <> (w.side = 'LONG') AND NOT (c.id = w.copy_id AND EXISTS (
                SELECT FROM replication_copyintent e WHERE e.copy_id = c.id AND e.market_id = o.market_id
                    AND e.exits AND e.state IN ('waiting', 'planned')))
    ) OR EXISTS (
        SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = w.market_id
            AND i.state = 'planned' AND NOT i.exits AND i.side <> w.side)
    ORDER BY c.id DESC
"""
OTHERS = f"""
    SELECT w.copy_id, trim_scale(coalesce(sum(i.quantity - i.filled_quantity)
        FILTER (WHERE i.exits AND i.side = w.side), 0))
    FROM {PLACES} JOIN LATERAL (
        SELECT id FROM replication_copy c WHERE c.account_id = w.account_id AND c.id <> w.copy_id OFFSET 0
    ) c ON true JOIN LATERAL (
        SELECT * FROM replication_copyintent i
        WHERE (i.copy_id, i.market_id) = (c.id, w.market_id) AND i.state = 'planned' OFFSET 0
    ) i ON true GROUP BY w.copy_id
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
    taken_by: str = ""
    """Another symbol of the leader that the copy holds in this position, in which both would become one."""


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
    rows = [Row._make(row) for row in run(COPIES, {**which, **sides, "markets": wanted, "today": today})]
    if not rows:
        return []
    standing = _exit_standing(rows, signal) if exits else _entry_standing(rows, signal)
    return [_follower(row, standing) for row in rows]


class Row(NamedTuple):
    """The columns of `COPIES`."""

    copy_id: int
    account_id: int
    user_id: int
    venue: str
    mode: str
    account_state: str
    account_reason: str
    live_enabled: bool
    hedge_mode: bool
    equity_asset: str
    equity: Decimal | None
    account_max_worth: Decimal | None
    paper_leverage: Decimal | None
    allocated: Decimal | None
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
    lost_today: Decimal
    taken_by: str


class Positions(NamedTuple):
    """What a copy holds in all its markets, and what it ever made."""

    open: int = 0
    realized: Decimal = ZERO
    worth: Decimal = ZERO
    symbol_worth: Decimal = ZERO


class UnderWay(NamedTuple):
    """What a copy has ordered, or waits for, and is not final."""

    worth: Decimal = ZERO
    symbol_worth: Decimal = ZERO
    new_positions: int = 0
    earlier: bool = False
    entering: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How copies and accounts stand, by their numbers; who is missing has nothing of it."""

    held: Mapping[int, tuple[Decimal | None, Decimal]]
    under_way: Mapping[int, UnderWay]
    positions: Mapping[int, Positions]
    accounts: Mapping[int, Decimal]
    opposites: Mapping[int, str]
    others: Mapping[int, Decimal]


def _entry_standing(rows: Sequence[Row], signal: Signal) -> Standing:
    sides = [_wanted_side(row, signal) for row in rows]
    places = _places(rows, sides, signal)
    one_way = [(row, side) for row, side in zip(rows, sides, strict=True) if not row.hedge_mode]
    netting = _places([row for row, _ in one_way], [side for _, side in one_way], signal)
    return Standing(
        held=_held(places),
        under_way=_under_way({**places, "exits": False}),
        positions={copy: Positions(*sums) for copy, *sums in run(POSITIONS, places)},
        accounts=dict(run(ACCOUNTS, places)),
        opposites=dict(run(OPPOSITES, netting)),
        others={},
    )


def _exit_standing(rows: Sequence[Row], signal: Signal) -> Standing:
    held = [row for row in rows if row.held]
    places = _places(held, [row.held_side for row in held], signal)
    every = _places(rows, [row.held_side for row in rows], signal)
    return Standing(
        held=_held(places),
        under_way=_under_way({**every, "exits": True}),
        positions={},
        accounts={},
        opposites={},
        others=dict(run(OTHERS, places)),
    )


def _places(rows: Sequence[Row], sides: Sequence[str | None], signal: Signal) -> dict[str, Any]:
    return {
        "copies": [row.copy_id for row in rows],
        "accounts": [row.account_id for row in rows],
        "markets": [row.market_id for row in rows],
        "sides": list(sides),
        "signal": signal.pk,
    }


def _held(places: Mapping[str, Any]) -> dict[int, tuple[Decimal | None, Decimal]]:
    return {copy: (leverage, quantity) for copy, leverage, quantity in run(HELD, places)}


def _under_way(places: Mapping[str, Any]) -> dict[int, UnderWay]:
    return {copy: UnderWay(*sums) for copy, *sums in run(UNDER_WAY, places)}


def _wanted_side(row: Row, signal: Signal) -> str:
    side = PositionWord(signal.side)
    return (opposite(side) if row.inverted else side).value


NOTHING_UNDER_WAY, NO_POSITIONS, NOT_HELD = UnderWay(), Positions(), (None, ZERO)


def _follower(row: Row, standing: Standing) -> Follower:
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
        ),
        None if row.held_side is None else PositionWord(row.held_side),
        closable,
        row.copy_id in standing.others,
        standing.others.get(row.copy_id, ZERO),
        under_way.entering,
        row.equity_asset,
        row.taken_by,
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
