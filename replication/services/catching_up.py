"""What a leader holds when a copy begins, for those that want it as well."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from copytrade.lib.wake import wake_on_commit
from markets.models import Market
from markets.venues.vocabulary import MarketKind
from orders.models import Holding
from orders.selectors.accounts import leverage_in
from replication.engine.books import Book
from replication.engine.collecting import signal_row, signals_write
from replication.engine.instruments import Instrument
from replication.engine.leader_figures import leader_margin, split_symbol
from replication.engine.mapping import instruments_of
from replication.engine.seen_events import venue_of_platform
from replication.engine.trades import Change
from replication.models import Copy, LeaderAccount
from replication.risk import WHOLE_SECONDS
from replication.vocabulary import Action, PositionWord, SignalSource
from traders.models import Position
from traders.selectors.freshness import freshness_of

# Trades up to the moment for which a position is known are in it; what came later is not, whenever it becomes known.
JUST_AFTER = WHOLE_SECONDS + timedelta(milliseconds=1)


def open_positions_signal(*, copy: Copy) -> int:
    """Write an opening signal, for this copy alone, of each position that its leader holds; return how many.

    Positions of a source that is stale are left out: nobody knows whether they are still open. The copy begins after
    what opened the others, or a trade that was made since its row was written would be copied twice. Needs a
    transaction.
    """
    held = [*_of_accounts(copy), *_of_reports(copy)]
    copy.started_at = max([copy.started_at, *(change.event_time - WHOLE_SECONDS for _, change in held)])
    copy.save(update_fields=["started_at"])
    rows = []
    for book, change in held:
        key = f"{SignalSource.CATCH_UP}:{copy.pk}:{change.symbol}:{change.side}"
        row = signal_row(
            leader=copy.trader, source=SignalSource.CATCH_UP, key=key, change=change, book=book, copy_id=copy.pk
        )
        rows.append(row)
    wake_on_commit("replication.fan_out")
    return signals_write(rows)


def _of_accounts(copy: Copy) -> list[tuple[Book, Change]]:
    accounts = LeaderAccount.objects.filter(trader=copy.trader).values("account")
    rows = Holding.objects.filter(account__in=accounts).exclude(quantity=0).select_related("market", "account")
    held: dict[tuple[int, str], list[Holding]] = defaultdict(list)
    for row in rows.order_by("pk"):
        held[row.market_id, row.side].append(row)
    return [found for same in held.values() if (found := _of_holdings(same))]


def _of_holdings(same: Sequence[Holding]) -> tuple[Book, Change] | None:
    """Return the position that a leader's accounts hold of one market together, None for what no order can close.

    Where some are long and others short, it is what is left of the larger side.
    """
    market, net = same[0].market, sum((row.quantity for row in same), Decimal(0))
    if not net or abs(net) < (market.quantity_step or 0):
        return None
    side = PositionWord.LONG if net > 0 else PositionWord.SHORT
    larger = [row for row in same if (row.quantity > 0) == (net > 0)]
    first, inverse = larger[0], market.kind == MarketKind.COIN_M
    size = abs(net) * market.contract_size
    price = first.mark_price or _entry(market, larger)
    coins = size / price if inverse and price else size
    instrument = Instrument(market.symbol, market.base_asset, market.quote_asset)
    leverage = leverage_in(first.account, market)
    book = Book(instrument, market.venue, coins, first.account.equity, leverage, inverse=inverse)
    newest = max((row.last_time for row in same if row.last_time), default=None)
    return book, _opening(market.symbol, side, coins, price, newest)


def _entry(market: Market, rows: Sequence[Holding]) -> Decimal | None:
    size = abs(sum(row.quantity for row in rows)) * market.contract_size
    cost = sum((row.cost for row in rows), Decimal(0))
    if not cost:
        return None
    price: Decimal = size / cost if market.kind == MarketKind.COIN_M else cost / size
    return price


def _of_reports(copy: Copy) -> list[tuple[Book, Change]]:
    positions = list(Position.objects.filter(trader=copy.trader))
    freshness = freshness_of(copy.trader)
    if not positions or freshness.positions_stale:
        return []
    venue, equity = venue_of_platform(copy.trader.platform), leader_margin(copy.trader.raw)
    instruments = instruments_of({position.symbol for position in positions}, venue)
    found = []
    for position in positions:
        instrument = instruments.get(position.symbol) or split_symbol(position.symbol, position.size_asset)
        book = Book(instrument, venue, abs(position.size), equity, position.leverage)
        price = position.mark_price or position.entry_price
        side, size = PositionWord(position.side), abs(position.size)
        found.append((book, _opening(position.symbol, side, size, price, freshness.positions_at)))
    return found


def _opening(
    symbol: str, side: PositionWord, quantity: Decimal, price: Decimal | None, known_at: datetime | None
) -> Change:
    now = timezone.now()
    return Change(
        action=Action.OPEN,
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        fraction=None,
        position_before=Decimal(0),
        fact_ids=(),
        event_time=now if known_at is None else min(known_at, now) + JUST_AFTER,
        detected_at=now,
        order_id=None,
    )
