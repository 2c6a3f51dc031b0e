"""How XTS writes orders, trades, positions and money: three ways for a time, numbers as they come."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from markets.venues.iifl.numbers import INDIA
from tests.simulators.iifl.books import Client, Exchange, Instrument, Order, Position, Trade

Row = dict[str, Any]
EMPTY_DAY = "01-01-1980 00:00:00"
TYPES = {"MARKET": "Market", "LIMIT": "Limit", "STOPLIMIT": "StopLimit", "STOPMARKET": "StopMarket"}


def order_row(order: Order, *, socket: bool = False) -> Row:
    """Return an order as the book or the socket shows it."""
    average = order.worth / order.filled if order.filled else None
    write = iso if socket else day_first
    return {
        "LoginID": order.client.code,
        "ClientID": order.client.code,
        "AppOrderID": order.number,
        "GeneratedBy": "TWSAPI",
        "ExchangeOrderID": "" if order.status == "PendingNew" else str(10**15 + order.number),
        "OrderCategoryType": "NORMAL",
        "ExchangeSegment": "NSECM",
        "ExchangeInstrumentID": order.instrument.id,
        "OrderSide": order.side if not socket else order.side.title(),
        "OrderType": TYPES[order.type],
        "ProductType": order.product,
        "TimeInForce": order.validity,
        "OrderPrice": float(order.price),
        "OrderQuantity": order.quantity,
        "OrderStopPrice": float(order.stop),
        "OrderStatus": order.status,
        "OrderAverageTradedPrice": "" if average is None else f"{average:,.2f}",
        "LeavesQuantity": order.quantity - order.filled,
        "CumulativeQuantity": order.filled,
        "OrderDisclosedQuantity": 0,
        "OrderGeneratedDateTime": write(order.at),
        "ExchangeTransactTime": zoned(order.updated) if socket else day_first(order.updated),
        "LastUpdateDateTime": write(order.updated),
        "OrderExpiryDate": "0001-01-01T00:00:00" if socket else EMPTY_DAY,
        "CancelRejectReason": order.reason,
        "OrderUniqueIdentifier": order.identifier,
        "OrderLegStatus": "SingleOrderLeg",
        "MessageCode": 9004,
        "TradingSymbol": order.instrument.symbol,
    }


def trade_row(trade: Trade, *, socket: bool = False) -> Row:
    """Return a trade as the trade book or the socket shows it."""
    return {
        **order_row(trade.order, socket=socket),
        "LastTradedPrice": float(trade.price) if socket else f"{trade.price:,.2f}",
        "LastTradedQuantity": trade.quantity,
        "LastExecutionTransactTime": iso(trade.at)[:19] if socket else day_first(trade.at),
        "ExecutionID": trade.execution,
        "MessageCode": 9005,
    }


def position_row(client: Client, instrument: Instrument, position: Position, *, live: bool) -> Row:
    """Return a net position; live servers write another name of the instrument than the documents."""
    return {
        "AccountID": client.code,
        "TradingSymbol": instrument.symbol,
        "ExchangeSegment": "NSECM",
        "ExchangeInstrumentId" if live else "ExchangeInstrumentID": str(instrument.id),
        "ProductType": "MIS",
        "Marketlot": "1",
        "Multiplier": "1",
        "BuyAveragePrice": _mean(position.paid, position.bought),
        "SellAveragePrice": _mean(position.received, position.sold),
        "OpenBuyQuantity": str(position.bought),
        "OpenSellQuantity": str(position.sold),
        "Quantity": str(position.net),
        "BuyAmount": f"{position.paid:,.2f}",
        "SellAmount": f"{position.received:,.2f}",
        "UnrealizedMTM": f"{_gain(instrument, position):,.2f}",
        "RealizedMTM": "NaN",
        "MessageCode": 9002,
    }


def balance_rows(client: Client, exchange: Exchange) -> Row:
    """Return what a client has; the header that counts is not the first."""
    used = client.margin(exchange.instruments)
    whole = _limits("ALL|ALL|ALL", client, f"{client.balance - used:,.2f}", f"{used:.2f}")
    return {"BalanceList": [_limits("CASH|NSE|MTF", client, "0", "0"), whole]}


def _limits(header: str, client: Client, available: str, used: str) -> Row:
    return {
        "limitHeader": header,
        "limitObject": {
            "RMSSubLimits": {
                "cashAvailable": f"{client.balance}",
                "collateral": 0,
                "marginUtilized": used,
                "netMarginAvailable": available,
                "UnrealizedMTM": "0",
            },
            "marginAvailable": {"AdhocFOMargin": "NaN"},
            "AccountID": client.code,
        },
    }


def day_first(time: datetime) -> str:
    """Write a time as the books do."""
    return time.astimezone(INDIA).strftime("%d-%m-%Y %H:%M:%S")


def iso(time: datetime) -> str:
    """Write a time as the socket does, with seven digits and no zone."""
    return time.astimezone(INDIA).replace(tzinfo=None).isoformat(timespec="microseconds") + "4"


def zoned(time: datetime) -> str:
    """Write a time as the socket does elsewhere, with its zone."""
    return time.astimezone(INDIA).replace(microsecond=0).isoformat()


def _mean(worth: Decimal, quantity: int) -> str:
    return f"{worth / quantity:,.2f}" if quantity else "0"


def _gain(instrument: Instrument, position: Position) -> Decimal:
    return position.received - position.paid + position.net * instrument.last
