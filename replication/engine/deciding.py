"""What each copy of a chunk does about a signal: the planner is asked once for each, with all that is known of it."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import msgspec
from django.conf import settings
from msgspec.structs import replace

from copytrade.lib.sql import run
from copytrade.lib.wire import plain_digits
from markets.models import Market
from markets.prices import is_stale, price_for, prices_of
from markets.services.watch import price_watch_want
from markets.venues.registry import venue_info
from markets.venues.vocabulary import MarketKind
from orders.executor.rows import halts_read
from orders.models import Holding
from orders.services.booking import terms_of as settlement_of
from replication.engine.blocks import Block, block_of, leader_block
from replication.engine.instruments import plain_base
from replication.engine.loading import Follower, Loaded, opposite
from replication.engine.places import Places
from replication.facts import CopyTerms, Decision, FollowerState, LeaderTrade
from replication.models import Signal
from replication.money import Traded, holdings_refusal, state_in_quote
from replication.planner import plan, plan_at
from replication.vocabulary import EXITS, Action, IntentState, PositionWord, Reason, SignalSource

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "How much of the position the leader closed is not certain, since another trade of it cannot be taken up: of two "
    "fractions this is the smaller."
)
CLOSED_ELSEWHERE = "The account holds less than this copy bought: its owner closed some of it."
STATUS = "SELECT status FROM traders_leadtrader WHERE id = %s"
ANY_AGE = 10**9  # seconds
UNCUT = 1 + Decimal("1e-18")  # what two divisions have cut off, so that ten contracts are not nine


@dataclass(frozen=True, slots=True)
class Scene:
    """What all copies of a chunk share."""

    signal: Signal
    trades: Mapping[int, LeaderTrade]
    trade: LeaderTrade
    markets: Mapping[int, Market]
    traded: Mapping[int, Traded]
    prices: Mapping[int, Decimal]
    block: Callable[[Follower], Block | None]
    leader_block: Block | None
    now: datetime
    held_in: Mapping[int, Collection[str]] = field(default_factory=dict)
    closed_by_hand: Collection[tuple[int, int]] = frozenset()
    """Accounts, and the markets in which their owners close what they hold right now."""


class Decided(msgspec.Struct, frozen=True):
    """A follower, in which market, and what was decided. `true_quantity` is what is left of its position, if less."""

    follower: Follower
    market: Market | None
    decision: Decision
    true_quantity: Decimal | None = None


def scene_of(signal: Signal, loaded: Loaded, known: dict[int, Market], now: datetime) -> Scene:
    """Return what all copies of a chunk share; `known` are the markets that were found for the signal, by id."""
    needed = {follower.market_id for follower in loaded.followers if follower.market_id is not None}
    markets = {pk: known[pk] for pk in needed & known.keys()}
    if missing := needed - known.keys():
        markets |= Market.objects.in_bulk(missing)
    reports = prices_of(markets.values()) if markets else {}
    prices = {pk: price_for(report, "last") for pk, report in reports.items() if not is_stale(report, now)}
    if unknown := markets.keys() - prices.keys():
        price_watch_want(unknown)
    trade, inverse = trade_of(signal), bool(signal.numbers.get("inverse"))
    halts, live_trading = halts_read(), settings.LIVE_TRADING
    return Scene(
        signal,
        {
            pk: trade_at(market, trade, prices.get(pk), base_asset=signal.base_asset, inverse=inverse)
            for pk, market in markets.items()
        },
        trade,
        markets,
        {pk: traded_of(market) for pk, market in markets.items()},
        {pk: price for pk, price in prices.items() if price is not None},
        lambda follower: block_of(follower, halts, live_trading=live_trading),
        leader_block(run(STATUS, [signal.trader_id])[0][0]),
        now,
        _held_in(signal, loaded.followers),
        loaded.closing,
    )


def trade_of(signal: Signal) -> LeaderTrade:
    """Return what the planner is told of a signal."""
    return LeaderTrade(
        action=Action(signal.action),
        symbol=signal.symbol,
        side=PositionWord(signal.side),
        quantity=signal.quantity,
        price=signal.price,
        event_time=signal.event_time,
        fraction=signal.fraction,
        equity=signal.leader_equity,
        leverage=signal.leverage,
        order_share=Decimal(signal.numbers.get("order_share", 1)),
        shown=not signal.numbers.get("not_shown"),
    )


def trade_at(
    market: Market, trade: LeaderTrade, price: Decimal | None, *, base_asset: str, inverse: bool
) -> LeaderTrade:
    """Return the trade in the coins of a market, where one of both counts them by the thousand.

    Inverse contracts are copied by what they are worth, which is so many contracts, not by what that is in coins at
    the market's price; without one it is in coins at the leader's.
    """
    if inverse and market.kind == MarketKind.COIN_M and trade.price:
        return replace(trade, quantity=trade.quantity * trade.price / (price or trade.price) * UNCUT)
    scale = Decimal(plain_base(base_asset)[1]) / plain_base(market.base_asset)[1]
    if scale == 1:
        return trade
    return replace(trade, quantity=trade.quantity * scale, price=trade.price and trade.price / scale)


def decide(scene: Scene, follower: Follower, places: Places, attempt: int) -> Decided:
    """Decide, in arithmetic that callers set to `CONTEXT`; whatever goes wrong with a copy holds up no other one."""
    try:
        return _decide_one(scene, follower, places, attempt)
    except Exception:
        logger.exception("Copy %s cannot be decided about at signal %s", follower.copy_id, scene.signal.pk)
        exits = scene.trade.action in EXITS
        decision = Decision(
            state=IntentState.WAITING if exits else IntentState.SKIPPED,
            exits=exits,
            side=_side(scene, follower),
            code=Reason.TERMS_INCOMPLETE,
            message="The copy's settings could not be used.",
            remainder=follower.state.remainder,
        )
        return Decided(follower, scene.markets.get(follower.market_id or 0), decision)


def _decide_one(scene: Scene, follower: Follower, places: Places, attempt: int) -> Decided:
    market = scene.markets.get(follower.market_id) if follower.market_id else None
    block = scene.block(follower)
    if scene.trade.action in EXITS:
        return _decide_exit(scene, follower, market, block, places, attempt)
    if scene.signal.numbers.get("superseded"):
        message = "The leader had closed this again before it became known here."
        return Decided(follower, market, _nothing(scene, follower, Reason.OUT_OF_ORDER, message))
    state, block = _in_quote(scene, follower, market), block or scene.leader_block
    if block is not None:
        state = replace(state, blocked=block.code, blocked_message=block.message)
    trade, terms = _trade(scene, market), follower.terms
    if scene.signal.source == SignalSource.CATCH_UP:  # what is held is as old as the asking for it
        trade = replace(trade, event_time=scene.signal.detected_at)
        terms = replace(terms, started_at=min(terms.started_at, trade.event_time))
    if attempt > 1:  # a person asks for it, who knows that it is late
        terms = replace(terms, max_signal_age_seconds=ANY_AGE, resumed_at=None)
    return Decided(follower, market, _planned(scene, follower, market, trade, terms, state, places))


def _in_quote(scene: Scene, follower: Follower, market: Market | None) -> FollowerState:
    """Return the state with money in the market's quote asset, or with why that cannot be told."""
    if market is None:
        return follower.state
    price, traded = scene.prices.get(market.id) or scene.trades[market.id].price, scene.traded[market.id]
    asset = follower.equity_asset or usual_asset(follower.venue)
    state = state_in_quote(follower.state, traded, asset, price)
    if state.account_max_worth is None or state.other_money is not None:
        return state
    return replace(state, other_money=holdings_refusal(traded, scene.held_in.get(follower.account_id, ())))


