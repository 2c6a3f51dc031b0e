"""Trades of watched leaders: what their sources told and nobody has taken up, with the positions that they changed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from copytrade.lib.sql import run
from replication.engine.books import Book
from replication.engine.leader_figures import leader_margin, split_symbol
from replication.engine.mapping import instruments_of
from replication.engine.trades import MOST, SeenTrade
from replication.engine.unseen import READ_WITHIN, Covered, Doubt, Key, seen_closed, standings
from replication.vocabulary import PositionWord
from traders.models import LeadTrader

# What was set aside before is so no more, should this go well; until it is to be tried again it is left out.
TAKE = """
    WITH taken AS (
        UPDATE traders_tradeevent e SET awaits_copy = false
        WHERE trader_id = %(trader)s AND awaits_copy AND (%(only)s::bigint[] IS NULL OR id = ANY(%(only)s))
            AND NOT EXISTS (SELECT FROM replication_tradeaside x WHERE x.event_id = e.id AND x.again_at > now())
        RETURNING id, kind, symbol, price, amount, amount_asset, event_time, fetched_at, created_at
    ), sound AS (
        DELETE FROM replication_tradeaside x USING taken WHERE x.event_id = taken.id
    )
    SELECT id, kind, symbol, trim_scale(price), trim_scale(amount), amount_asset, event_time, fetched_at, created_at,
        false
    FROM taken
"""
# What is set aside is told as well, of whatever age: it may have changed the position.
KNOWN = """
    SELECT id, kind, symbol, trim_scale(price), trim_scale(amount), amount_asset, event_time, fetched_at, created_at,
        false
    FROM traders_tradeevent
    WHERE trader_id = %(trader)s AND event_time >= %(since)s AND symbol = ANY(%(symbols)s) AND kind <> 'UNKNOWN'
        AND id <> ALL(%(taken)s) AND NOT awaits_copy
    UNION ALL
    SELECT id, kind, symbol, trim_scale(price), trim_scale(amount), amount_asset, event_time, fetched_at, created_at,
        true
    FROM traders_tradeevent e
    WHERE trader_id = %(trader)s AND symbol = ANY(%(symbols)s) AND kind <> 'UNKNOWN' AND awaits_copy
        AND EXISTS (SELECT FROM replication_tradeaside x WHERE x.event_id = e.id)
"""
POSITIONS = """
    SELECT symbol, side, trim_scale(abs(size)), trim_scale(leverage) FROM traders_position WHERE trader_id = %s
"""
SHOWN_AT = "SELECT max(positions_at) FROM traders_sourcefreshness WHERE trader_id = %s"
CHANGED = """
    SELECT DISTINCT symbol, side FROM traders_positionsnapshot WHERE trader_id = %s AND fetched_at = %s
"""
# What all trades that are known add up to: all there is of a leader who never showed positions. Whoever closes more
# than is known had opened it before anybody watched: the sum begins anew at nothing there. Of one moment entries come
# first.
LEDGER = """
    SELECT symbol, side, trim_scale(sum(signed) - least(min(running), 0)) FROM (
        SELECT symbol, side, signed,
            sum(signed) OVER (PARTITION BY symbol, side ORDER BY event_time, signed < 0, id) AS running
        FROM (
            SELECT id, event_time, symbol, CASE WHEN kind LIKE '%%_LONG' THEN 'LONG' ELSE 'SHORT' END AS side,
                CASE WHEN kind LIKE 'OPEN_%%' THEN amount ELSE -amount END AS signed
            FROM traders_tradeevent
            WHERE trader_id = %s AND kind <> 'UNKNOWN' AND symbol = ANY(%s) AND id <> ALL(%s)
        ) AS moves
    ) AS sums GROUP BY symbol, side
"""
RECENT = """
    SELECT id, kind, symbol, trim_scale(price), trim_scale(amount), amount_asset, event_time, fetched_at, created_at,
        false
    FROM traders_tradeevent WHERE trader_id = %s AND kind <> 'UNKNOWN' ORDER BY event_time DESC, id DESC LIMIT %s
