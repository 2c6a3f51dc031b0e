"""Paper orders, trades and accounts as venues report them (pure)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from copytrade.lib.wire import plain_digits, to_milliseconds
from markets.venues.base import BalanceReport, FillReport, OrderReport, PositionReport
from markets.venues.paper.facts import Held, Ledger, MarketKey, Marks, Order, Trade
from markets.venues.paper.numbers import ZERO, booked, exact, mean_price
from markets.venues.paper.words import told_end
from markets.venues.vocabulary import MarketKind, OrderType

# What Binance calls the same things; the order proxy shows a paper order in its words.
SPOT_TYPES: Mapping[OrderType, str] = {
    OrderType.STOP_MARKET: "STOP_LOSS",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
    OrderType.TAKE_PROFIT_MARKET: "TAKE_PROFIT",
}
FUTURES_TYPES: Mapping[OrderType, str] = {
    OrderType.STOP_LIMIT: "STOP",
    OrderType.TAKE_PROFIT_LIMIT: "TAKE_PROFIT",
}


@exact
def order_report(order: Order, trades: Sequence[Trade] = ()) -> OrderReport:
    """Return an order as its venue would report it, with `raw` in Binance's words."""
    return OrderReport(
        order.client_order_id,
        str(order.id),
        order.symbol,
        order.kind,
        order.status,
        order.quantity,
        order.filled_quantity,
        order.updated_at,
        side=order.side,
        position_side=order.position_side,
        type=order.type,
        price=order.price,
        stop_price=order.stop_price,
        reduce_only=order.reduce_only,
        filled_quote=order.filled_quote,
        average_price=average_price(order),
        fills=tuple(fill_report(order, trade) for trade in trades),
        reason=told_end(order.reason),
        raw=_raw(order, trades),
    )


@exact
def fill_report(order: Order, trade: Trade) -> FillReport:
    """Return a trade; its id is the order's and its own number."""
    return FillReport(
        venue_trade_id=f"{order.id}-{trade.number}",
        venue_order_id=str(order.id),
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        kind=order.kind,
        side=order.side,
        position_side=order.position_side,
        price=trade.price,
        quantity=trade.quantity,
        quote_quantity=trade.quote_quantity,
        fee=trade.fee,
        fee_asset=trade.fee_asset,
        is_maker=trade.is_maker,
        time=trade.time,
        realized_pnl=trade.realized_pnl,
    )


def average_price(order: Order) -> Decimal | None:
    """Return the mean price of what has filled, None before the first trade."""
    if not order.filled_base:
        return None
    # Per unit of the base: that is what linear and inverse contracts have in common.
    if order.kind is MarketKind.COIN_M:
        return mean_price(order.filled_quote, order.filled_base)
    return booked(order.filled_quote / order.filled_base)


@exact
def balance_reports(ledger: Ledger, marks: Marks) -> tuple[BalanceReport, ...]:
    """Return all balances; what positions need is not free."""
    return tuple(
        BalanceReport(asset, owned.total, max(ZERO, min(owned.free, ledger.available(asset, marks))))
        for asset, owned in sorted(ledger.balances.items())
    )


@exact
def position_reports(ledger: Ledger, marks: Marks) -> tuple[PositionReport, ...]:
    """Return all positions, with their profit where there is a price."""
    return tuple(_position(held, marks) for _, held in sorted(ledger.positions.items()))


@exact
def contract_equity(ledger: Ledger, asset: str, marks: Marks) -> Decimal | None:
    """Return what there is of a margin asset with the profit of all positions; None where a price is missing."""
    positions = ledger.margined_in(asset)
    if any(MarketKey(held.kind, held.symbol) not in marks for held in positions):
        return None
    return ledger.balance(asset).total + ledger.unrealized(asset, marks)


@exact
def coin_equity(ledger: Ledger, currency: str, rates: Mapping[str, Decimal]) -> Decimal | None:
    """Return what all coins are worth in the currency; None where one has no rate."""
    total = ZERO
    for asset, owned in ledger.balances.items():
        rate = Decimal(1) if asset == currency else rates.get(asset)
        if owned.total and rate is None:
            return None
        total += owned.total * (rate or ZERO)
    return booked(total)


def _position(held: Held, marks: Marks) -> PositionReport:
    mark = marks.get(MarketKey(held.kind, held.symbol))
    return PositionReport(
        symbol=held.symbol,
        kind=held.kind,
        position_side=held.position_side,
        quantity=held.quantity,
        entry_price=held.entry_price,
        mark_price=mark,
        unrealized_pnl=None if mark is None else held.unrealized(mark),
        leverage=Decimal(held.leverage),
        margin_asset=held.margin_asset,
    )


def _raw(order: Order, trades: Sequence[Trade]) -> dict[str, Any]:
    common = {
        "symbol": order.symbol,
        "orderId": order.id,
        "clientOrderId": order.client_order_id,
        "price": _digits(order.price),
        "origQty": plain_digits(order.quantity),
        "executedQty": plain_digits(order.filled_quantity),
        "status": order.status.value,
        "timeInForce": order.time_in_force or "GTC",
        "side": order.side.value,
    }
    if order.stop_price is not None:
        common["stopPrice"] = _digits(order.stop_price)
    return common | (_spot(order, trades) if order.kind is MarketKind.SPOT else _futures(order))


def _spot(order: Order, trades: Sequence[Trade]) -> dict[str, Any]:
    return {
        "type": SPOT_TYPES.get(order.type, order.type.value),
        "cummulativeQuoteQty": plain_digits(order.filled_quote),
        "transactTime": to_milliseconds(order.updated_at),
        "fills": [
            {
                "price": plain_digits(trade.price),
                "qty": plain_digits(trade.quantity),
                "commission": plain_digits(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": trade.number,
            }
            for trade in trades
        ],
    }


def _futures(order: Order) -> dict[str, Any]:
    cumulated = ("cumBase", order.filled_base) if order.kind is MarketKind.COIN_M else ("cumQuote", order.filled_quote)
    return {
        "type": FUTURES_TYPES.get(order.type, order.type.value),
        "origType": FUTURES_TYPES.get(order.type, order.type.value),
        "positionSide": order.position_side.value,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "avgPrice": _digits(average_price(order)),
        "updateTime": to_milliseconds(order.updated_at),
        cumulated[0]: plain_digits(cumulated[1]),
    }


def _digits(value: Decimal | None) -> str:
    return plain_digits(value or ZERO)
