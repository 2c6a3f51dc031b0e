"""Binance's words on orders as ours (pure). Source: the trading pages of the three APIs."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from copytrade.lib.words import by_word
from markets.venues.base import FillReport, OrderReport, OrderRequest
from markets.venues.binance.numbers import ZERO, amount, first_moment, optional, positive
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, VenueStatus

Reply = Mapping[str, Any]

STATUSES: Mapping[str, VenueStatus] = MappingProxyType(
    {
        **by_word(VenueStatus),
        "PENDING_NEW": VenueStatus.NEW,
        "PENDING_CANCEL": VenueStatus.NEW,
        "NEW_INSURANCE": VenueStatus.NEW,
        "NEW_ADL": VenueStatus.NEW,
        "EXPIRED_IN_MATCH": VenueStatus.EXPIRED,
    }
)
SIDES, POSITION_SIDES = by_word(Side), by_word(PositionSide)
LIMIT_MAKER = "LIMIT_MAKER"  # what spot calls a post-only order
SPOT_TYPES: Mapping[str, OrderType] = MappingProxyType(
    {
        "MARKET": OrderType.MARKET,
        "LIMIT": OrderType.LIMIT,
        LIMIT_MAKER: OrderType.LIMIT,
        "STOP_LOSS": OrderType.STOP_MARKET,
        "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
        "TAKE_PROFIT": OrderType.TAKE_PROFIT_MARKET,
        "TAKE_PROFIT_LIMIT": OrderType.TAKE_PROFIT_LIMIT,
    }
)
FUTURES_TYPES: Mapping[str, OrderType] = MappingProxyType(
    {
        "MARKET": OrderType.MARKET,
        "LIMIT": OrderType.LIMIT,
        "STOP": OrderType.STOP_LIMIT,
        "STOP_MARKET": OrderType.STOP_MARKET,
        "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
        "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT_MARKET,
        "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP_MARKET,
    }
)


def order_type(kind: MarketKind, word: str) -> OrderType:
    """Return the type; what the venue itself places (liquidations) trades at the market."""
    types = SPOT_TYPES if kind is MarketKind.SPOT else FUTURES_TYPES
    return types.get(word, OrderType.MARKET)


def read_order(
    reply: Reply, kind: MarketKind, *, contract_size: Decimal | None, fills: tuple[FillReport, ...] = ()
) -> OrderReport:
    """Return the order that a query, a list or a cancel tells of.

    `contract_size` is None where it is not known, and the worth of fills in contracts with it.
    """
    filled = amount(reply["executedQty"])
    worth = _worth(reply, kind, filled, contract_size)
    spot = kind is MarketKind.SPOT
    return OrderReport(
        str(reply.get("origClientOrderId") or reply["clientOrderId"]),  # a cancel on spot has a client id of its own
        str(reply["orderId"]),
        str(reply["symbol"]),
        kind,
        STATUSES[reply["status"]],
        amount(reply["origQty"]),
        filled,
        first_moment(reply, "updateTime", "transactTime", "time"),
        side=SIDES[reply["side"]],
        position_side=POSITION_SIDES[reply.get("positionSide", "BOTH")],
        type=order_type(kind, str(reply.get("origType") or reply["type"])),
        price=positive(reply, "price"),
        stop_price=positive(reply, "stopPrice"),
        reduce_only=bool(reply.get("reduceOnly", False)),
        filled_quote=worth,
        average_price=worth / filled if spot and worth and filled else positive(reply, "avgPrice"),
        fills=fills,
        reason=str(reply.get("expiryReason") or ""),
        raw=reply,
    )


def read_placed(reply: Reply, request: OrderRequest, *, contract_size: Decimal | None) -> OrderReport:
    """Return the order that the answer to a placement tells of; the short form (ACK) names it only."""
    if "status" not in reply:
        return _acknowledged(reply, request)
    order = read_order(reply, request.kind, contract_size=contract_size)
    if "fills" not in reply:
        return order
    return replace(order, fills=tuple([_reply_fill(order, fill) for fill in reply["fills"]]))


def _worth(reply: Reply, kind: MarketKind, filled: Decimal, contract_size: Decimal | None) -> Decimal | None:
    match kind:
        case MarketKind.SPOT:
            # Below zero means "not available", for some old orders.
            worth = optional(reply, "cummulativeQuoteQty")
            return None if worth is None or worth < ZERO else worth
        case MarketKind.USD_M:
            return optional(reply, "cumQuote")
        case _:
            return None if contract_size is None else filled * contract_size


def _acknowledged(reply: Reply, request: OrderRequest) -> OrderReport:
    return OrderReport(
        client_order_id=str(reply["clientOrderId"]),
        venue_order_id=str(reply["orderId"]),
        symbol=str(reply["symbol"]),
        kind=request.kind,
        status=VenueStatus.NEW,
        quantity=request.quantity or ZERO,
        filled_quantity=ZERO,
        time=first_moment(reply, "transactTime", "updateTime"),
        side=request.side,
        position_side=request.position_side,
        type=request.type,
        price=request.price,
        stop_price=request.stop_price,
        reduce_only=request.reduce_only,
        raw=reply,
    )


def _reply_fill(order: OrderReport, fill: Reply) -> FillReport:
    price, quantity = amount(fill["price"]), amount(fill["qty"])
    return FillReport(
        venue_trade_id=str(fill["tradeId"]),
        venue_order_id=order.venue_order_id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        kind=order.kind,
        side=order.side,
        position_side=order.position_side,
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        fee=amount(fill["commission"]),
        fee_asset=str(fill["commissionAsset"]),
        is_maker=False,  # what filled at once has taken
        time=order.time,
    )


def read_trade(reply: Reply, kind: MarketKind) -> FillReport:
    """Return the fill that an entry of the trades of an account tells of; its client order id is not said there."""
    spot = kind is MarketKind.SPOT
    buys = bool(reply["isBuyer"]) if spot else reply["side"] == "BUY"
    return FillReport(
        venue_trade_id=str(reply["id"]),
        venue_order_id=str(reply["orderId"]),
        client_order_id="",
        symbol=str(reply["symbol"]),
        kind=kind,
        side=Side.BUY if buys else Side.SELL,
        position_side=PositionSide(reply.get("positionSide", "BOTH")),
        price=amount(reply["price"]),
        quantity=amount(reply["qty"]),
        quote_quantity=amount(reply["quoteQty"]),
        fee=amount(reply["commission"]),
        fee_asset=str(reply["commissionAsset"]),
        is_maker=bool(reply["isMaker"] if spot else reply["maker"]),
        time=first_moment(reply, "time"),
        realized_pnl=optional(reply, "realizedPnl"),
    )
