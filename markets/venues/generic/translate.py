"""From ccxt's unified structures to our reports (pure). Numbers arrive as text."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from copytrade.lib.wire import from_milliseconds, plain_digits
from markets.filters import Filters
from markets.venues.base import (
    ZERO,
    BalanceReport,
    CandleReport,
    FillReport,
    MarketSpec,
    OrderReport,
    OrderRequest,
    PositionReport,
    PriceReport,
)
from markets.venues.vocabulary import (
    MarketKind,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    VenueStatus,
)

TICK_SIZE = 4  # how ccxt says that a precision is a step, and no number of digits
CLIENT_ID_FIELDS = ("orderLinkId", "clOrdId", "clientOid", "cl_ord_id")
IMMEDIATE = frozenset({TimeInForce.IOC.value, TimeInForce.FOK.value})

Structure = Mapping[str, Any]


def number(value: Any) -> Decimal | None:
    """Return the number that ccxt gives as text, None for none."""
    return None if value is None or value == "" else Decimal(plain_digits(Decimal(str(value))))


def kind_of(market: Structure) -> MarketKind | None:
    """Return the kind of a market, None for those that are not ours, such as options."""
    if market.get("spot"):
        return MarketKind.SPOT
    if market.get("swap") or market.get("future"):
        return MarketKind.COIN_M if market.get("inverse") else MarketKind.USD_M if market.get("linear") else None
    return None


def market_spec(market: Structure, kind: MarketKind, precision_mode: int) -> MarketSpec:
    """Return a market with its rules."""
    return MarketSpec(
        symbol=market["id"],
        kind=kind,
        base_asset=market["base"],
        quote_asset=market["quote"],
        margin_asset=market.get("settle") or "",
        status="TRADING" if market.get("active") is not False else "CLOSED",
        trading=market.get("active") is not False,
        contract_type="" if kind is MarketKind.SPOT else "PERPETUAL" if market.get("swap") else "DELIVERY",
        contract_size=number(market.get("contractSize")) or Decimal(1),
        filters=_filters(market, precision_mode),
    )


def _filters(market: Structure, precision_mode: int) -> Filters:
    limits = market.get("limits") or {}
    precision = market.get("precision") or {}
    amount, price, cost = (limits.get(name) or {} for name in ("amount", "price", "cost"))
    return Filters(
        price_tick=_step(precision.get("price"), precision_mode),
        price_min=number(price.get("min")),
        price_max=number(price.get("max")),
        quantity_step=_step(precision.get("amount"), precision_mode),
        quantity_min=number(amount.get("min")),
        quantity_max=number(amount.get("max")),
        notional_min=number(cost.get("min")),
        notional_max=number(cost.get("max")),
    )


def _step(precision: Any, mode: int) -> Decimal | None:
    value = number(precision)
    if value is None or mode == TICK_SIZE:
        return value
    return Decimal(1).scaleb(-int(value))


def order_report(order: Structure, market: Structure, kind: MarketKind, *, now: datetime) -> OrderReport:
    """Return an order as the exchange told it."""
    filled = number(order.get("filled")) or ZERO
    quantity = number(order.get("amount")) or filled
    order_type = OrderType.MARKET if order.get("type") == "market" else OrderType.LIMIT
    moment = order.get("lastUpdateTimestamp") or order.get("lastTradeTimestamp") or order.get("timestamp")
    return OrderReport(
        client_order_id=order.get("clientOrderId") or "",
        venue_order_id=str(order.get("id") or ""),
        symbol=market["id"],
        kind=kind,
        status=_status(order, quantity, filled),
        quantity=quantity,
        filled_quantity=filled,
        time=from_milliseconds(int(moment)) if moment else now,
        side=_side(order),
        type=order_type,
        price=number(order.get("price")) if order_type is OrderType.LIMIT else None,
        reduce_only=_reduces(order),
        filled_quote=None if kind is MarketKind.COIN_M else number(order.get("cost")),
        average_price=number(order.get("average")),
        raw=_words(order.get("info") or {}),
    )


def _words(told: Any) -> Any:
    """Return what an exchange told as it can be stored: numbers that keep their digits become text."""
    if isinstance(told, Mapping):
        return {name: _words(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_words(value) for value in told]
    return str(told) if isinstance(told, Decimal) else told


def _reduces(order: Structure) -> bool:
    """Whether an order only reduces, in the exchange's own word where it has one: ccxt misreads some."""
    own = (order.get("info") or {}).get("reduceOnly")
    said = order.get("reduceOnly") if own is None else own
    return str(said).lower() in {"true", "yes", "1"}


def _side(row: Structure) -> Side:
    """Return which way an order or a trade went. Bitget tells accounts that hedge the side of the position instead."""
    own = row.get("info") or {}
    if own.get("posMode") == "hedge_mode" and own.get("tradeSide"):
        is_long, closes = own.get("side") == "buy", "close" in own["tradeSide"]
        return Side.SELL if is_long == closes else Side.BUY
    return Side(str(row.get("side") or "buy").upper())