def traded_of(market: Market) -> Traded:
    """Return what the money of a market is."""
    terms = settlement_of(market)
    pays_in = terms.settlement_asset or market.quote_asset
    return Traded(market.symbol, market.quote_asset, pays_in, inverse=terms.inverse)


def usual_asset(venue: str) -> str:
    """Return what accounts at a venue count their money in, where they have not told it."""
    return venue_info(venue).equity_asset


def _held_in(signal: Signal, followers: Sequence[Follower]) -> dict[int, set[str]]:
    """Return what the holdings of accounts whose worth is limited are priced in, in one statement."""
    limited = [each.account_id for each in followers if each.state.account_max_worth is not None]
    if not limited or Action(signal.action) in EXITS:
        return {}
    rows = Holding.objects.filter(account__in=limited).exclude(quantity=0)
    found: dict[int, set[str]] = {}
    for account_id, quote in rows.values_list("account_id", "market__quote_asset").order_by().distinct():
        found.setdefault(account_id, set()).add(quote)
    return found


def _decide_exit(
    scene: Scene,
    follower: Follower,
    market: Market | None,
    block: Block | None,
    places: Places,
    attempt: int,
) -> Decided:
    """Decide about a trade that closes: what is held, or may be as soon as an order is final, is never forgotten."""
    state = follower.state
    if block is not None and block.stops_exits and (state.held or state.earlier_order_open):
        return Decided(follower, market, _waits(scene, follower, block.code, block.message))
    if not state.earlier_order_open and (message := _unsettled(scene, follower)):
        return Decided(follower, market, _waits(scene, follower, Reason.EARLIER_ORDER_OPEN, message))
    trade, true_quantity = _trade(scene, market), None
    if abs(state.held) > follower.closable and not state.earlier_order_open:
        true_quantity = follower.closable if state.held > 0 else -follower.closable
        state = replace(state, held=true_quantity)
    if attempt > 1 and trade.action == Action.REDUCE and not state.earlier_order_open:
        if state.remainder >= 0:  # what it did not close was owed
            nothing = _nothing(scene, follower, Reason.NOTHING_HELD, "What was left to close was closed meanwhile.")
            return Decided(follower, market, nothing, true_quantity)
        trade = replace(trade, fraction=Decimal(0))
    terms = follower.terms
    if follower.held_side is not None:  # the copy may have been inverted since
        terms = replace(terms, inverted=follower.held_side != trade.side)
    decision = _planned(scene, follower, market, trade, terms, state, places)
    if scene.signal.numbers.get("in_doubt"):
        decision = replace(
            decision, numbers={**decision.numbers, "in_doubt": True}, message=f"{decision.message} {IN_DOUBT}".strip()
        )
    if true_quantity is not None:
        decision = _explained(decision, follower.state.held, true_quantity)
    return Decided(follower, market, decision, true_quantity)


