"""What leaders closed while nobody saw the trade, found as their next one is taken up.

A trade tells what the position was before it. Where that is less than the trades before it had left, the difference
was closed in between: copies close it as well, before they follow the trade. `vanished` looks after positions that
nobody trades.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from copytrade.lib.sql import json_rows, run
from replication.engine.books import Book
from replication.engine.trades import Change
from replication.telling import stored
from replication.vocabulary import Action, PositionWord, SignalSource
from traders.models import LeadTrader

# Less than this part of a position is not worth an order of each copy, and may be a matter of how figures are rounded.
WORTH_CLOSING = Decimal("0.01")
ONE = Decimal(1)
# What the newest signal of a position had left of it. Where the one that was written last is of an older trade, nobody
# can tell whether the other had counted it. What only one copy did, and what no copy followed, say nothing of leaders;
# what somebody holds at two venues is two positions.
_SIGNALS = """
    replication_signal s WHERE s.trader_id = {trader} AND s.symbol = {symbol} AND s.side = {side}
        AND s.venue = {venue} AND s.source <> 'stop' AND NOT s.numbers ?| '{{superseded,not_shown}}'
"""
LEFT = f"""
    SELECT s.id, s.event_time, s.venue, s.base_asset, s.quote_asset, CASE s.action WHEN 'CLOSE' THEN 0
        WHEN 'REDUCE' THEN s.position_before - s.quantity ELSE s.position_before + s.quantity END AS size
    FROM {_SIGNALS} ORDER BY s.event_time DESC, s.id DESC LIMIT 1
"""
NOTHING_LATE = f"n.id = (SELECT s.id FROM {_SIGNALS} ORDER BY s.id DESC LIMIT 1)"
# Positions that are shown may be older than the trades that are told with them: of a watched leader the report has to
# have changed the position, or an earlier one to have shown it that small.
SHOWN = """
    EXISTS (
        SELECT FROM traders_positionsnapshot p
        WHERE p.trader_id = %(trader)s AND (p.symbol, p.side) = (t.symbol, t.side) AND p.fetched_at > n.event_time
            AND (p.created_at >= t.detected_at OR abs(p.size) <= t.size))
"""
# Whoever copies the leader only since then has nothing to close.
HELD = """
    (EXISTS (
        SELECT FROM replication_copy c JOIN replication_copyposition p ON p.copy_id = c.id
        WHERE c.trader_id = %(trader)s AND c.state <> 'ended' AND p.quantity <> 0
            AND (p.leader_symbol, p.leader_side) = (t.symbol, t.side)
    ) OR EXISTS (
        SELECT FROM replication_signal s WHERE s.trader_id = %(trader)s AND s.symbol = t.symbol AND s.side = t.side
            AND s.state <> 'done'))
"""
_OF_TRADE = {"trader": "%(trader)s", "symbol": "t.symbol", "side": "t.side", "venue": "t.venue"}
LESS = f"""
    SELECT t.symbol, t.side, trim_scale(n.size)
    FROM json_to_recordset(%(rows)s::json) AS t (
        symbol text, side text, venue text, size numeric, event_time timestamptz, detected_at timestamptz, own boolean
    ) CROSS JOIN LATERAL ({LEFT.format_map(_OF_TRADE)}) n
    WHERE n.event_time < t.event_time AND t.size < n.size AND {NOTHING_LATE.format_map(_OF_TRADE)}
        AND CASE WHEN t.own THEN t.size = 0 ELSE %(visible)s AND {SHOWN} END AND {HELD}
"""
COVERED = """
    SELECT symbol, side, max(event_time) FROM replication_signal
    WHERE trader_id = %s AND symbol = ANY(%s) AND source = 'flat' AND action = 'REDUCE' GROUP BY 1, 2
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


def with_unseen(leader: LeadTrader, found: Sequence[Found]) -> list[Found]:
    """Return changes, which are in order, with what was closed of each position before its first one.

    What accounts that lead hold is known, but fees make it less than their trades bought: of them only what is gone
    altogether counts.
    """
    first: dict[Key, Found] = {}
    for each in found:
        if each.change.shown and not each.change.superseded:
            first.setdefault(each.key, each)
    unseen = _unseen(leader, {key: each for key, each in first.items() if each.change.action != Action.CLOSE})
    return [each for follows in found for each in (*unseen.get(follows.source_key, ()), follows)]


def seen_closed_until(leader: LeadTrader, symbols: Collection[str]) -> dict[Key, datetime]:
    """Return until when trades of positions are counted already, since what they left was seen.

    Should they become known afterwards, they must not be copied once more.
    """
    rows = run(COVERED, [leader.pk, sorted(symbols)])
    return {(symbol, PositionWord(side)): until for symbol, side, until in rows}


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


def _unseen(leader: LeadTrader, doubtful: Mapping[Key, Found]) -> dict[str, tuple[Found]]:
    """Return what was closed before these changes, by the key of the one that it precedes."""
    if not doubtful:
        return {}
    values = {"trader": leader.pk, "visible": leader.positions_visible, "rows": json_rows(_rows(doubtful.values()))}
    less = [(doubtful[symbol, PositionWord(side)], held) for symbol, side, held in run(LESS, values)]
    return {
        follows.source_key: (_closed(follows, held),)
        for follows, held in less
        if held - follows.change.position_before >= held * WORTH_CLOSING
    }


def _rows(doubtful: Iterable[Found]) -> list[dict[str, object]]:
    return [
        {
            "symbol": each.change.symbol,
            "side": each.change.side,
            "venue": each.book.venue,
            "size": each.change.position_before,
            "event_time": each.change.event_time,
            "detected_at": each.change.detected_at,
            "own": each.source == SignalSource.FILL,
        }
        for each in doubtful
    ]


def _closed(follows: Found, held: Decimal) -> Found:
    change = follows.change
    closed = reduction(
        symbol=change.symbol,
        side=change.side,
        held=held,
        left=change.position_before,
        at=change.event_time,
        known=change.detected_at,
    )
    return Found(SignalSource.FLAT, f"{SignalSource.FLAT}:before:{follows.source_key}", closed, follows.book)
