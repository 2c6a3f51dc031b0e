"""What the planner is told, and what it decides (pure).

Money is in the quote asset of the follower's market. A follower's quantities are in the unit of that market; the
leader's are in the base asset.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec

from markets.filters import Filters
from markets.rounding import Bounds, Steps, order_bounds, quantity_steps
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce
from replication.vocabulary import Action, CopyState, IntentState, MinimumPolicy, PositionWord, Reason, Strategy

ZERO = Decimal(0)
SET_OFF = "set_off"
"""Which number of a decision says how much of an entry went to what was still to be closed."""


class LeaderTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a leader's position. `fraction` is which part of it an exit closed, 1 for all.

    `order_share` is which part of the leader's order this is, where that is known: an order that fills in parts is
    copied in parts, so that amounts for each order are shared out among them. An entry is `shown` where what the leader
    holds has it in, as far as anybody knows: however late it became known, it belongs to the position held now.
    """

    action: Action
    symbol: str
    side: PositionWord
    quantity: Decimal
    price: Decimal | None
    event_time: datetime
    fraction: Decimal | None = None
    equity: Decimal | None = None
    leverage: Decimal | None = None
    order_share: Decimal = Decimal(1)
    shown: bool = True


class TradingHours(msgspec.Struct, frozen=True, kw_only=True):
    """When entries are copied: on these days (Monday is 0) between two minutes of the day in a time zone.

    Where `until` is before `since`, the hours reach over midnight and belong to the day on which they begin.
    """

    zone: str
    days: frozenset[int]
    since: int
    until: int


class CopyTerms(msgspec.Struct, frozen=True):
    """How a copy sizes, and its limits; None does not bind."""

    state: CopyState
    strategy: Strategy
    started_at: datetime
    resumed_at: datetime | None = None
    ratio: Decimal | None = None
    percentage: Decimal | None = None
    fixed_quantity: Decimal | None = None
    fixed_amount: Decimal | None = None
    tiers: tuple[tuple[Decimal, Decimal], ...] = ()
    inverted: bool = False
    max_order: Decimal | None = None
    max_symbol: Decimal | None = None
    max_exposure: Decimal | None = None
    max_positions: int | None = None
    max_leverage: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_slippage_percent: Decimal | None = None
    max_signal_age_seconds: int = 60
    allowed_symbols: frozenset[str] = frozenset()
    denied_symbols: frozenset[str] = frozenset()
    minimum_policy: MinimumPolicy = MinimumPolicy.SKIP
    trading_hours: TradingHours | None = None


class FollowerMarket(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Where the follower trades the leader's symbol. `price` is the fresh one there, None where none is known.

    Many copies share one: what its rules come to is found once.
    """

    symbol: str
    kind: MarketKind
    quote_asset: str
    filters: Filters
    contract_size: Decimal = Decimal(1)
    trading: bool = True
    price: Decimal | None = None
    reduce_only: bool = True
    limit_ioc: bool = True
    hedge_mode: bool = False
    leverage: Decimal = Decimal(1)

    @cached_property
    def market_steps(self) -> Steps:
        """Where the quantities of MARKET orders may lie; callers set the arithmetic."""
        return quantity_steps(self.filters, market_order=True, kind=self.kind)

    @cached_property
    def limit_steps(self) -> Steps:
        """Where those of LIMIT orders may lie."""
        return quantity_steps(self.filters, market_order=False, kind=self.kind)

    @cached_property
    def market_bounds(self) -> Bounds:
        """The bounds of one MARKET order."""
        return order_bounds(self.filters, market_order=True)

    @cached_property
    def limit_bounds(self) -> Bounds:
        """Those of one LIMIT order."""
        return order_bounds(self.filters, market_order=False)


class FollowerState(msgspec.Struct, frozen=True):
    """How copy and account stand now, with everything that is ordered and not final counted as if it were filled.

    `held` is the copy's own signed position on the side that this trade concerns, in the market's unit; `remainder` as
    in `CopyPosition`. `funds` is what the copy may work with (allocated, or the account's equity), None: not known.
    `worths` are those of what is held at entry prices.
    """

    funds: Decimal | None
    held: Decimal = ZERO
    remainder: Decimal = ZERO
    opened_at: datetime | None = None
    """When the leader made the trade that opened what is held."""
    open_positions: int = 0
    order_worth: Decimal = ZERO
    """What was ordered for other parts of the leader's order, which fills bit by bit."""
    order_carried: Decimal = ZERO
    """What earlier parts of it wanted, and was too small to order or lost in rounding."""
    symbol_worth: Decimal = ZERO
    copy_worth: Decimal = ZERO
    account_worth: Decimal = ZERO
    account_max_worth: Decimal | None = None
    lost_today: Decimal = ZERO
    """What the copy lost on this UTC day, after fees: positive is a loss."""
    opposite_leader: str = ""
    """Another leader whose copy on this account holds the opposite side of this market, where they would net out."""
    taken_by: str = ""
    """Another symbol of the leader that the copy follows in this very position, in which the two would become one."""
    blocked: Reason | None = None
    """Why the account sends nothing at all now; exits are still planned where only entries are stopped."""
    blocked_message: str = ""
    blocks_exits: bool = False
    earlier_order_open: bool = False
    other_money: "Refusal | None" = None
    """Why amounts of the market cannot be compared with the copy's own; asked for entries only."""


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing is ordered: a sentence for the follower, and the numbers behind it, fit for JSON."""

    code: Reason
    message: str
    numbers: Mapping[str, Any] = msgspec.field(default_factory=dict)


class OrderPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An order to write. `worth` is what it is worth in the quote asset at the price it was planned with."""

    side: Side
    position_side: PositionSide
    type: OrderType
    quantity: Decimal
    worth: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """A cut: from and to are quantities in the market's unit, `limit` the figure that cut."""

    code: Reason
    before: Decimal
    after: Decimal
    limit: Decimal | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy does: PLANNED with orders, WAITING, or SKIPPED with a code; `numbers` are those behind it.

    `remainder` is what the position's remainder becomes.
    """

    state: IntentState
    exits: bool
    side: PositionWord
    orders: tuple[OrderPlan, ...] = ()
    code: Reason | None = None
    message: str = ""
    numbers: Mapping[str, Any] = msgspec.field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    wanted: Decimal | None = None
    remainder: Decimal = ZERO

    @property
    def quantity(self) -> Decimal:
        """What is ordered in all."""
        return sum([order.quantity for order in self.orders], ZERO)

    @property
    def worth(self) -> Decimal:
        """What all orders are worth."""
        return sum([order.worth for order in self.orders], ZERO)
