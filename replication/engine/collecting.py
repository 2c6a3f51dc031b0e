"""Facts of leaders into signals: each fact once, in the order in which the leader traded.

A fact that waits is marked by whoever stored it; taking the mark off and writing the signal is one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from copytrade.lib.sql import insert_rows, run
from markets.venues.vocabulary import MarketKind
from replication.engine.instruments import Instrument
from replication.engine.leader_figures import leader_margin, split_symbol
from replication.engine.mapping import instruments_of
from replication.engine.trades import Change, SeenTrade, changes_of
from replication.vocabulary import PositionWord, SignalSource, SignalState
from traders.models import LeadTrader

WAITING = """
    SELECT DISTINCT trader_id FROM traders_tradeevent WHERE awaits_copy
    UNION
    SELECT DISTINCT l.trader_id FROM orders_fill f JOIN replication_leaderaccount l ON l.account_id = f.account_id
    JOIN orders_order o ON o.id = f.order_id WHERE f.awaits_copy AND o.cause_id IS NULL
"""
TAKE_EVENTS = """
    UPDATE traders_tradeevent SET awaits_copy = false WHERE trader_id = %s AND awaits_copy
    RETURNING id, kind, symbol, trim_scale(price), trim_scale(amount), amount_asset, event_time, created_at
"""
# Both in one statement, so that holdings are those after exactly these trades.
TAKE_FILLS = """
    WITH taken AS (
        UPDATE orders_fill f SET awaits_copy = false FROM orders_order o
        WHERE f.order_id = o.id AND f.awaits_copy AND o.cause_id IS NULL AND f.account_id IN (
            SELECT account_id FROM replication_leaderaccount WHERE trader_id = %s)
        RETURNING f.*
    )
    SELECT t.id, t.account_id, t.market_id, t.position_side, t.side = 'BUY', trim_scale(t.price),
        trim_scale(t.quantity), t.time, t.stored_at, t.order_id, m.symbol, m.venue, m.kind, m.base_asset, m.quote_asset,
        trim_scale(m.contract_size), trim_scale(coalesce(h.quantity, 0)), trim_scale(h.leverage), trim_scale(a.equity)
    FROM taken t JOIN markets_market m ON m.id = t.market_id JOIN orders_tradingaccount a ON a.id = t.account_id
    LEFT JOIN orders_holding h ON (h.account_id, h.market_id, h.side) = (t.account_id, t.market_id, t.position_side)
    ORDER BY t.time, length(t.venue_trade_id), t.venue_trade_id, t.id
"""
POSITIONS = """
    SELECT symbol, side, trim_scale(abs(size)), trim_scale(leverage) FROM traders_position WHERE trader_id = %s
"""
SHOWN_AT = "SELECT max(positions_at) FROM traders_sourcefreshness WHERE trader_id = %s"
# What all trades that are known add up to: all there is where a leader hides positions.
LEDGER = """
    SELECT symbol, CASE WHEN kind LIKE '%%_LONG' THEN 'LONG' ELSE 'SHORT' END,
        greatest(sum(CASE WHEN kind LIKE 'OPEN_%%' THEN amount ELSE -amount END), 0)
    FROM traders_tradeevent WHERE trader_id = %s AND kind <> 'UNKNOWN' AND symbol = ANY(%s) GROUP BY 1, 2
