"""What the paper books know: balances, positions, orders and trades, as values (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from markets.venues.base import MarketSpec, OrderRequest
from markets.venues.paper.numbers import ZERO, booked, booked_up, mean_price
from markets.venues.vocabulary import (
    CONDITIONAL_TYPES,
    FINAL_STATUSES,
    MarketKind,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    VenueStatus,
    WorkingType,
)


class MarketKey(NamedTuple):
    """One market of a venue."""

    kind: MarketKind
    symbol: str


class PositionKey(NamedTuple):
    """One position of an account."""

    kind: MarketKind
    symbol: str
    position_side: PositionSide


Marks = Mapping[MarketKey, Decimal]


@dataclass(frozen=True, slots=True)
class Balance:
    """What there is of an asset; `locked` is what resting orders will need."""

    total: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """What resting orders leave."""
        return self.total - self.locked


@dataclass(frozen=True, slots=True)
class Held:
    """A position. `quantity` is signed; `cost` is what its contracts were worth when they were opened.

    Worth and cost are in the margin asset: quote where linear, coin where inverse. Keeping the cost, and not the mean
    price, makes every part that is closed take its exact share of it.
    """

    symbol: str
    kind: MarketKind
    position_side: PositionSide
    quantity: Decimal
    cost: Decimal
    contract_size: Decimal
    margin_asset: str
    leverage: int

    @property
    def key(self) -> PositionKey:
        """Which position of the account it is."""
        return PositionKey(self.kind, self.symbol, self.position_side)

    @property
    def entry_price(self) -> Decimal:
        """The mean price at which it was opened (the harmonic mean where inverse)."""
        contracts = abs(self.quantity) * self.contract_size
        return mean_price(contracts, self.cost) if self.kind is MarketKind.COIN_M else booked(self.cost / contracts)

    @property
    def margin(self) -> Decimal:
        """The initial margin."""
        return booked_up(self.cost / self.leverage)

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return the profit at a price, in the margin asset."""
        gained = worth(self.kind, abs(self.quantity), self.contract_size, mark) - self.cost
        return gained if (self.quantity > 0) != (self.kind is MarketKind.COIN_M) else -gained


def worth(kind: MarketKind, quantity: Decimal, contract_size: Decimal, price: Decimal) -> Decimal:
    """Return what a quantity is worth: in the coin where inverse, else in the quote."""
    return booked(quantity * contract_size / price if kind is MarketKind.COIN_M else quantity * contract_size * price)


def quote_worth(market: MarketSpec, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a quantity is worth in the quote asset."""
    in_quote = quantity * market.contract_size
    return booked(in_quote if market.kind is MarketKind.COIN_M else in_quote * price)


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the books have accepted. `reserved` of `reserved_asset` is locked for it."""

    client_order_id: str
    symbol: str
    kind: MarketKind
    side: Side
    type: OrderType
    position_side: PositionSide
    quantity: Decimal
    created_at: datetime
    updated_at: datetime
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType | None = None
    price_protect: bool = False
    status: VenueStatus = VenueStatus.NEW
    triggered: bool = False
    filled_quantity: Decimal = ZERO
    filled_quote: Decimal = ZERO
    filled_base: Decimal = ZERO
    reserved: Decimal = ZERO
    reserved_asset: str = ""
    trades: int = 0
    reason: str = ""
    id: int = 0

    @property
    def remaining(self) -> Decimal:
        """What may still fill."""
        return self.quantity - self.filled_quantity

    @property
    def is_open(self) -> bool:
        """Whether it still may trade."""
        return self.status not in FINAL_STATUSES

    @property
    def waits_for_trigger(self) -> bool:
        """Whether a price has to be reached before it is an order at all."""
        return self.type in CONDITIONAL_TYPES and not self.triggered

    @property
    def position_key(self) -> PositionKey:
        """The position that it changes."""
        return PositionKey(self.kind, self.symbol, self.position_side)

    @property
    def closes_only(self) -> bool:
        """Whether it can only make a position smaller: by its own word, or as the closing side of a hedge."""
        hedge_close = (PositionSide.LONG, Side.SELL), (PositionSide.SHORT, Side.BUY)
        return self.reduce_only or self.close_position or (self.position_side, self.side) in hedge_close


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of an order; `number` counts from 1 within it. `realized_pnl` is None on spot."""

    client_order_id: str
    number: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    base_quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    realized_pnl: Decimal | None
    time: datetime


@dataclass(slots=True)
class Ledger:
    """The money and the positions of one account while the engine works on a copy of them.

    `forgiven` is what accounts owed after everything was closed and lost: nobody pays it, as an insurance fund would.
    """

    balances: dict[str, Balance] = field(default_factory=dict)
    positions: dict[PositionKey, Held] = field(default_factory=dict)
    leverage: int = 1
    leverages: Mapping[str, int] = field(default_factory=dict)
    hedge_mode: bool = False
    forgiven: dict[str, Decimal] = field(default_factory=dict)

    def copy(self) -> "Ledger":
        """Return books that can be changed without changing these."""
        return Ledger(
            dict(self.balances),
            dict(self.positions),
            self.leverage,
            self.leverages,
            self.hedge_mode,
            dict(self.forgiven),
        )

    def balance(self, asset: str) -> Balance:
        """Return the balance, nothing where there is none."""
        return self.balances.get(asset, Balance())

    def add(self, asset: str, amount: Decimal) -> None:
        """Change how much there is."""
        old = self.balance(asset)
        self.balances[asset] = Balance(old.total + amount, old.locked)

    def lock(self, asset: str, amount: Decimal) -> None:
        """Change how much is locked."""
        old = self.balance(asset)
        self.balances[asset] = Balance(old.total, old.locked + amount)

    def leverage_of(self, symbol: str) -> int:
        """Return the leverage of a contract."""
        return self.leverages.get(symbol, self.leverage)

    def margined_in(self, asset: str) -> list[Held]:
        """Return the positions with this margin asset."""
        return [held for held in self.positions.values() if held.margin_asset == asset]

    def unrealized(self, asset: str, marks: Marks) -> Decimal:
        """Return the profit of all positions with this margin asset; one without a price counts as even."""
        return sum(
            (
                held.unrealized(marks[key])
                for held in self.margined_in(asset)
                if (key := MarketKey(held.kind, held.symbol)) in marks
            ),
            ZERO,
        )

    def available(self, asset: str, marks: Marks) -> Decimal:
        """Return what new positions may use; below zero where losses have eaten the margin."""
        margin = sum((held.margin for held in self.margined_in(asset)), ZERO)
        return self.balance(asset).free + self.unrealized(asset, marks) - margin

    def closable(self, key: PositionKey, side: Side) -> Decimal:
        """Return how much of a position an order of this side would close."""
        held = self.positions.get(key)
        if held is None or (held.quantity > 0) == (side is Side.BUY):
            return ZERO
        return abs(held.quantity)


def position_key(request: OrderRequest) -> PositionKey:
    """Return the position that a request would change."""
    return PositionKey(request.kind, request.symbol, request.position_side)
