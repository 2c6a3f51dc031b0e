"""Trades of accounts that lead, wherever they were placed, with the positions that they changed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from copytrade.lib.sql import run
from markets.venues.vocabulary import MarketKind
from replication.engine.books import Book
from replication.engine.instruments import Instrument
from replication.engine.trades import MOST, SeenTrade
from replication.vocabulary import PositionWord
from traders.models import LeadTrader

COLUMNS = """
    t.id, t.account_id, t.market_id, t.position_side, t.side = 'BUY', trim_scale(t.price), trim_scale(t.quantity),
    CASE WHEN m.kind = 'spot' AND t.side = 'BUY' AND t.fee_asset = m.base_asset THEN trim_scale(t.fee) ELSE 0 END,
    t.time, t.stored_at, t.order_id, trim_scale(o.quantity), m.symbol, m.venue, m.kind, m.base_asset, m.quote_asset,
    trim_scale(m.contract_size), trim_scale(coalesce(m.quantity_step, 0))
"""
# What earlier trades of an order have closed is no part of what it opens, though they became known before.
TO_OPEN = """
    trim_scale(o.quantity - coalesce((
        SELECT round(sum(s.quantity * CASE WHEN m.kind = 'coin_m' THEN s.price ELSE 1 END) / m.contract_size, 12)
        FROM replication_signal s WHERE s.order_id = o.id AND s.action IN ('REDUCE', 'CLOSE')), 0))
"""
# Equity is told in the quote asset, that of accounts for inverse contracts being coins. Leverage is one for both sides.
STANDING = """
    (
        SELECT trim_scale(coalesce(sum(h.quantity), 0)) FROM orders_holding h
        WHERE h.account_id IN (SELECT * FROM mine) AND (h.market_id, h.side) = (t.market_id, t.position_side)
    ), CASE WHEN m.kind <> 'spot' THEN trim_scale(coalesce(
        (SELECT max(h.leverage) FROM orders_holding h WHERE (h.account_id, h.market_id) = (t.account_id, t.market_id)),
        (SELECT p.leverage FROM markets_paperaccount p WHERE a.mode = 'paper' AND p.key = a.key::text)
    )) END, CASE WHEN m.kind = 'coin_m' AND a.equity_asset = m.base_asset
        THEN trim_scale(a.equity * t.price) ELSE trim_scale(a.equity) END, false
"""
# Both in one statement, so that holdings are those after exactly these trades. What several accounts of one leader hold
# of a market is one position. What was set aside before is so no more, should this go well.
TAKE = f"""
    WITH mine AS (
        SELECT account_id FROM replication_leaderaccount WHERE trader_id = %(trader)s
    ), taken AS (
        UPDATE orders_fill f SET awaits_copy = false WHERE f.awaits_copy AND f.id = ANY(ARRAY(
            SELECT w.id FROM mine CROSS JOIN LATERAL (
                SELECT * FROM orders_fill w WHERE w.account_id = mine.account_id AND w.awaits_copy OFFSET 0
            ) w JOIN orders_order o ON o.id = w.order_id
            WHERE o.cause_id IS NULL AND (%(only)s::bigint[] IS NULL OR w.id = ANY(%(only)s))
                AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.fill_id = w.id AND x.again_at > now())))
        RETURNING f.*
    ), sound AS (
        DELETE FROM replication_tradeaside x USING taken WHERE x.fill_id = taken.id
    )
    SELECT {COLUMNS.replace("trim_scale(o.quantity)", TO_OPEN)}, {STANDING}
    FROM taken t JOIN orders_order o ON o.id = t.order_id JOIN markets_market m ON m.id = t.market_id
    JOIN orders_tradingaccount a ON a.id = t.account_id
"""
# What is set aside is told as well: it is in the holdings, so it is part of the way back from them.
KNOWN = f"""
    SELECT {COLUMNS}, 0, NULL, NULL, t.awaits_copy FROM replication_leaderaccount l CROSS JOIN LATERAL (
        SELECT * FROM orders_fill f
        WHERE f.account_id = l.account_id AND f.market_id = ANY(%(markets)s) AND f.time >= %(since)s OFFSET 0
    ) t JOIN orders_order o ON o.id = t.order_id JOIN markets_market m ON m.id = t.market_id
    WHERE l.trader_id = %(trader)s AND o.cause_id IS NULL AND t.id <> ALL(%(taken)s)
        AND (NOT t.awaits_copy OR (t.quantity < {MOST:f} AND t.fee < {MOST:f}
            AND EXISTS (SELECT FROM replication_tradeaside x WHERE x.fill_id = t.id)))
