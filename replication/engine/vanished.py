"""Positions that a leader no longer shows: closed while nobody saw the trade.

Only a complete report of a source that is not stale says so; what is hidden or unknown is never taken for flat.
"""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from copytrade.lib.sql import run
from replication.engine.collecting import Book, signal_row, signals_write
from replication.engine.instruments import Instrument
from replication.engine.trades import Change
from replication.vocabulary import Action, PositionWord, SignalSource
from traders.models import LeadTrader

# The report has to be newer than the trade that opened the position, and than anything that is still under way; its
# trades must all have been taken up, since one of them may be the very close.
GONE = """
    SELECT DISTINCT p.leader_symbol, p.leader_side, m.base_asset, m.quote_asset, m.venue, c.trader_id, f.positions_at
    FROM replication_copyposition p JOIN replication_copy c ON c.id = p.copy_id
    JOIN markets_market m ON m.id = p.market_id JOIN traders_leadtrader l ON l.id = c.trader_id
    JOIN LATERAL (
        SELECT max(positions_at) AS positions_at, max(received_at) AS received_at FROM traders_sourcefreshness
        WHERE trader_id = l.id
    ) f ON true
    WHERE p.quantity <> 0 AND c.state <> 'ended' AND l.positions_visible AND f.positions_at > p.leader_opened_at
        AND f.received_at > %(fresh)s AND f.positions_at > %(fresh)s
        AND NOT EXISTS (SELECT FROM traders_position q WHERE q.trader_id = l.id AND q.symbol = p.leader_symbol
            AND q.side = p.leader_side)
        AND NOT EXISTS (SELECT FROM traders_tradeevent e WHERE e.trader_id = l.id AND e.awaits_copy)
        AND NOT EXISTS (SELECT FROM replication_signal s WHERE s.trader_id = l.id AND s.state = 'pending')
        AND NOT EXISTS (SELECT FROM replication_copyintent i WHERE i.copy_id = c.id AND i.market_id = p.market_id
            AND i.state IN ('waiting', 'planned'))
        AND NOT EXISTS (SELECT FROM replication_signal s WHERE s.trader_id = l.id AND s.source = 'flat'
            AND s.symbol = p.leader_symbol AND s.side = p.leader_side AND s.event_time >= f.positions_at)
"""


@transaction.atomic
def vanished_signals() -> int:
    """Write a closing signal for each position that copies hold and their leader no longer does; return how many."""
    now = timezone.now()
    fresh = now - timedelta(seconds=settings.LEADER_STALE_AFTER_SECONDS)
    gone = run(GONE, {"fresh": fresh})
    leaders = LeadTrader.objects.in_bulk({row[5] for row in gone})
    rows = []
    for symbol, side, base, quote, venue, trader_id, shown_at in gone:
        change = Change(
            action=Action.CLOSE,
            symbol=symbol,
            side=PositionWord(side),
            quantity=Decimal(0),
            price=None,
            fraction=Decimal(1),
            position_before=Decimal(0),
            fact_ids=(),
            event_time=shown_at,
            detected_at=now,
            order_id=None,
        )
        book = Book(Instrument(symbol, base, quote), venue, Decimal(0))
        key = f"{SignalSource.FLAT}:{trader_id}:{symbol}:{side}:{shown_at.isoformat()}"
        rows.append(signal_row(leader=leaders[trader_id], source=SignalSource.FLAT, key=key, change=change, book=book))
    return signals_write(rows)