"""
SIGNAL_COLUMNS = {
    "trader_id": "bigint",
    "copy_id": "bigint",
    "source": "text",
    "source_key": "text",
    "state": "text",
    "action": "text",
    "venue": "text",
    "symbol": "text",
    "base_asset": "text",
    "quote_asset": "text",
    "side": "text",
    "quantity": "numeric",
    "price": "numeric",
    "fraction": "numeric",
    "position_before": "numeric",
    "leader_equity": "numeric",
    "leverage": "numeric",
    "order_id": "bigint",
    "event_time": "timestamptz",
    "detected_at": "timestamptz",
    "planned_copy_id": "bigint",
    "intents_count": "integer",
    "numbers": "jsonb",
}
PART_COLUMNS = {"signal_id": "bigint", "event_id": "bigint", "fill_id": "bigint", "exits": "boolean"}
SIGNS = {"OPEN": 1, "CLOSE": -1}


@dataclass(slots=True)
class Book:
    """The trades of one position of a leader, and what is known of it."""

    instrument: Instrument
    venue: str
    after: Decimal
    equity: Decimal | None = None
    leverage: Decimal | None = None
    trades: list[SeenTrade] = field(default_factory=list)


def signals_collect() -> int:
    """Turn all waiting facts into signals; return how many were written. Safe to run beside itself."""
    return sum(leader_collect(trader_id=pk) for (pk,) in run(WAITING))


@transaction.atomic
def leader_collect(*, trader_id: int) -> int:
    """Turn the waiting facts of a leader into signals; one caller at a time. Return how many were written."""
    leader = LeadTrader.objects.select_for_update(no_key=True).get(pk=trader_id)
    seen, filled = _event_books(leader), _fill_books(leader)
    if not leader.is_copied:
        return 0
    rows = [
        *_rows(leader, seen, SignalSource.EVENT),
        *_rows(leader, filled, SignalSource.FILL),
    ]
    rows.sort(key=lambda row: (row[0].event_time, not row[0].exits))
    return signals_write([row for _, row in rows], {row["source_key"]: change for change, row in rows})


def signals_write(rows: Sequence[Mapping[str, Any]], changes: Mapping[str, Change] | None = None) -> int:
    """Insert signals, in the order of their numbers, with the facts that they are made of; return how many are new."""
    written = insert_rows(
        "replication_signal", SIGNAL_COLUMNS, rows, unless_there=True, returning="id, source, source_key"
    )
    parts = [
        {
            "signal_id": pk,
            "event_id": fact if source == SignalSource.EVENT else None,
            "fill_id": fact if source == SignalSource.FILL else None,
            "exits": changes[key].exits,
        }
        for pk, source, key in written
        if changes is not None
        for fact in changes[key].fact_ids
    ]
    insert_rows("replication_signalpart", PART_COLUMNS, parts)
    return len(written)


def signal_row(
    *,
    leader: LeadTrader,
    source: SignalSource,
    key: str,
    change: Change,
    book: Book,
    copy_id: int | None = None,
) -> dict[str, Any]:
    """Return the columns of a signal."""
    return {
        "trader_id": leader.pk,
        "copy_id": copy_id,
        "source": source,
        "source_key": key,
        "state": SignalState.PENDING,
        "action": change.action,
        "venue": book.venue,
        "symbol": book.instrument.symbol,
        "base_asset": book.instrument.base_asset,
        "quote_asset": book.instrument.quote_asset,
        "side": change.side,
        "quantity": change.quantity,
        "price": change.price,
        "fraction": change.fraction,
        "position_before": change.position_before,
        "leader_equity": book.equity,
        "leverage": book.leverage,
        "order_id": change.order_id,
        "event_time": change.event_time,
        "detected_at": change.detected_at,
        "planned_copy_id": 0,
        "intents_count": 0,
        "numbers": {},
    }


def _rows(leader: LeadTrader, books: Iterable[Book], source: SignalSource) -> list[tuple[Change, dict[str, Any]]]:
    rows = []
    for book in books:
        for change in changes_of(book.trades, book.after):
            key = f"{source}:{change.fact_ids[0]}:{'exit' if change.exits else 'entry'}"
            rows.append((change, signal_row(leader=leader, source=source, key=key, change=change, book=book)))
    return rows


def _event_books(leader: LeadTrader) -> list[Book]:
    events = sorted(run(TAKE_EVENTS, [leader.pk]), key=lambda row: (row[6], row[0]))
    told = [row for row in events if row[1] != "UNKNOWN"]
    if not told:
        return []
    venue = venue_of_platform(leader.platform)
    instruments = instruments_of({row[2] for row in told}, venue)
    held = _held_now(leader, {row[2] for row in told})
    equity = leader_margin(leader.raw)
    books: dict[tuple[str, PositionWord], Book] = {}
    for pk, kind, symbol, price, amount, asset, time, created_at in told:
        verb, _, word = kind.partition("_")
        side = PositionWord(word)
        if (symbol, side) not in books:
            after, leverage = held(symbol, side)
            instrument = instruments.get(symbol) or split_symbol(symbol, asset)
            books[symbol, side] = Book(instrument, venue, after, equity, leverage)
        books[symbol, side].trades.append(
            SeenTrade(
                fact_id=pk,
                symbol=symbol,
                side=side,
                signed=amount * SIGNS[verb],
                unit=Decimal(1),
                price=price,
                time=time,
                detected_at=created_at,
            )
        )
    return [_with_unreported(leader, book) for book in books.values()]


def venue_of_platform(platform: str) -> str:
    """Return the venue whose symbols a platform's leaders trade."""
    return {"binance": "binanceusdm"}.get(platform, platform)


def _held_now(leader: LeadTrader, symbols: set[str]) -> Any:
    """Return a function that tells what the leader holds of a symbol and side, and with which leverage."""
    shown = {(symbol, side): (size, leverage) for symbol, side, size, leverage in run(POSITIONS, [leader.pk])}
    if leader.positions_visible and run(SHOWN_AT, [leader.pk])[0][0] is not None:
        return lambda symbol, side: shown.get((symbol, side), (Decimal(0), None))
    ledger = {(symbol, side): amount for symbol, side, amount in run(LEDGER, [leader.pk, sorted(symbols)])}
    return lambda symbol, side: (ledger.get((symbol, side), Decimal(0)), None)


def _with_unreported(leader: LeadTrader, book: Book) -> Book:
    """Add what was traded after the report that tells the position."""
    shown_at: datetime | None = run(SHOWN_AT, [leader.pk])[0][0] if leader.positions_visible else None
    if shown_at is not None:
        later = sum((trade.signed for trade in book.trades if trade.time > shown_at), Decimal(0))
        book.after = max(Decimal(0), book.after + later)
    return book


def _fill_books(leader: LeadTrader) -> list[Book]:
    books: dict[tuple[int, int, str], Book] = {}
    for row in run(TAKE_FILLS, [leader.pk]):
        pk, account, market, position_side, buy, price, quantity, time, stored_at, order_id, *rest = row
        symbol, venue, kind, base, quote, contract_size, held, leverage, equity = rest
        key = (account, market, position_side)
        if key not in books:
            books[key] = Book(Instrument(symbol, base, quote), venue, held, equity, leverage)
        side = None if position_side == "BOTH" else PositionWord(position_side)
        grows = buy if side in {None, PositionWord.LONG} else not buy
        unit = contract_size / price if kind == MarketKind.COIN_M else contract_size
        books[key].trades.append(
            SeenTrade(
                fact_id=pk,
                symbol=symbol,
                side=side,
                signed=quantity if grows else -quantity,
                unit=unit,
                price=price,
                time=time,
                detected_at=stored_at,
                order_id=order_id,
            )
        )
    for (_, _, position_side), book in books.items():
        if position_side != "BOTH":
            book.after = abs(book.after)
    return list(books.values())
