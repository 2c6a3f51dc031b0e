"""Orders and their trades, as the matching engine keeps them."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from tests.simulators.exchange.kinds import ZERO
from tests.simulators.exchange.symbols import Symbol

if TYPE_CHECKING:
    from tests.simulators.exchange.accounts import Account

OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})


class Trade(msgspec.Struct, eq=False):
    """One fill. `worth`: in the quote asset, or in the coin on COIN-M; `fee` in `fee_asset`."""

    id: int
    order: "Order"
    quantity: Decimal
    price: Decimal
    worth: Decimal
    maker: bool
    time: int
    fee: Decimal = ZERO
    fee_asset: str = ""
    realized: Decimal = ZERO


class Order(msgspec.Struct, eq=False):
    """One order of an account.

    `held`: what of its balance is set aside; `ended`: called once it is no longer open; times in milliseconds.
    """

    account: "Account"
    symbol: Symbol
    client_id: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal = ZERO
    time_in_force: str = "GTC"
    stop_price: Decimal = ZERO
    quote_quantity: Decimal = ZERO
    stp_mode: str = "EXPIRE_MAKER"
    waits: bool = False
    position_side: str = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    original_type: str = ""
    good_till: int = 0
    id: int = 0
    status: str = "NEW"
    executed: Decimal = ZERO
    worth: Decimal = ZERO
    cost: Decimal = ZERO
    held: Decimal = ZERO
    held_asset: str = ""
    time: int = 0
    updated: int = 0
    cancel_id: str = ""
    expiry: int = 0
    trades: list[Trade] = []
    ended: Callable[[], None] | None = None

    @property
    def buys(self) -> bool:
        """Return whether it buys."""
        return self.side == "BUY"

    @property
    def remaining(self) -> Decimal:
        """Return what is not filled."""
        return self.quantity - self.executed

    @property
    def open(self) -> bool:
        """Return whether it may still fill."""
        return self.status in OPEN

    @property
    def average(self) -> Decimal:
        """Return the mean price of the fills, weighted by quantity; zero without fills.

        On COIN-M, where the worth counts coins, it is the price at which all contracts would be worth as much.
        """
        if not self.executed:
            return ZERO
        if self.symbol.margin == self.symbol.base:
            return self.executed * self.symbol.contract_size / self.worth
        return self.worth / self.executed

    def crosses(self, price: Decimal) -> bool:
        """Return whether a limit order may fill at a price."""
        return price <= self.price if self.buys else price >= self.price


class Algo(msgspec.Struct, eq=False):
    """A conditional order of a futures market: it places `order` when the price reaches `trigger`."""

    order: Order
    client_id: str
    trigger: Decimal
    id: int = 0
    status: str = "NEW"
    price_protect: bool = False
    activate: Decimal = ZERO
    callback: Decimal = ZERO
    active: bool = True
    extreme: Decimal = ZERO
    created: int = 0
    updated: int = 0
    triggered: int = 0
    actual: Order | None = None
    reason: str = ""

    @property
    def trails(self) -> bool:
        """Return whether it follows the price."""
        return self.order.type == "TRAILING_STOP_MARKET"