"""
RECENT = f"""
    WITH mine AS (
        SELECT account_id FROM replication_leaderaccount WHERE trader_id = %s
    )
    SELECT {COLUMNS}, {STANDING}
    FROM orders_fill t JOIN orders_order o ON o.id = t.order_id JOIN markets_market m ON m.id = t.market_id
    JOIN orders_tradingaccount a ON a.id = t.account_id
    WHERE t.account_id IN (SELECT * FROM mine) AND o.cause_id IS NULL ORDER BY t.id DESC LIMIT %s
"""
ONE = Decimal(1)


class Seen(NamedTuple):
    """The columns of `TAKE` and `KNOWN`."""

    id: int
    account_id: int
    market_id: int
    position_side: str
    buy: bool
    price: Decimal
    quantity: Decimal
    coin_fee: Decimal
    time: datetime
    stored_at: datetime
    order_id: int
    order_quantity: Decimal | None
    symbol: str
    venue: str
    kind: str
    base_asset: str
    quote_asset: str
    contract_size: Decimal
    quantity_step: Decimal
    held: Decimal
    leverage: Decimal | None
    equity: Decimal | None
    aside: bool


def fill_books(leader: LeadTrader, *, only: Sequence[int] | None = None) -> list[Book]:
    """Take up the waiting trades of a leader's accounts, its row being locked, or `only` these of them.

    They are returned by position, oldest first. In one-way mode a position is both sides of a market as one; spot has
    the long one only.
    """
    rows = run(TAKE, {"trader": leader.pk, "only": None if only is None else list(only)})
    taken = [Seen._make(row) for row in rows]
    if not taken or not leader.is_copied:
        return []
    ids, markets = {fill.id for fill in taken}, {fill.market_id for fill in taken}
    since = min(fill.time for fill in taken)
    which = {"trader": leader.pk, "markets": sorted(markets), "since": since, "taken": sorted(ids)}
    known = [Seen._make(row) for row in run(KNOWN, which)]
    every: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    for fill in sorted([*taken, *known], key=lambda fill: (fill.time, fill.id)):
        every[fill.market_id, fill.position_side].append(fill)
    return [_book(fills, ids) for fills in every.values() if any(fill.id in ids for fill in fills)]


def recent_fill_books(leader: LeadTrader, *, most: int) -> list[Book]:
    """Return the newest trades of a leader's accounts by position, each oldest first; nothing is taken up."""
    fills = [Seen._make(row) for row in run(RECENT, [leader.pk, most])]
    by_position: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    for fill in sorted(fills, key=lambda fill: (fill.time, fill.id)):
        by_position[fill.market_id, fill.position_side].append(fill)
    return [_book(group, {fill.id for fill in group}) for group in by_position.values()]


def _book(fills: Sequence[Seen], taken: Collection[int]) -> Book:
    first = next(fill for fill in fills if fill.id in taken)
    instrument = Instrument(first.symbol, first.base_asset, first.quote_asset)
    held = abs(first.held) if first.position_side != "BOTH" else first.held
    spot = first.kind == MarketKind.SPOT
    book = Book(instrument, first.venue, held, first.equity, first.leverage)
    book.step = first.quantity_step if spot else Decimal(0)
    book.inverse = first.kind == MarketKind.COIN_M
    start = fills.index(first)
    book.trades = [_trade(fill, known=fill.id not in taken) for fill in fills[start:]]
    return book


def _trade(fill: Seen, *, known: bool) -> SeenTrade:
    side = _side(fill)
    grows = fill.buy if side in {None, PositionWord.LONG} else not fill.buy
    net = fill.quantity - fill.coin_fee
    if fill.aside:
        return _aside(fill, side, net if grows else -net)
    coins = fill.contract_size / fill.price if fill.kind == MarketKind.COIN_M else fill.contract_size
    return SeenTrade(
        fact_id=fill.id,
        symbol=fill.symbol,
        side=side,
        signed=net if grows else -net,
        unit=coins,
        price=fill.price,
        time=fill.time,
        detected_at=fill.stored_at,
        order_id=fill.order_id,
        order_quantity=fill.order_quantity,
        gross=fill.quantity if net else ONE,
        net=net or ONE,
        known=known,
    )


def _aside(fill: Seen, side: PositionWord | None, signed: Decimal) -> SeenTrade:
    """Return of what cannot be taken up only how it changed the position: the rest of it may be what is wrong."""
    return SeenTrade(
        fact_id=fill.id,
        symbol=fill.symbol,
        side=side,
        signed=signed,
        unit=ONE,
        price=fill.price,
        time=fill.time,
        detected_at=fill.stored_at,
        aside=True,
    )


def _side(fill: Seen) -> PositionWord | None:
    if fill.kind == MarketKind.SPOT:
        return PositionWord.LONG
    return None if fill.position_side == "BOTH" else PositionWord(fill.position_side)