"""
SIGNS = {"OPEN": 1, "CLOSE": -1}
ZERO = Decimal(0)
NOTHING = Covered(datetime.min.replace(tzinfo=UTC), ZERO, ZERO)
NONE: Mapping[Key, Covered] = MappingProxyType({})


class Event(NamedTuple):
    """The columns of `TAKE` and `KNOWN`."""

    id: int
    kind: str
    symbol: str
    price: Decimal
    amount: Decimal
    amount_asset: str
    event_time: datetime
    fetched_at: datetime
    created_at: datetime
    aside: bool

    @property
    def key(self) -> Key:
        """Return which position it changed."""
        return self.symbol, PositionWord(self.kind.partition("_")[2])

    @property
    def signed(self) -> Decimal:
        """Return by how much."""
        return self.amount * SIGNS[self.kind.partition("_")[0]]


Shown = Mapping[Key, tuple[Decimal, Decimal | None]]
Held = Callable[[Key, Sequence[Event]], tuple[Decimal, Decimal | None]]


def event_books(leader: LeadTrader, *, only: Sequence[int] | None = None) -> list[Book]:
    """Take up the waiting trades of a leader whose row is locked, or `only` these of them.

    They are returned by position, each oldest first.
    """
    rows = run(TAKE, {"trader": leader.pk, "only": None if only is None else list(only)})
    taken = [event for event in map(Event._make, rows) if event.kind != "UNKNOWN"]
    if not taken or not leader.is_copied:
        return []
    ids, symbols = _ids(taken), {event.symbol for event in taken}
    since = min(event.event_time for event in taken)
    shown_at = run(SHOWN_AT, [leader.pk])[0][0]
    if shown_at is not None:
        since = min(since, shown_at - READ_WITHIN)
    values = {"trader": leader.pk, "since": since, "symbols": sorted(symbols), "taken": sorted(ids)}
    known = [Event._make(row) for row in run(KNOWN, values)]
    possible = [event for event in known if not event.aside or (event.amount.is_finite() and event.amount < MOST)]
    every = sorted([*taken, *possible], key=lambda event: (event.event_time, event.id))
    if shown_at is not None:
        shown = _shown(leader)
        counted = _believed(seen_closed(leader, symbols, taken=ids), shown)
        books = _books(leader, every, ids, _by_report(leader, shown, shown_at), counted=counted)
        _stand_on_trades(leader, books, ids, shown)
        return books
    aside, impossible = _ids(event for event in known if event.aside), _ids(known) - _ids(possible)
    otherwise = _by_ledger(leader, symbols, aside) if aside else None
    return _books(leader, every, ids, _by_ledger(leader, symbols, impossible), otherwise=otherwise)


def _ids(events: Iterable[Event]) -> set[int]:
    return {event.id for event in events}


def recent_event_books(leader: LeadTrader, *, most: int) -> list[Book]:
    """Return a leader's newest trades, at most so many, by position and each oldest first; nothing is taken up."""
    every = sorted(map(Event._make, run(RECENT, [leader.pk, most])), key=lambda event: (event.event_time, event.id))
    if not every:
        return []
    shown_at = run(SHOWN_AT, [leader.pk])[0][0]
    symbols = {event.symbol for event in every}
    held = _by_ledger(leader, symbols) if shown_at is None else _by_report(leader, _shown(leader), shown_at)
    return _books(leader, every, {event.id for event in every}, held)


def venue_of_platform(platform: str) -> str:
    """Return the venue whose symbols a platform's leaders trade."""
    return {"binance": "binanceusdm"}.get(platform, platform)


def _books(
    leader: LeadTrader,
    every: Iterable[Event],
    taken: Collection[int],
    held: Held,
    *,
    otherwise: Held | None = None,
    counted: Mapping[Key, Covered] = NONE,
) -> list[Book]:
    """Return the positions of which trades were taken; `otherwise` knows what is held without those set aside.

    Trades of a position up to a moment may be `counted` already.
    """
    by_position: dict[Key, list[Event]] = defaultdict(list)
    for event in every:
        by_position[event.key].append(event)
    wanted = {key: events for key, events in by_position.items() if any(event.id in taken for event in events)}
    venue, equity = venue_of_platform(leader.platform), leader_margin(leader.raw)
    instruments = instruments_of({symbol for symbol, _ in wanted}, venue)
    books = []
    for key, events in wanted.items():
        after, leverage = held(key, events)
        instrument = instruments.get(key[0]) or split_symbol(key[0], events[0].amount_asset)
        book = Book(instrument, venue, after, equity, leverage)
        if any(event.aside for event in events):
            sound = [event for event in events if not event.aside]
            book.otherwise = (otherwise or held)(key, sound)[0]
        first = min(event.event_time for event in events if event.id in taken)
        recent = _in_order([event for event in events if event.event_time >= first], after)
        known = {event.id for event in recent if event.id not in taken}
        known |= _counted([event for event in recent if event.id in taken], counted.get(key, NOTHING))
        book.trades = [_trade(event, known=event.id in known) for event in recent]
        books.append(book)
    return books


