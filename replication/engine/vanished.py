"""Positions that a leader no longer has, or has less of: closed while nobody saw the trade.

Of watched leaders only a complete report of a source that is not stale says so; what is hidden or unknown is never
taken for flat. Of accounts that lead the holding says so, which a comparison with the venue may have corrected.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import numbers, run
from replication.engine.books import Book
from replication.engine.collecting import signal_row, signals_write
from replication.engine.instruments import Instrument
from replication.engine.trades import Change
from replication.engine.unseen import LAST_TRADE, LEFT, NOTHING_LATE, READ_WITHIN, WORTH_CLOSING, reduction
from replication.vocabulary import Action, PositionWord, SignalSource
from traders.models import LeadTrader

# What could not be closed is tried again, but not all the time.
AGAIN_AFTER = timedelta(minutes=15)
FEW = 20
ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('replication.vanished'))"
# Held by a copy that lives, and more than a dust that no order can sell; whether one can is known to be otherwise where
# the same was skipped just now. All that the leader traded must have been taken up, since one of the trades may be the
# very close; what cannot be taken up is not waited for.
# First what leaders no longer have, which is of few symbols, and only then who holds it, who may be many; `abs` keeps
# from the index of all that is open in a market, which would be read whole for each copy.
HELD = """
    WITH held AS MATERIALIZED (
        SELECT DISTINCT c.trader_id, p.leader_symbol, p.leader_side
        FROM replication_copyposition p JOIN replication_copy c ON c.id = p.copy_id
        WHERE p.quantity <> 0 AND c.state <> 'ended'
    ), gone AS MATERIALIZED (
        SELECT p.*, {moment} AS seen_at FROM held p JOIN traders_leadtrader l ON l.id = p.trader_id {source}
        WHERE {gone} AND NOT EXISTS (
            SELECT FROM replication_signal s WHERE s.trader_id = l.id AND s.state = 'pending')
    )
    SELECT p.leader_symbol, p.leader_side, coalesce(n.base_asset, m.base_asset), coalesce(n.quote_asset, m.quote_asset),
        coalesce(n.venue, m.venue), c.trader_id, g.seen_at, array_agg(DISTINCT c.id) AS copies
    FROM gone g LEFT JOIN LATERAL (
        SELECT s.base_asset, s.quote_asset, s.venue FROM replication_signal s
        WHERE (s.trader_id, s.symbol, s.side) = (g.trader_id, g.leader_symbol, g.leader_side) AND s.source <> 'stop'
        ORDER BY s.event_time DESC, s.id DESC LIMIT 1
    ) n ON true JOIN replication_copy c ON c.trader_id = g.trader_id JOIN replication_copyposition p
        ON p.copy_id = c.id AND (p.leader_symbol, p.leader_side) = (g.leader_symbol, g.leader_side)
    JOIN markets_market m ON m.id = p.market_id
    WHERE abs(p.quantity) > 0 AND abs(p.quantity) >= coalesce(m.quantity_step, 0) AND c.state <> 'ended'
        AND {unseen}
        AND NOT EXISTS (SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = p.market_id
            AND i.state IN ('waiting', 'planned'))
        AND NOT EXISTS (SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = p.market_id
            AND i.exits AND i.finished_at > %(again)s AND (i.state IN ('failed', 'partial') OR (i.state = 'skipped'
                AND i.side = p.side AND coalesce(i.finished_at > p.leader_opened_at, true)
                AND EXISTS (SELECT FROM replication_signal s WHERE s.id = i.signal_id AND s.source = 'flat'))))
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
FRESHNESS = """
    JOIN LATERAL (
        SELECT max(positions_at) AS positions_at, max(received_at) AS received_at FROM traders_sourcefreshness
        WHERE trader_id = l.id
    ) f ON true"""
RELIABLE = """
        l.positions_visible AND f.received_at > %(fresh)s AND f.positions_at > %(fresh)s
        AND NOT EXISTS (SELECT FROM traders_tradeevent e WHERE e.trader_id = l.id AND e.awaits_copy
            AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.event_id = e.id))"""