def in_time(report: OrderReport, request: OrderRequest) -> OrderReport:
    """Return the report of an order whose time in force some exchanges do not tell: its rest has expired."""
    is_over = report.status is VenueStatus.CANCELED and request.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}
    return replace(report, status=VenueStatus.EXPIRED) if is_over else report


def acknowledged(order: Structure, request: OrderRequest, *, now: datetime) -> OrderReport:
    """Return the report of an order of which the exchange has said no more than that it has it."""
    assert request.quantity is not None
    return OrderReport(
        client_order_id=request.client_order_id,
        venue_order_id=str(order.get("id") or ""),
        symbol=request.symbol,
        kind=request.kind,
        status=VenueStatus.NEW,
        quantity=request.quantity,
        filled_quantity=ZERO,
        time=now,
        side=request.side,
        type=request.type,
        price=request.price,
        reduce_only=request.reduce_only,
        raw=_words(order.get("info") or {}),
    )


def _status(order: Structure, quantity: Decimal, filled: Decimal) -> VenueStatus:
    match order.get("status"):
        case "closed":
            return VenueStatus.FILLED if filled >= quantity else VenueStatus.CANCELED
        case "canceled":
            return VenueStatus.EXPIRED if order.get("timeInForce") in IMMEDIATE else VenueStatus.CANCELED
        case "expired":
            return VenueStatus.EXPIRED
        case "rejected":
            return VenueStatus.REJECTED
        case _:
            return VenueStatus.PARTIALLY_FILLED if filled else VenueStatus.NEW


def fill_report(trade: Structure, market: Structure, kind: MarketKind) -> FillReport:
    """Return a trade."""
    price, quantity = number(trade["price"]), number(trade["amount"])
    assert price is not None
    assert quantity is not None
    size = number(market.get("contractSize")) or Decimal(1)
    fee = trade.get("fee") or {}
    info = trade.get("info") or {}
    return FillReport(
        venue_trade_id=str(trade["id"]),
        venue_order_id=str(trade.get("order") or ""),
        client_order_id=next((str(info[name]) for name in CLIENT_ID_FIELDS if info.get(name)), ""),
        symbol=market["id"],
        kind=kind,
        side=_side(trade),
        position_side=PositionSide.BOTH,
        price=price,
        quantity=quantity,
        quote_quantity=quantity * size * (1 if kind is MarketKind.COIN_M else price),
        fee=number(fee.get("cost")) or ZERO,
        fee_asset=fee.get("currency") or market.get("settle") or market["quote"],
        is_maker=trade.get("takerOrMaker") == "maker",
        time=from_milliseconds(int(trade["timestamp"])),
    )


def balance_reports(balance: Structure) -> tuple[BalanceReport, ...]:
    """Return all balances that are not empty."""
    totals, free = balance.get("total") or {}, balance.get("free") or {}
    rows = ((asset, number(total) or ZERO, number(free.get(asset)) or ZERO) for asset, total in sorted(totals.items()))
    return tuple(BalanceReport(asset, total, available) for asset, total, available in rows if total)


def position_report(position: Structure, market: Structure, kind: MarketKind) -> PositionReport | None:
    """Return a position, None for an empty one."""
    contracts = number(position.get("contracts")) or ZERO
    if not contracts:
        return None
    return PositionReport(
        symbol=market["id"],
        kind=kind,
        position_side=PositionSide.BOTH,
        quantity=-contracts if position.get("side") == "short" else contracts,
        entry_price=number(position.get("entryPrice")) or ZERO,
        mark_price=number(position.get("markPrice")),
        unrealized_pnl=number(position.get("unrealizedPnl")),
        leverage=number(position.get("leverage")),
        liquidation_price=number(position.get("liquidationPrice")),
        margin_asset=market.get("settle") or "",
    )


def candle_report(row: Sequence[Any], length: timedelta) -> CandleReport:
    """Return a candle. ccxt tells neither its value nor its trades: those are zero."""
    opened = from_milliseconds(int(row[0]))
    open_, high, low, close, volume = (number(value) or ZERO for value in row[1:6])
    closed = opened + length - timedelta(milliseconds=1)
    return CandleReport(opened, closed, open_, high, low, close, volume, ZERO, 0, ZERO, ZERO)


def price_report(ticker: Structure, market: Structure, kind: MarketKind, *, now: datetime) -> PriceReport:
    """Return the prices of a market."""
    moment = ticker.get("timestamp")
    return PriceReport(
        symbol=market["id"],
        kind=kind,
        time=from_milliseconds(int(moment)) if moment else now,
        last=number(ticker.get("last")),
        bid=number(ticker.get("bid")),
        ask=number(ticker.get("ask")),
        mark=number(ticker.get("markPrice")),
    )
