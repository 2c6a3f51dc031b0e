"""What a leader did last, and where a follower would have traded it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from copytrade.accounts.models import User
from markets.models import Market
from markets.venues.registry import venue_info
from orders.models import AccountState, Holding, Mode, TradingAccount
from orders.selectors.accounts import paper_leverage
from replication.engine.books import Book
from replication.engine.deciding import trade_at
from replication.engine.instruments import Instrument
from replication.engine.mapping import markets_at
from replication.engine.places import market_seen
from replication.engine.seen_events import recent_event_books
from replication.engine.seen_fills import recent_fill_books
from replication.engine.trades import Change, changes_of
from replication.facts import FollowerMarket, LeaderTrade
from traders.models import LeadTrader

MOST_FACTS = 500  # orders fill in many parts, which are one change together


@dataclass(frozen=True, slots=True)
class LedChange:
    """One change of a leader's position, with what is known of the leader then."""

    change: Change
    instrument: Instrument
    equity: Decimal | None
    leverage: Decimal | None
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a follower would trade. `funds` is what the account is worth in `asset`, None where nobody knows.

    Without an account it is the paper account that following would open.
    """

    venue: str
    account: TradingAccount | None
    paper: bool
    funds: Decimal | None
    asset: str
    markets: Mapping[Instrument, Market]
    leverages: Mapping[int, Decimal]
    usual: Decimal | None


def leader_changes(trader: LeadTrader, *, most: int) -> list[LedChange]:
    """Return the newest changes of a leader's positions, oldest first; the statements do not grow with them."""
    books = [*recent_event_books(trader, most=MOST_FACTS), *recent_fill_books(trader, most=MOST_FACTS)]
    changes = [_led(book, change) for book in books for change in changes_of(book.trades, book.after, step=book.step)]
    changes.sort(key=lambda led: (led.change.event_time, not led.change.exits))
    return changes[-most:]


def ground_of(*, user: User, venue: str, account: TradingAccount | None, instruments: Collection[Instrument]) -> Ground:
    """Return where a user would trade these at a venue: the account, else one of theirs on paper, else a new one."""
    chosen = account or _suiting(user, venue)
    return Ground(
        venue=venue,
        account=chosen,
        paper=chosen is None or chosen.mode == Mode.PAPER,
        funds=None if chosen is None else chosen.equity,
        asset=venue_info(venue).paper_balance_asset if chosen is None else chosen.equity_asset,
        markets=markets_at(instruments, venue),
        leverages={} if chosen is None else _leverages(chosen),
        usual=None if chosen is None else paper_leverage(chosen),
    )


def follower_market(ground: Ground, market: Market, price: Decimal | None) -> FollowerMarket:
    """Return a market as the planner wants it, at a price."""
    return market_seen(
        market,
        price,
        paper=ground.paper,
        hedge_mode=ground.account is not None and ground.account.hedge_mode,
        leverage=ground.leverages.get(market.pk) or ground.usual,
    )


def leader_trade(led: LedChange, market: Market | None) -> LeaderTrade:
    """Return a change as the planner wants it, in the coins of the follower's market."""
    change = led.change
    trade = LeaderTrade(
        action=change.action,
        symbol=led.instrument.symbol,
        side=change.side,
        quantity=change.quantity,
        price=change.price,
        event_time=change.event_time,
        fraction=change.fraction,
        equity=led.equity,
        leverage=led.leverage,
        order_share=Decimal(1) if change.order_share is None else change.order_share,
    )
    if market is None:
        return trade
    return trade_at(market, trade, trade.price, base_asset=led.instrument.base_asset, inverse=led.inverse)


def _led(book: Book, change: Change) -> LedChange:
    return LedChange(change, book.instrument, book.equity, book.leverage, book.inverse)


def _suiting(user: User, venue: str) -> TradingAccount | None:
    rows = TradingAccount.objects.filter(user=user, venue=venue, mode=Mode.PAPER, leads=None)
    return rows.exclude(state=AccountState.CLOSED).order_by("pk").first()


def _leverages(account: TradingAccount) -> dict[int, Decimal]:
    told = Holding.objects.filter(account=account, leverage__isnull=False)
    return {market: leverage for market, leverage in told.values_list("market", "leverage") if leverage}