# The report has to be newer than the trade that opened the position, and another one than that which told of its last
# trade: sources read positions and trades one after the other.
SHOWN = HELD.format(
    moment="f.positions_at",
    source=FRESHNESS,
    gone=f"""
        {RELIABLE}
        AND NOT EXISTS (SELECT FROM traders_position q WHERE q.trader_id = l.id AND q.symbol = p.leader_symbol
            AND q.side = p.leader_side)""",
    unseen="""
        g.seen_at > p.leader_opened_at
        AND NOT EXISTS (SELECT FROM traders_tradeevent e WHERE e.trader_id = c.trader_id AND e.symbol = p.leader_symbol
            AND e.event_time >= p.leader_opened_at AND e.fetched_at >= g.seen_at)""",
)
OWNED = HELD.format(
    moment="%(now)s::timestamptz",
    source="",
    gone="""
        EXISTS (SELECT FROM replication_leaderaccount a WHERE a.trader_id = l.id)
        AND NOT EXISTS (
            SELECT FROM orders_holding h JOIN replication_leaderaccount a ON a.account_id = h.account_id
            JOIN markets_market k ON k.id = h.market_id
            WHERE a.trader_id = l.id AND k.symbol = p.leader_symbol AND h.side IN ('BOTH', p.leader_side)
                AND abs(h.quantity) >= coalesce(k.quantity_step, 0)
                AND CASE WHEN p.leader_side = 'LONG' THEN h.quantity > 0 ELSE h.quantity < 0 END)
        AND NOT EXISTS (
            SELECT FROM orders_fill f JOIN replication_leaderaccount a ON a.account_id = f.account_id
            JOIN orders_order o ON o.id = f.order_id
            WHERE a.trader_id = l.id AND f.awaits_copy AND o.cause_id IS NULL
                AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.fill_id = f.id))""",
    unseen="true",
)
# Of watched leaders only: trades of accounts that lead are known, or become known. A trade that the report may have
# missed is waited for.
_OF_POSITION = {"trader": "q.trader_id", "symbol": "q.symbol", "side": "q.side", "venue": "s.venue"}
SHRUNK = f"""
    WITH held AS MATERIALIZED (
        SELECT DISTINCT c.trader_id, p.leader_symbol, p.leader_side
        FROM replication_copyposition p JOIN replication_copy c ON c.id = p.copy_id
        WHERE p.quantity <> 0 AND c.state <> 'ended'
    )
    SELECT q.symbol, q.side, n.base_asset, n.quote_asset, n.venue, l.id, f.positions_at, trim_scale(n.size),
        trim_scale(abs(q.size))
    FROM held h JOIN traders_leadtrader l ON l.id = h.trader_id
    JOIN traders_position q ON (q.trader_id, q.symbol, q.side) = (h.trader_id, h.leader_symbol, h.leader_side)
    {FRESHNESS}
    CROSS JOIN LATERAL ({LEFT.format_map(_OF_POSITION)}) n
    WHERE {RELIABLE} AND n.size - abs(q.size) >= n.size * {WORTH_CLOSING} AND n.size > 0
        AND f.positions_at > {LAST_TRADE} + %(within)s AND {NOTHING_LATE.format_map(_OF_POSITION)}
        AND NOT EXISTS (SELECT FROM replication_signal s WHERE s.trader_id = l.id AND s.state = 'pending')
        AND NOT EXISTS (SELECT FROM traders_tradeevent e WHERE e.trader_id = l.id AND e.symbol = q.symbol
            AND e.event_time >= n.event_time AND e.fetched_at >= f.positions_at)
"""
LOCK_LEADERS = "SELECT * FROM traders_leadtrader WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


class Gone(NamedTuple):
    """The columns of `HELD`."""

    symbol: str
    side: str
    base_asset: str
    quote_asset: str
    venue: str
    trader_id: int
    seen_at: datetime
    copies: list[int]


class Shrunk(NamedTuple):
    """The columns of `SHRUNK`: what the trades that are known left, and what a later report shows."""

    symbol: str
    side: str
    base_asset: str
    quote_asset: str
    venue: str
    trader_id: int
    seen_at: datetime
    known: Decimal
    shown: Decimal


@transaction.atomic
def vanished_signals() -> int:
    """Write an exit for each position that copies hold and their leader does not, or has less of; return how many.

    Where it concerns a few copies only, each has its own.
    """
    if not run(ALONE)[0][0]:
        return 0  # another worker is looking just now
    now = timezone.now()
    fresh = now - timedelta(seconds=settings.LEADER_STALE_AFTER_SECONDS)
    values = {"fresh": fresh, "again": now - AGAIN_AFTER, "now": now, "within": READ_WITHIN}
    doubtful = {each.trader_id for each in _gone(values)} | {each.trader_id for each in _shrunk(values)}
    if not doubtful:
        return 0
    leaders = {leader.pk: leader for leader in LeadTrader.objects.raw(LOCK_LEADERS, [numbers(doubtful)])}
    # Once more, now that nothing of theirs can be taken up beside this: what was opened again is no more gone.
    gone, shrunk = _gone(values), _shrunk(values)
    rows = [row for each in gone if each.trader_id in leaders for row in _rows(leaders[each.trader_id], each, now)]
    less = [_less(leaders[each.trader_id], each, now) for each in shrunk if each.trader_id in leaders]
    return signals_write([*rows, *less])


def _gone(values: Mapping[str, Any]) -> list[Gone]:
    return [Gone._make(row) for statement in (SHOWN, OWNED) for row in run(statement, values)]


def _shrunk(values: Mapping[str, Any]) -> list[Shrunk]:
    return [Shrunk._make(row) for row in run(SHRUNK, values)]


def _rows(leader: LeadTrader, gone: Gone, now: datetime) -> Iterable[dict[str, object]]:
    copies: Sequence[int | None] = [*gone.copies] if len(gone.copies) <= FEW else [None]
    for copy_id in copies:
        key = f"{SignalSource.FLAT}:{leader.pk}:{gone.symbol}:{gone.side}:{gone.seen_at.isoformat()}:{copy_id or 'all'}"
        yield signal_row(
            leader=leader,
            source=SignalSource.FLAT,
            key=key,
            change=_close(gone, now),
            book=_book(gone),
            copy_id=copy_id,
        )


def _less(leader: LeadTrader, shrunk: Shrunk, now: datetime) -> dict[str, object]:
    change = reduction(
        symbol=shrunk.symbol,
        side=PositionWord(shrunk.side),
        held=shrunk.known,
        left=shrunk.shown,
        at=shrunk.seen_at,
        known=now,
    )
    key = f"{SignalSource.FLAT}:{leader.pk}:{shrunk.symbol}:{shrunk.side}:{shrunk.seen_at.isoformat()}:less"
    return signal_row(leader=leader, source=SignalSource.FLAT, key=key, change=change, book=_book(shrunk))


def _book(of: Gone | Shrunk) -> Book:
    return Book(Instrument(of.symbol, of.base_asset, of.quote_asset), of.venue, Decimal(0))


def _close(gone: Gone, now: datetime) -> Change:
    return Change(
        action=Action.CLOSE,
        symbol=gone.symbol,
        side=PositionWord(gone.side),
        quantity=Decimal(0),
        price=None,
        fraction=Decimal(1),
        position_before=Decimal(0),
        fact_ids=(),
        event_time=gone.seen_at,
        detected_at=now,
        order_id=None,
    )
