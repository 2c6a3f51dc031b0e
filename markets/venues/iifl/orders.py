"""XTS's rows of orders, trades and positions in our words (pure)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from markets.venues.base import (
    ZERO,
    BalanceReport,
    FillReport,
    OrderReference,
    OrderReport,
    OrderRequest,
    PositionReport,
)
from markets.venues.iifl.listing import CURRENCY
from markets.venues.iifl.master import SEGMENT, SEGMENT_NUMBER, Master
from markets.venues.iifl.numbers import amount, moment, optional, positive
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, VenueStatus

Row = Mapping[str, Any]
SEGMENTS = frozenset({SEGMENT, str(SEGMENT_NUMBER)})

# By the words of order book and socket, and by the numbers of some feeds (the characters of FIX).
STATUSES: Mapping[str, VenueStatus] = {
    "pendingnew": VenueStatus.NEW,
    "65": VenueStatus.NEW,
    "new": VenueStatus.NEW,
    "48": VenueStatus.NEW,
    "open": VenueStatus.NEW,
    "triggerpending": VenueStatus.NEW,
    "replaced": VenueStatus.NEW,
    "53": VenueStatus.NEW,
    "pendingreplace": VenueStatus.NEW,
    "69": VenueStatus.NEW,
    "pendingcancel": VenueStatus.NEW,
    "54": VenueStatus.NEW,
    "partiallyfilled": VenueStatus.PARTIALLY_FILLED,
    "49": VenueStatus.PARTIALLY_FILLED,
    "filled": VenueStatus.FILLED,
    "50": VenueStatus.FILLED,
    "cancelled": VenueStatus.CANCELED,
    "52": VenueStatus.CANCELED,
    "rejected": VenueStatus.REJECTED,
    "56": VenueStatus.REJECTED,
}
TYPES: Mapping[str, OrderType] = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stoplimit": OrderType.STOP_LIMIT,
    "stopmarket": OrderType.STOP_MARKET,
}


def read_order(row: Row, *, client_order_id: str, symbol: str, now: datetime) -> OrderReport:
    """Return an order of the book or the socket; a status that is not known is a `ValueError`, never a guess."""
    quantity, filled = amount(row["OrderQuantity"]), optional(row.get("CumulativeQuantity")) or ZERO
    status = _status(row, filled)
    if status is VenueStatus.FILLED:
        filled = quantity  # sockets may tell so before they count what has traded
    return OrderReport(
        client_order_id=client_order_id,
        venue_order_id=order_id(row),
        symbol=symbol,
        kind=MarketKind.EQUITY,
        status=status,
        quantity=quantity,
        filled_quantity=filled,
        time=_order_time(row) or now,
        side=side_of(row),
        type=TYPES[_word(row["OrderType"])],
        price=positive(row.get("OrderPrice")),
        stop_price=positive(row.get("OrderStopPrice")),
        average_price=positive(row.get("OrderAverageTradedPrice")) if filled else None,
        reason=str(row.get("CancelRejectReason") or ""),
        raw=dict(row),
    )


def read_fill(row: Row, *, client_order_id: str, symbol: str) -> FillReport:
    """Return a trade of the trade book or the socket. XTS tells no fees: those are on the contract note of the day."""
    price, quantity = amount(row["LastTradedPrice"]), amount(row["LastTradedQuantity"])
    time = fill_time(row)
    if time is None:
        raise ValueError("a trade without its time")
    return FillReport(
        venue_trade_id=f"{order_id(row)}-{row['ExecutionID']}",
        venue_order_id=order_id(row),
        client_order_id=client_order_id,
        symbol=symbol,
        kind=MarketKind.EQUITY,
        side=side_of(row),
        position_side=PositionSide.BOTH,
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        fee=ZERO,
        fee_asset=CURRENCY,
        is_maker=False,
        time=time,
    )


def read_position(row: Row, *, symbol: str) -> PositionReport:
    """Return a net position; its signed quantity is in shares."""
    quantity = amount(row["Quantity"])
    entry = row.get("BuyAveragePrice") if quantity > 0 else row.get("SellAveragePrice")
    return PositionReport(
        symbol=symbol,
        kind=MarketKind.EQUITY,
        position_side=PositionSide.BOTH,
        quantity=quantity,
        entry_price=optional(entry) or ZERO,
        unrealized_pnl=optional(row.get("UnrealizedMTM")),
        margin_asset=CURRENCY,
    )


def read_balance(result: Any) -> BalanceReport:
    """Return the rupees of an account: those that are free, and with those that margin binds in all."""
    rows = result["BalanceList"]
    rows = [rows] if isinstance(rows, Mapping) else rows
    whole = next(row for row in rows if str(row["limitHeader"]).replace(" ", "").upper() == "ALL|ALL|ALL")
    limits = whole["limitObject"]["RMSSubLimits"]
    free = amount(limits["netMarginAvailable"])
    return BalanceReport(CURRENCY, total=free + (optional(limits.get("marginUtilized")) or ZERO), free=free)


def acknowledged(request: OrderRequest, number: str, now: datetime) -> OrderReport:
    """Return what an acknowledgement says: XTS has taken the order, whether the exchange does is told later."""
    return OrderReport(
        client_order_id=request.client_order_id,
        venue_order_id=number,
        symbol=request.symbol,
        kind=request.kind,
        status=VenueStatus.NEW,
        quantity=request.quantity or ZERO,
        filled_quantity=ZERO,
        time=now,
        side=request.side,
        type=request.type,
        price=request.price,
        stop_price=request.stop_price,
    )


def find_order(rows: list[Row], reference: OrderReference, identifier: str) -> Row | None:
    """Return the row of a share's order: by XTS's number where it is known, else the newest with our identifier."""
    if reference.venue_order_id:
        return next((row for row in rows if order_id(row) == reference.venue_order_id and is_share(row)), None)
    mine = [row for row in rows if identifier_of(row) == identifier and is_share(row)]
    return max(mine, key=lambda row: int(order_id(row)), default=None)


def rows_of(result: Any, *names: str) -> list[Row]:
    """Return a list, whether it comes alone or under one of these names; what is no list is a `TypeError`."""
    found = result
    if isinstance(result, Mapping):
        found = next((result[name] for name in names if name in result), None)
    if not isinstance(found, list):
        raise TypeError(f"a list was expected, and {type(found).__name__} came")
    return found


def order_id(row: Row) -> str:
    """Return XTS's number of an order."""
    return str(int(row["AppOrderID"]))


