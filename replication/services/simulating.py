"""What a copy would have done with its leader's last trades, had each order filled at the leader's price."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec.structs import replace

from copytrade.accounts.models import User
from copytrade.lib.errors import InvalidInput
from markets.models import Market
from markets.venues.vocabulary import MarketKind, Side
from orders.accounting import FillFact, Position, book, unrealized_pnl
from orders.models import TradingAccount
from orders.services.accounts import opening_balance
from orders.services.booking import terms_of as settlement_of
from replication.defaults import settings_filled
from replication.engine.copy_terms import terms_of
from replication.engine.deciding import traded_of, usual_asset
from replication.engine.trades import Change
from replication.facts import SET_OFF, ZERO, CopyTerms, Decision, FollowerState, LeaderTrade
from replication.money import state_in_quote
from replication.planner import plan
from replication.selectors.defaults import copy_defaults_of
from replication.selectors.preview import Ground, LedChange, follower_market, ground_of, leader_changes, leader_trade
from replication.services.following import leader_venue
from replication.sizing import side_of
from replication.terms import CopySettings, settings_problems
from replication.vocabulary import Action, CopyState, IntentState, PositionWord, Reason
from traders.models import LeadTrader

TRADES = 20
Key = tuple[int, PositionWord]


@dataclass(frozen=True, slots=True)
class SimulatedTrade:
    """One trade of the leader, what the copy would have decided, and what that would have realised, before fees."""

    led: LedChange
    market: Market | None
    decision: Decision
    realized_pnl: Decimal


@dataclass(slots=True)
class AssetResult:
    """What was realised in one asset, and what is open at the last prices of the leader's trades."""

    realized_pnl: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a copy would have done, oldest first; `funds` is what it would have begun with, None: not known."""

    trader: LeadTrader
    ground: Ground
    funds: Decimal | None
    trades: Sequence[SimulatedTrade]
    results: Mapping[str, AssetResult]

    @property
    def copied(self) -> int:
        """How many trades would have become orders."""
        return sum(trade.decision.state == IntentState.PLANNED for trade in self.trades)

    @property
    def capped(self) -> int:
        """How many of those would have been cut."""
        return sum(trade.decision.state == IntentState.PLANNED and bool(trade.decision.caps) for trade in self.trades)

    @property
    def skipped(self) -> dict[str, int]:
        """How many would have been skipped, by code."""
        return dict(Counter(str(trade.decision.code) for trade in self.trades if not trade.decision.orders))


@dataclass(slots=True)
class _Held:
    """A position of the copy on its way through the trades."""

    market: Market
    position: Position = field(default_factory=Position)
    remainder: Decimal = ZERO
    opened_at: datetime | None = None
    last_price: Decimal | None = None

    @property
    def worth(self) -> Decimal:
        """What it is worth at its entry, in the quote asset."""
        inverse = self.market.kind == MarketKind.COIN_M
        worth: Decimal = abs(self.position.quantity) * self.market.contract_size if inverse else abs(self.position.cost)
        return worth

    def take(self, trade: LeaderTrade, decision: Decision) -> Decimal:
        """Fill the orders of a decision at the leader's price; return what that realised."""
        before = self.position
        if not decision.exits and not before.quantity and decision.orders:
            self.opened_at = trade.event_time
        self.remainder, self.last_price = decision.remainder, trade.price or self.last_price
        for number, order in enumerate(decision.orders):
            price = self.last_price or order.price
            if price:
                buy = order.side == Side.BUY
                fact = FillFact(trade.event_time, str(number), buy, price, order.quantity, ZERO, "")
                self.position = book(settlement_of(self.market), self.position, fact)
        return self.position.realized_pnl - before.realized_pnl

    def open_result(self) -> Decimal:
        """Return what closing it at the last price would realise."""
        if not self.position.quantity or self.last_price is None:
            return ZERO
        return unrealized_pnl(settlement_of(self.market), self.position, self.last_price)


@dataclass(slots=True)
class _Order:
    """What an order of the leader, which filled in parts, has led to so far: as `load_statements` has it."""

    worth: Decimal = ZERO
    carried: Decimal = ZERO
    cut: bool = False

    def take(self, decision: Decision) -> None:
        """Count what was decided about another part of it."""
        self.cut = self.cut or bool(decision.caps)
        self.worth += decision.worth
        if decision.wanted is not None and (decision.orders or decision.code == Reason.BELOW_MINIMUM):
            self.carried += decision.wanted - decision.quantity - Decimal(decision.numbers.get(SET_OFF, 0))