def _believed(covered: Mapping[Key, Covered], shown: Shown) -> dict[Key, Covered]:
    """Let no trade after a reduction explain it where less than it left is shown by now: that one came on top."""
    return {
        key: each if shown.get(key, (ZERO, None))[0] >= each.left else each._replace(room=ZERO)
        for key, each in covered.items()
    }


def _counted(taken: Iterable[Event], covered: Covered) -> set[int]:
    """Return which trades what was seen to be gone has counted: a clock may be behind that of the venue."""
    ids, room = set(), covered.room
    for event in taken:
        exits = event.signed < 0
        late = exits and event.event_time <= covered.until + READ_WITHIN and -event.signed <= room
        if event.event_time <= covered.until or late:
            ids.add(event.id)
            room += event.signed if exits else ZERO
    return ids


def _stand_on_trades(leader: LeadTrader, books: Sequence[Book], taken: Collection[int], shown: Shown) -> None:
    """Let positions stand on what the trades before have left, where the newest report says otherwise.

    It may lack a trade that is told with it, or have one that is told with the next. That somebody who is leaving holds
    nothing any more is believed at once.
    """
    doubtful = {_key(book): book for book in books if book.fresh and book.otherwise is None}
    leaving = {key for key in doubtful if key not in shown and all(trade.signed < 0 for trade in doubtful[key].fresh)}
    doubts = {key: _doubt(book) for key, book in doubtful.items() if key not in leaving}
    for key, (before, unseen) in standings(leader, doubts, taken=taken).items():
        doubtful[key].stand(before, unseen)


def _key(book: Book) -> Key:
    first = book.trades[0]
    assert first.side is not None  # a source tells of which side a trade is
    return first.symbol, first.side


def _doubt(book: Book) -> Doubt:
    fresh = book.fresh
    before = book.after - sum((trade.signed for trade in fresh), ZERO)
    return Doubt(book.venue, before, fresh[0].time, fresh[0].fact_id)


def _in_order(events: Sequence[Event], after: Decimal) -> Sequence[Event]:
    """Return the order in which the leader traded, where a source tells times in whole seconds.

    It is the order in which they were told, unless more was closed then than was held: many tell the newest first.
    """
    size = after
    for event in reversed(events):
        size -= event.signed
        if size < 0:
            return _entries_first(events)
    return events


def _entries_first(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.event_time, event.signed < 0, event.id))


def _trade(event: Event, *, known: bool) -> SeenTrade:
    return SeenTrade(
        fact_id=event.id,
        symbol=event.symbol,
        side=event.key[1],
        signed=event.signed,
        unit=Decimal(1),
        price=event.price,
        time=event.event_time,
        detected_at=event.created_at,
        known=known and not event.aside,
        aside=event.aside,
    )


def _by_ledger(leader: LeadTrader, symbols: Collection[str], without: Collection[int] = ()) -> Held:
    rows = run(LEDGER, [leader.pk, sorted(symbols), sorted(without)])
    sums = {(symbol, PositionWord(side)): held for symbol, side, held in rows}
    return lambda key, _: (sums.get(key, ZERO), None)


def _shown(leader: LeadTrader) -> Shown:
    rows = run(POSITIONS, [leader.pk])
    return {(symbol, PositionWord(side)): (size, leverage) for symbol, side, size, leverage in rows}


def _by_report(leader: LeadTrader, shown: Shown, shown_at: datetime) -> Held:
    """Return what a leader holds by the newest complete report, and by the trades that it does not show yet.

    Of a leader who hides positions now it is the last one before: what was held then was not closed by that.
    """
    changed = {(symbol, PositionWord(side)) for symbol, side in run(CHANGED, [leader.pk, shown_at])}

    def held(key: Key, events: Sequence[Event]) -> tuple[Decimal, Decimal | None]:
        size, leverage = shown.get(key, (ZERO, None))
        for event in _entries_first(events):
            if _is_unreported(event, shown_at, changed=key in changed):
                size = max(ZERO, size + event.signed)
        return size, leverage

    return held


def _is_unreported(event: Event, shown_at: datetime, *, changed: bool) -> bool:
    if event.fetched_at > shown_at:
        return event.event_time > shown_at
    same_report = event.fetched_at == shown_at and event.event_time > shown_at - READ_WITHIN
    return same_report and not changed