def identifier_of(row: Row) -> str:
    """Return our identifier as XTS echoes it."""
    return str(row.get("OrderUniqueIdentifier") or "")


def is_share(row: Row) -> bool:
    """Whether a row is of the segment of shares: each segment numbers its instruments from the beginning."""
    return str(row["ExchangeSegment"]).upper() in SEGMENTS


def instrument_of(row: Row) -> int:
    """Return the number of an instrument; its name is written in two ways."""
    found = row.get("ExchangeInstrumentID")
    return int(row["ExchangeInstrumentId"] if found is None else found)


def symbol_of(row: Row, master: Master) -> str:
    """Return the symbol of an instrument; what is not listed keeps the name that was told, else its number.

    A name that a listed share has is not taken: bonds of a company are told by the name of its share.
    """
    number, told = instrument_of(row), str(row.get("TradingSymbol") or "")
    if found := master.by_id.get(number):
        return found.spec.symbol
    return str(number) if told in master.by_symbol else told or str(number)


def side_of(row: Row) -> Side:
    """Return the side, in whatever letters it is written."""
    return Side(str(row["OrderSide"]).upper())


def fill_time(row: Row) -> datetime | None:
    """Return when a trade happened, to the second: finer parts differ between socket and trade book."""
    told = (moment(row.get(name)) for name in ("LastExecutionTransactTime", "ExchangeTransactTime"))
    found = next((time for time in told if time is not None), None)
    return found.replace(microsecond=0) if found else None


def _order_time(row: Row) -> datetime | None:
    told = (moment(row.get(name)) for name in ("LastUpdateDateTime", "ExchangeTransactTime", "OrderGeneratedDateTime"))
    return next((time for time in told if time is not None), None)


def _status(row: Row, filled: Decimal) -> VenueStatus:
    status = STATUSES[_word(row["OrderStatus"])]
    if status is VenueStatus.NEW and filled:
        return VenueStatus.PARTIALLY_FILLED
    immediate = str(row.get("TimeInForce") or "").upper() == TimeInForce.IOC
    return VenueStatus.EXPIRED if status is VenueStatus.CANCELED and immediate else status


def _word(value: Any) -> str:
    return str(value).replace(" ", "").replace("_", "").lower()
