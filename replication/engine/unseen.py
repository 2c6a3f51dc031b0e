"""What leaders closed while nobody saw the trade, found as their next one is taken up.

The trades before it had left something of the position. Where less was held before the next one, the difference was
closed in between: copies close it as well, before they follow the trade. `vanished` looks after positions that nobody
trades.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from copytrade.lib.sql import json_rows, run
from replication.engine.books import Book, Unseen
from replication.engine.trades import Change
from replication.telling import stored
from replication.vocabulary import Action, PositionWord, SignalSource
from traders.models import LeadTrader

# Less than this part of a position is not worth an order of each copy, and may be a matter of how figures are rounded.
WORTH_CLOSING = Decimal("0.01")
ONE = Decimal(1)
# What the newest signal of a position had left of it, NULL where that is in doubt. Where the one that was written last
# is of an older trade, nobody can tell whether the other had counted it. What only one copy did, and what no copy
# followed, say nothing of leaders; what somebody holds at two venues is two positions.
_SIGNALS = """
    replication_signal s WHERE s.trader_id = {trader} AND s.symbol = {symbol} AND s.side = {side}
        AND s.venue = {venue} AND s.source <> 'stop' AND NOT s.numbers ? 'superseded'
"""
LEFT = f"""
    SELECT s.id, s.event_time, s.venue, s.base_asset, s.quote_asset, CASE
        WHEN s.numbers ? 'not_shown' THEN NULL WHEN s.action = 'CLOSE' THEN 0
        WHEN s.action = 'REDUCE' THEN s.position_before - s.quantity ELSE s.position_before + s.quantity END AS size
    FROM {_SIGNALS} ORDER BY s.event_time DESC, s.id DESC LIMIT 1
"""
# Of several trades in a row a signal has the time of the first.
LAST_TRADE = """
    coalesce((SELECT max(e.event_time) FROM replication_signalpart p JOIN traders_tradeevent e ON e.id = p.event_id
        WHERE p.signal_id = n.id), n.event_time)
"""
NOTHING_LATE = f"NOT EXISTS (SELECT FROM {_SIGNALS} AND s.id > n.id)"
# Sources read positions and trades one after the other: a trade in between is in the one and not in the other.
READ_WITHIN = timedelta(seconds=10)
_OF_TRADE = {"trader": "%(trader)s", "symbol": "t.symbol", "side": "t.side", "venue": "t.venue"}
_ROWS = """
    json_to_recordset(%(rows)s::json) AS t (
        symbol text, side text, venue text, before numeric, first timestamptz, fact bigint)
"""
# Looked up for each trade that is taken up. What is dearer is only asked of those that differ.
DIFFERENT = f"""
    SELECT t.symbol, t.side FROM {_ROWS} CROSS JOIN LATERAL ({LEFT.format_map(_OF_TRADE)}) n
    WHERE n.size <> t.before AND n.event_time <= t.first
"""
# Whoever copies the leader only since then has nothing to close. `OFFSET 0` lets the copies be looked up one by one.
HELD = """
    (EXISTS (
        SELECT FROM replication_copy c CROSS JOIN LATERAL (
            SELECT FROM replication_copyposition p WHERE p.copy_id = c.id AND p.quantity <> 0
                AND (p.leader_symbol, p.leader_side) = (t.symbol, t.side) OFFSET 0
        ) p WHERE c.trader_id = %(trader)s AND c.state <> 'ended'
    ) OR EXISTS (
        SELECT FROM replication_signal s WHERE s.trader_id = %(trader)s AND s.symbol = t.symbol AND s.side = t.side
            AND s.state IN ('pending', 'planned')))