def copy_preview(
    *,
    user: User,
    trader: LeadTrader,
    settings: CopySettings,
    account: TradingAccount | None = None,
    funds: Decimal | None = None,
    left_open: Collection[str] = (),
) -> Simulation:
    """Return what a copy with these settings would have done with the leader's last 20 trades; nothing is stored.

    The limits that are `left_open` are those of `replication.defaults`, as when the copy begins.
    It begins with `funds`, else with what is allocated, but no more than what the account is worth. Wrong settings are
    `InvalidInput`. The statements do not grow with trades.
    """
    if problems := list(settings_problems(settings)):
        raise InvalidInput(problems)
    changes = leader_changes(trader, most=TRADES)
    instruments = {led.instrument for led in changes}
    venue = account.venue if account else leader_venue(trader)
    ground = ground_of(user=user, venue=venue, account=account, instruments=instruments)
    if left_open:
        sources = copy_defaults_of(user=user, venue=venue, account=ground.account)
        settings = settings_filled(settings, left_open, sources)
    begin = funds or _least(settings.allocated, ground.funds if ground.account else opening_balance(venue))
    trades, results = copy_simulate(changes=changes, settings=settings, ground=ground, funds=begin)
    return Simulation(trader=trader, ground=ground, funds=begin, trades=trades, results=results)


def _least(*amounts: Decimal | None) -> Decimal | None:
    return min((amount for amount in amounts if amount is not None), default=None)


def copy_simulate(
    *, changes: Sequence[LedChange], settings: CopySettings, ground: Ground, funds: Decimal | None
) -> tuple[list[SimulatedTrade], dict[str, AssetResult]]:
    """Return what is decided about each change, in their order, and the results by asset. Asks nobody."""
    held: dict[Key, _Held] = {}
    days: dict[date, Decimal] = defaultdict(Decimal)
    orders: dict[tuple[Any, ...], _Order] = defaultdict(_Order)
    trades: list[SimulatedTrade] = []
    terms = _terms(settings, changes)
    for led in changes:
        market = ground.markets.get(led.instrument)
        trade = leader_trade(led, market)
        if market is None:
            unmapped = plan(trade, terms, None, FollowerState(funds=funds), trade.event_time)
            trades.append(SimulatedTrade(led, None, unmapped, ZERO))
            continue
        mine = held.setdefault((market.pk, side_of(trade, terms)), _Held(market))
        day = trade.event_time.astimezone(UTC).date()
        order = _order_of(led.change, orders)
        state = _state(mine, list(held.values()), ground, funds, -days[day])
        state = replace(state, order_worth=order.worth, order_carried=ZERO if order.cut else order.carried)
        state = state_in_quote(state, traded_of(market), ground.asset or usual_asset(ground.venue), trade.price)
        decision = plan(trade, terms, follower_market(ground, market, trade.price), state, trade.event_time)
        order.take(decision)
        realized = mine.take(trade, decision)
        days[day] += realized
        trades.append(SimulatedTrade(led, market, decision, realized))
    return trades, _results(held.values())


def _order_of(change: Change, orders: dict[tuple[Any, ...], _Order]) -> _Order:
    """Return what led so far to the same; a close makes forget what was too small of the position."""
    position = (change.symbol, change.side)
    if change.action == Action.CLOSE:
        for (_, *of), order in orders.items():
            order.carried = ZERO if tuple(of) == position else order.carried
    return _Order() if change.order_id is None or change.exits else orders[change.order_id, *position]


def _terms(settings: CopySettings, changes: Sequence[LedChange]) -> CopyTerms:
    values = asdict(settings) | {
        "state": CopyState.ACTIVE,
        "started_at": changes[0].change.event_time if changes else None,
        "resumed_at": None,
        "tiers": msgspec.json.encode(settings.tiers).decode(),
        "trading_hours": msgspec.json.encode(settings.trading_hours or {}).decode(),
    }
    return terms_of(SimpleNamespace(**values))


def _state(mine: _Held, every: Sequence[_Held], ground: Ground, funds: Decimal | None, lost: Decimal) -> FollowerState:
    realized = sum((each.position.realized_pnl for each in every), ZERO)
    worth = sum((each.worth for each in every), ZERO)
    return FollowerState(
        funds=None if funds is None else funds + realized,
        held=mine.position.quantity,
        remainder=mine.remainder,
        opened_at=mine.opened_at if mine.position.quantity else None,
        open_positions=sum(bool(each.position.quantity) for each in every),
        symbol_worth=sum((each.worth for each in every if each.market.pk == mine.market.pk), ZERO),
        copy_worth=worth,
        account_worth=worth,
        account_max_worth=ground.account.max_worth if ground.account else None,
        lost_today=lost,
    )


def _results(held: Iterable[_Held]) -> dict[str, AssetResult]:
    results: dict[str, AssetResult] = {}
    for each in held:
        result = results.setdefault(settlement_of(each.market).settlement_asset, AssetResult())
        result.realized_pnl += each.position.realized_pnl
        result.unrealized_pnl += each.open_result()
    return results
