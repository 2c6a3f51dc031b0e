"""What venues tell: of orders, fills, accounts, markets and prices (pure).

Money, prices and quantities are `Decimal`, times are aware UTC; quantities are in the venue's unit (base asset,
contracts on inverse markets).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from markets.filters import Filters
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, VenueStatus


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a key may do at its venue, and of which account there it is; empty where the venue does not tell."""

    read: bool
    trade: bool
    withdraw: bool
    venue_account: str = ""


class FillReport(msgspec.Struct, frozen=True, gc=False):
    """One trade of one order, unique by `venue_trade_id` and `side` within market and account.

    Two orders of one account that trade with each other share the id of the trade.
    """

    venue_trade_id: str
    venue_order_id: str
    client_order_id: str
    symbol: str
    kind: MarketKind
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time: datetime
    realized_pnl: Decimal | None = None


class OrderReport(msgspec.Struct, frozen=True, gc=False):
    """What the venue says of an order, at `time`. `raw` is its own answer, for those who asked in its own words.

    `filled_quote`, `average_price` are None where the venue does not say (Binance's futures placements, since 2026).
    Whoever gives more than 15 of its fields gives those up to `time` by place: of so many names CPython makes a mapping
    first, four times as slowly.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    kind: MarketKind
    status: VenueStatus
    quantity: Decimal
    filled_quantity: Decimal
    time: datetime
    side: Side = Side.BUY
    position_side: PositionSide = PositionSide.BOTH
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    filled_quote: Decimal | None = None
    average_price: Decimal | None = None
    fills: tuple[FillReport, ...] = ()
    reason: str = ""
    raw: Mapping[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """What an account has of one asset."""

    asset: str
    total: Decimal
    free: Decimal


@dataclass(frozen=True, slots=True)
class PositionReport:
    """What an account holds in one contract; `quantity` is signed, short is negative."""

    symbol: str
    kind: MarketKind
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal | None = None
    unrealized_pnl: Decimal | None = None
    leverage: Decimal | None = None
    liquidation_price: Decimal | None = None
    margin_asset: str = ""


@dataclass(frozen=True, slots=True)
class AccountReport:
    """An account at one moment. `equity` is in `equity_asset`; None where the venue has no single figure.

    Only a `complete` report says that what is not in it is nothing; streams tell just what changed.
    """

    time: datetime
    balances: tuple[BalanceReport, ...]
    positions: tuple[PositionReport, ...]
    hedge_mode: bool = False
    equity: Decimal | None = None
    equity_asset: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class MarketSpec:
    """A market as its venue lists it. `contract_size` is in the quote for inverse contracts, else in the base.

    `order_types` and `times_in_force` are the market's own, in the order of the vocabulary; empty where the venue tells
    them for all markets alike, or not at all: then its `Capabilities` are all that is known.
    """

    symbol: str
    kind: MarketKind
    base_asset: str
    quote_asset: str
    margin_asset: str
    status: str
    trading: bool
    contract_type: str
    contract_size: Decimal
    filters: Filters
    pair: str = ""
    order_types: tuple[OrderType, ...] = ()
    times_in_force: tuple[TimeInForce, ...] = ()


@dataclass(frozen=True, slots=True)
class CandleReport:
    """One candle. `volume` is in the base asset (contracts where inverse), `quote_volume` in the quote (base there)."""

    open_time: datetime
    close_time: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    taker_buy_base_volume: Decimal
    taker_buy_quote_volume: Decimal


@dataclass(frozen=True, slots=True)
class PriceReport:
    """Prices of one market at `time`; what the venue did not say is None."""

    symbol: str
    kind: MarketKind
    time: datetime
    last: Decimal | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StreamConnected:
    """A private stream is open (again): what happened before it must be asked for."""

    time: datetime


PrivateEvent = StreamConnected | OrderReport | FillReport | AccountReport
