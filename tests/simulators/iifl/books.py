"""What the simulator knows: instruments with prices, logins, and the orders, trades and positions of clients."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from markets.venues.iifl.listing import references

ZERO = Decimal(0)
TICK, FREEZE = Decimal("0.05"), 100_000
BAND = Decimal("0.10")
LEVERAGE = 5
NUMBERS = {"RELIANCE": 2885, "ACC": 22, "BALKRISIND": 335}
FINAL = frozenset({"Filled", "Cancelled", "Rejected"})


@dataclass(slots=True)
class Instrument:
    """A share. `base` is the price by which the day's band is set."""

    id: int
    symbol: str
    base: Decimal
    last: Decimal

    @property
    def bid(self) -> Decimal:
        """The best offer to buy."""
        return self.last - TICK

    @property
    def ask(self) -> Decimal:
        """The best offer to sell."""
        return self.last + TICK


@dataclass(slots=True)
class Order:
    """An order; `taken_at` is on the monotonic clock."""

    number: int
    client: "Client"
    instrument: Instrument
    side: str
    type: str
    product: str
    validity: str
    quantity: int
    price: Decimal
    stop: Decimal
    identifier: str
    at: datetime
    taken_at: float
    status: str = "PendingNew"
    filled: int = 0
    worth: Decimal = ZERO
    reason: str = ""
    triggered: bool = False
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status not in FINAL


@dataclass(frozen=True, slots=True)
class Trade:
    """A part of an order that has traded."""

    order: Order
    execution: str
    price: Decimal
    quantity: int
    at: datetime


@dataclass(slots=True)
class Position:
    """What a client has bought and sold of a share today."""

    bought: int = 0
    sold: int = 0
    paid: Decimal = ZERO
    received: Decimal = ZERO

    @property
    def net(self) -> int:
        """What is held; short is negative."""
        return self.bought - self.sold


@dataclass(slots=True)
class Client:
    """Who holds and pays."""

    code: str
    balance: Decimal
    orders: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)

    def margin(self, prices: dict[int, Instrument]) -> Decimal:
        """Return what positions and open orders bind."""
        held = sum((abs(each.net) * prices[number].last for number, each in self.positions.items()), ZERO)
        resting = sum(
            (
                (each.quantity - each.filled) * (each.price or each.instrument.last)
                for each in self.orders
                if each.is_open
            ),
            ZERO,
        )
        return (held + resting) / LEVERAGE


@dataclass(slots=True)
class Login:
    """A key: for an investor's own account, or a dealer's for several clients. `algo`: no market orders."""

    key: str
    secret: str
    user: str
    clients: dict[str, Client]
    dealer: bool = False
    algo: bool = False
    token: str = ""


Told = Callable[[str, Order, Trade | None], None]


class Exchange:
    """Instruments, clients and the matching of orders with prices. `tell` hears of orders, trades and positions."""

    def __init__(self, tell: Told) -> None:
        self.instruments = {
            number: Instrument(number, symbol, price, price)
            for place, (symbol, price) in enumerate(references().items())
            for number in [NUMBERS.get(symbol, 100_001 + place)]
        }
        self.clients: list[Client] = []
        self._tell = tell
        self._executions = count(2_177_829)

    def named(self, symbol: str) -> Instrument:
        """Return an instrument by its symbol."""
        return next(each for each in self.instruments.values() if each.symbol == symbol)

    def arrive(self, order: Order) -> None:
        """Let the exchange decide about an order that was taken."""
        if not order.is_open:
            return
        free = order.client.balance - order.client.margin(self.instruments)
        if self._opens(order) and free < 0:
            required = order.quantity * (order.price or order.instrument.last) / LEVERAGE
            words = f"RMS:Margin Exceeds, Required:{required:.2f}, Available:{order.client.balance:.2f}"
            self.change(order, "Rejected", words)
            return
        self.change(order, "Trigger Pending" if order.stop else "New")
        self.match(order, resting=False)
        if order.is_open and order.validity == "IOC":
            self.change(order, "Cancelled", "16388 : unmatched, cancelled by system")

    def set_price(self, instrument: Instrument, price: Decimal) -> None:
        """Move the market, and let orders trade that it reaches."""
        instrument.last = price
        for order in [each for client in self.clients for each in client.orders]:
            if order.instrument is instrument and order.is_open and order.status != "PendingNew":
                self.match(order, resting=True)

    def match(self, order: Order, *, resting: bool) -> None:
        """Trade what trades now: a resting order at its own price, one that comes at the offers."""
        here = order.instrument
        if order.stop and not order.triggered:
            if not (here.last >= order.stop if order.side == "BUY" else here.last <= order.stop):
                return
            order.triggered = True
            self.change(order, "New")
            resting = False
        touch = here.ask if order.side == "BUY" else here.bid
        if not order.price or (touch <= order.price if order.side == "BUY" else touch >= order.price):
            at = order.price if resting and order.price else touch
            self.fill(order, order.quantity - order.filled, at)

    def fill(self, order: Order, quantity: int, price: Decimal) -> None:
        """Trade a part of an order."""
        trade = Trade(order, str(next(self._executions)), price, quantity, datetime.now(UTC))
        order.filled += quantity
        order.worth += quantity * price
        order.client.trades.append(trade)
        position = order.client.positions.setdefault(order.instrument.id, Position())
        if order.side == "BUY":
            position.bought, position.paid = position.bought + quantity, position.paid + quantity * price
        else:
            position.sold, position.received = position.sold + quantity, position.received + quantity * price
        self.change(order, "Filled" if order.filled == order.quantity else "PartiallyFilled")
        self._tell("trade", order, trade)
        self._tell("position", order, trade)

    def change(self, order: Order, status: str, reason: str = "") -> None:
        """Bring an order into a state, and tell of it."""
        order.status, order.reason, order.updated = status, reason or order.reason, datetime.now(UTC)
        self._tell("order", order, None)

    def _opens(self, order: Order) -> bool:
        held = order.client.positions.get(order.instrument.id, Position()).net
        return not (held < 0 if order.side == "BUY" else held > 0)