"""
# What the trades left holds as long as all since then were taken up, and no report shows otherwise that was read long
# enough after the one and before the other. Of reports only those that show something new are stored.
STANDING = f"""
    SELECT t.symbol, t.side, trim_scale(n.size), r.size, r.fetched_at
    FROM {_ROWS} CROSS JOIN LATERAL ({LEFT.format_map(_OF_TRADE)}) n LEFT JOIN LATERAL (
        SELECT trim_scale(abs(p.size)) AS size, p.fetched_at FROM traders_positionsnapshot p
        WHERE p.trader_id = %(trader)s AND (p.symbol, p.side) = (t.symbol, t.side)
            AND p.fetched_at > {LAST_TRADE} + %(within)s AND p.fetched_at < t.first
        ORDER BY p.fetched_at DESC, p.id DESC LIMIT 1
    ) r ON %(visible)s
    WHERE {NOTHING_LATE.format_map(_OF_TRADE)} AND (n.size = 0 OR {HELD})
        AND NOT EXISTS (SELECT FROM traders_tradeevent e WHERE e.trader_id = %(trader)s AND e.symbol = t.symbol
            AND e.kind IN ('OPEN_' || t.side, 'CLOSE_' || t.side) AND e.id <> ALL(%(taken)s)
            AND e.event_time > n.event_time
            AND NOT e.awaits_copy AND NOT EXISTS (SELECT FROM replication_signalpart p WHERE p.event_id = e.id))
"""
# Of accounts that lead only what is gone altogether counts, since fees make it less than their trades bought; and only
# where they hold none of it elsewhere, in another kind of market or of account.
GONE = f"""
    SELECT t.symbol, t.side, trim_scale(n.size)
    FROM {_ROWS} CROSS JOIN LATERAL ({LEFT.format_map(_OF_TRADE)}) n
    WHERE {NOTHING_LATE.format_map(_OF_TRADE)} AND {HELD} AND NOT EXISTS (
        SELECT FROM orders_fill f, replication_leaderaccount a JOIN orders_holding h ON h.account_id = a.account_id
            JOIN markets_market m ON m.id = h.market_id
        WHERE f.id = t.fact AND a.trader_id = %(trader)s AND m.symbol = t.symbol
            AND (h.market_id, h.side) <> (f.market_id, f.position_side)
            AND CASE WHEN t.side = 'LONG' THEN h.quantity > 0 ELSE h.quantity < 0 END)
"""
# Exits that became known after what they left was seen, and are counted by it, leave less room for others.
COVERED = """
    SELECT s.symbol, s.side, s.event_time, s.position_before - s.quantity, trim_scale(s.quantity - coalesce((
        SELECT sum(e.amount) FROM traders_tradeevent e
        WHERE e.trader_id = s.trader_id AND e.symbol = s.symbol AND e.kind = 'CLOSE_' || s.side
            AND e.created_at >= s.detected_at AND e.event_time <= s.event_time + %(within)s
            AND NOT e.awaits_copy AND e.id <> ALL(%(taken)s)), 0))
    FROM (
        SELECT DISTINCT ON (symbol, side) * FROM replication_signal
        WHERE trader_id = %(trader)s AND symbol = ANY(%(symbols)s) AND source = 'flat' AND action = 'REDUCE'
        ORDER BY symbol, side, event_time DESC
    ) s
"""
Key = tuple[str, PositionWord]


class Found(NamedTuple):
    """A change of a leader's position, to be a signal."""

    source: SignalSource
    source_key: str
    change: Change
    book: Book

    @property
    def key(self) -> Key:
        """Return which position it is of."""
        return self.change.symbol, self.change.side


class Doubt(NamedTuple):
    """What was held before trades as far as their source tells, when the first of them was, and one of them."""

    venue: str
    before: Decimal
    first: datetime
    fact_id: int


class Covered(NamedTuple):
    """Until when trades are counted by a reduction that was seen, what it left, and how much no trade explains yet."""

    until: datetime
    left: Decimal
    room: Decimal


def with_unseen(leader: LeadTrader, found: Sequence[Found]) -> list[Found]:
    """Return changes, which are in order, with what was closed of each position before its first one."""
    first: dict[Key, Found] = {}
    for each in found:
        if each.change.shown and not each.change.superseded:
            first.setdefault(each.key, each)
    gone = _gone(leader, {key: each for key, each in first.items() if each.source == SignalSource.FILL})
    unseen = {each.source_key: _closed(each, gone) for each in first.values()}
    return [each for follows in found for each in (*unseen.get(follows.source_key, ()), follows)]


