"""What the house asks of a venue: three small protocols, and what is asked with. What venues tell is in `reports`.

An adapter is one object per venue and process, on the venue loop (`copytrade.lib.loop`). It knows no database. Money,
prices and quantities are `Decimal`, times are aware UTC; quantities are in the venue's unit (base asset, contracts on
inverse markets). Every method may raise the errors of `markets.venues.errors`, and no others.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from markets.venues.reports import (
    AccountReport,
    BalanceReport,
    CandleReport,
    FillReport,
    MarketSpec,
    OrderReport,
    Permissions,
    PositionReport,
    PriceReport,
    PrivateEvent,
    StreamConnected,
)
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, WorkingType

__all__ = [
    "ZERO",
    "AccountAccess",
    "AccountReport",
    "BalanceReport",
    "CandleReport",
    "Capabilities",
    "Credentials",
    "Execution",
    "FillReport",
    "MarketData",
    "MarketSpec",
    "OrderReference",
    "OrderReport",
    "OrderRequest",
    "Permissions",
    "PositionReport",
    "PriceReport",
    "PrivateEvent",
    "PrivateStream",
    "StreamConnected",
    "Venue",
]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do, as data: nobody asks for its name."""

    kinds: frozenset[MarketKind]
    order_types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    hedge_mode: bool = False
    reduce_only: bool = False
    close_position: bool = False
    quote_quantity: bool = False
    private_stream: bool = False
    price_stream: bool = False
    candles: bool = True
    open_interest: bool = False
    # A placed order was only taken by the broker: what the exchange does with it is told by asking, and by the stream.
    acknowledges_first: bool = False
    # One key may act for several accounts of the venue: its passphrase names which, and `permissions` tells it.
    key_of_many: bool = False
    # What the venue accepts as a client order id, as a regular expression for the whole of it.
    client_order_id: str = r"[A-Za-z0-9]{1,32}"
    # What it tells instead of a client order id that is too long for it; None where it tells all as they are.
    told_as: Callable[[str], str] | None = None
    # A request that is older than this is refused by the venue, so that it can no longer become an order.
    request_lifetime: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A venue's key of one account. Never shown: not by repr, not in logs."""

    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(default="", repr=False)


class AccountAccess(msgspec.Struct, frozen=True):
    """Who acts at the venue: `id` names the account in budgets and in the paper books."""

    id: str
    credentials: Credentials | None = None
    hedge_mode: bool = False


class OrderRequest(msgspec.Struct, frozen=True):
    """An order as it is sent. `extra` holds parameters that only this venue knows, in its own words."""

    client_order_id: str
    symbol: str
    kind: MarketKind
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    position_side: PositionSide = PositionSide.BOTH
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType | None = None
    price_protect: bool = False
    callback_rate: Decimal | None = None
    activation_price: Decimal | None = None
    extra: Mapping[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderReference:
    """Which order is meant. The type is needed where conditional orders live at another endpoint.

    One of the ids may be empty: an order whose answer got lost is known by its client order id only, and one that was
    found by its trades by its venue's. Without either nobody could be asked about it, which is a `ValueError`.
    """

    symbol: str
    kind: MarketKind
    type: OrderType
    client_order_id: str
    venue_order_id: str = ""

    def __post_init__(self) -> None:
        """Refuse a reference to no order."""
        if not (self.client_order_id or self.venue_order_id):
            raise ValueError("An order is known by at least one of its ids.")


class MarketData(Protocol):
    """What anyone may ask."""

    async def markets(self) -> Sequence[MarketSpec]:
        """Return all markets, those that do not trade too."""
        ...

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Return candles from `start` on, or the latest, oldest first; the last one may still be open."""
        ...

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices now of the symbols that the venue knows."""
        ...

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return mark price, index price and funding, in the venue's own words."""
        ...

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the open interest now, in the venue's own words."""
        ...

    async def open_interest_history(
        self,
        symbol: str,
        kind: MarketKind,
        period: str,
        *,
        limit: int,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Return the history of the open interest, in the venue's own words, oldest first."""
        ...

    def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Yield prices as they change; ends or raises `VenueDown` when the connection is lost."""
        ...


class Execution(Protocol):
    """What an account's key may do."""

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order. A return, `Rejected` and the like are certain; `OutcomeUnknown` is not."""
        ...

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order, or None where the venue says that it has none. Never None on doubt."""
        ...

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel an order; one that is final already is returned as it is, one that is unknown is `Rejected`."""
        ...

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return the orders that still may trade, the conditional ones too."""
        ...

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: datetime | None
    ) -> Sequence[FillReport]:
        """Return trades of one order, or all in a market since a moment, oldest first."""
        ...

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return balances and positions."""
        ...

    async def permissions(self, account: AccountAccess) -> Permissions:
        """Return what the key may do."""
        ...

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        """Set the leverage of a contract."""
        ...


class PrivateStream(Protocol):
    """What an account is told without asking."""

    def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Yield `StreamConnected`, then what happens; ends or raises when the connection is lost."""
        ...


class Venue(MarketData, Execution, PrivateStream, Protocol):
    """A venue whole."""

    slug: str
    capabilities: Capabilities

    async def close(self) -> None:
        """Close what is open."""
        ...