def _unsettled(scene: Scene, follower: Follower) -> str:
    """Return why it is not known how much of its position a copy may close, empty where it is."""
    held = abs(follower.state.held)
    if follower.unbooked:
        return "A trade of this position is stored and not booked yet."
    if follower.others_under_way and held > follower.closable - follower.others_leaving:
        return "Another copy of the account has an order in this market that is not final yet."
    if (follower.account_id, follower.market_id) in scene.closed_by_hand:
        return "The account's owner closes this by hand right now."
    return ""


def _trade(scene: Scene, market: Market | None) -> LeaderTrade:
    return scene.trade if market is None else scene.trades[market.id]


def _explained(decision: Decision, believed: Decimal, true_quantity: Decimal) -> Decision:
    numbers = {"held_by_copy": plain_digits(believed), "held_by_account": plain_digits(true_quantity)}
    message = CLOSED_ELSEWHERE if decision.code == Reason.NOTHING_HELD else decision.message
    return replace(decision, numbers={**decision.numbers, **numbers}, message=message)


def _waits(scene: Scene, follower: Follower, code: Reason, message: str) -> Decision:
    return replace(_nothing(scene, follower, code, message), state=IntentState.WAITING)


def _nothing(scene: Scene, follower: Follower, code: Reason, message: str) -> Decision:
    return Decision(
        state=IntentState.SKIPPED,
        exits=scene.trade.action in EXITS,
        side=_side(scene, follower),
        code=code,
        message=message,
        remainder=follower.state.remainder,
    )


def _planned(
    scene: Scene,
    follower: Follower,
    market: Market | None,
    trade: LeaderTrade,
    terms: CopyTerms,
    state: FollowerState,
    places: Places,
) -> Decision:
    if market is None:
        return plan(trade, terms, None, state, scene.now)
    return plan_at(places.site(market, follower, trade, terms), trade, terms, state, scene.now)


def _side(scene: Scene, follower: Follower) -> PositionWord:
    side = scene.trade.side
    if scene.trade.action in EXITS and follower.held_side is not None:
        return follower.held_side
    return opposite(side) if follower.terms.inverted else side