def standings(
    leader: LeadTrader, doubts: Mapping[Key, Doubt], *, taken: Collection[int]
) -> dict[Key, tuple[Decimal, Unseen | None]]:
    """Return what was held before trades that are `taken` where that is other than their source tells.

    It is what the trades before had left, or what a report showed since: positions that a source tells beside its
    trades may lack some of these, or have more. With it comes what of the position was closed unseen.
    """
    different = _different(leader, doubts)
    if not different:
        return {}
    values = _values(leader, different) | {
        "visible": leader.positions_visible,
        "taken": sorted(taken),
    }
    return {
        (symbol, PositionWord(side)): _standing(held, shown, at)
        for symbol, side, held, shown, at in run(STANDING, values)
    }


def seen_closed(leader: LeadTrader, symbols: Collection[str], *, taken: Collection[int]) -> dict[Key, Covered]:
    """Return up to where trades of positions are counted already, since what they left was seen.

    Should they become known afterwards, they must not be copied once more.
    """
    values = {"trader": leader.pk, "symbols": sorted(symbols), "taken": sorted(taken), "within": READ_WITHIN}
    return {(symbol, PositionWord(side)): Covered(*covered) for symbol, side, *covered in run(COVERED, values)}


def reduction(
    *, symbol: str, side: PositionWord, held: Decimal, left: Decimal, at: datetime, known: datetime
) -> Change:
    """Return what made a position smaller: from `held` to `left`, both in coins."""
    return Change(
        action=Action.REDUCE if left else Action.CLOSE,
        symbol=symbol,
        side=side,
        quantity=held - left,
        price=None,
        fraction=stored((held - left) / held) if left else ONE,
        position_before=held,
        fact_ids=(),
        event_time=at,
        detected_at=known,
        order_id=None,
    )


def _different(leader: LeadTrader, doubts: Mapping[Key, Doubt]) -> dict[Key, Doubt]:
    if not doubts:
        return {}
    rows = run(DIFFERENT, _values(leader, doubts))
    return {(symbol, side): doubts[symbol, side] for symbol, side in rows}


def _values(leader: LeadTrader, doubts: Mapping[Key, Doubt]) -> dict[str, object]:
    rows = [
        {
            "symbol": symbol,
            "side": side,
            "venue": doubt.venue,
            "before": doubt.before,
            "first": doubt.first,
            "fact": doubt.fact_id,
        }
        for (symbol, side), doubt in doubts.items()
    ]
    return {"trader": leader.pk, "rows": json_rows(rows), "within": READ_WITHIN}


def _standing(held: Decimal, shown: Decimal | None, at: datetime | None) -> tuple[Decimal, Unseen | None]:
    if shown is None or at is None:
        return held, None
    if held <= shown or held - shown < held * WORTH_CLOSING:
        return shown, None
    return shown, Unseen(held, shown, at)


def _gone(leader: LeadTrader, first: Mapping[Key, Found]) -> dict[Key, Decimal]:
    opened = {
        key: Doubt(each.book.venue, Decimal(0), each.change.event_time, each.change.fact_ids[0])
        for key, each in first.items()
        if each.change.action == Action.OPEN
    }
    different = _different(leader, opened)
    rows = run(GONE, _values(leader, different)) if different else []
    return {(symbol, PositionWord(side)): held for symbol, side, held in rows}


def _closed(follows: Found, gone: Mapping[Key, Decimal]) -> tuple[Found, ...]:
    """Return what was closed of a position before its first change: as its book tells, or all of what is gone."""
    change, unseen = follows.change, follows.book.unseen
    if follows.key in gone:
        unseen = Unseen(gone[follows.key], Decimal(0), change.event_time)
    if unseen is None:
        return ()
    closed = reduction(
        symbol=change.symbol,
        side=change.side,
        held=unseen.held,
        left=unseen.left,
        at=unseen.at,
        known=change.detected_at,
    )
    return (Found(SignalSource.FLAT, f"{SignalSource.FLAT}:before:{follows.source_key}", closed, follows.book),)
