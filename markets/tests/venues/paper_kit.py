"""Markets, prices and requests for tests of the paper engine, in short words."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from markets.filters import Filters
from markets.venues.base import MarketSpec, OrderRequest, PriceReport
from markets.venues.errors import Rejected
from markets.venues.paper import pricing
from markets.venues.paper.engine import View, place
from markets.venues.paper.facts import Balance, Ledger, MarketKey
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce, VenueStatus
from tests.listings import BITCOIN

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAIN = Terms(slippage=Decimal(0), liquidity=None)
VENUES = {
    MarketKind.SPOT: "binance",
    MarketKind.USD_M: "binanceusdm",
    MarketKind.COIN_M: "binancecoinm",
    MarketKind.EQUITY: "binanceusdm",  # shares count as linear contracts
}
ASSETS = {
    MarketKind.SPOT: "USDT",
    MarketKind.USD_M: "USDT",
    MarketKind.COIN_M: "BTC",
    MarketKind.EQUITY: "USDT",
}


def D(text: Any) -> Decimal:
    return Decimal(str(text))


def bitcoin(kind: MarketKind = MarketKind.USD_M, **changes: Any) -> MarketSpec:
    """Bitcoin as Binance lists it, with some rules or facts changed."""
    row = {"contract_size": Decimal(1), "trading": True, **BITCOIN[VENUES[kind]], **changes}
    names = {field.name for field in fields(Filters)}
    return MarketSpec(
        symbol=row["symbol"],
        kind=kind,
        base_asset=row["base_asset"],
        quote_asset=row["quote_asset"],
        margin_asset=row["margin_asset"],
        status="TRADING",
        trading=row["trading"],
        contract_type="",
        contract_size=row["contract_size"],
        filters=Filters(**{name: value for name, value in row.items() if name in names}),
    )


def price_at(market: MarketSpec, price: Any, **others: Any) -> PriceReport:
    """One price for everything, unless others are given."""
    value = D(price)
    return PriceReport(market.symbol, market.kind, **{"time": NOW, "last": value, "mark": value, **others})


def view(market: MarketSpec, price: Any, *, stale: bool = False, now: datetime = NOW, **others: Any) -> View:
    report = None if price is None else price_at(market, price, **others)
    mark = report and pricing.mark(report)
    marks = {MarketKey(market.kind, market.symbol): mark} if mark else {}
    return View(market, report, stale, marks, now)


def later(seconds: int = 1) -> datetime:
    return NOW + timedelta(seconds=seconds)


def books(
    asset: str = "USDT", amount: Any = 10_000, *, leverage: int = 10, hedge_mode: bool = False, **more: Any
) -> Ledger:
    balances = {asset: Balance(D(amount))} | {name: Balance(D(value)) for name, value in more.items()}
    return Ledger(balances=balances, leverage=leverage, hedge_mode=hedge_mode)


def request(market: MarketSpec, side: str, quantity: Any = None, **values: Any) -> OrderRequest:
    """A market order, or a limit order where a price is given."""
    price = values.pop("price", None)
    stop = values.pop("stop_price", None)
    quote = values.pop("quote_quantity", None)
    order_type = values.pop("type", OrderType.LIMIT if price is not None else OrderType.MARKET)
    return OrderRequest(
        **{
            "client_order_id": "one",
            "symbol": market.symbol,
            "kind": market.kind,
            "side": Side(side),
            "type": OrderType(order_type),
            "quantity": None if quantity is None else D(quantity),
            "quote_quantity": None if quote is None else D(quote),
            "price": None if price is None else D(price),
            "stop_price": None if stop is None else D(stop),
            **values,
        }
    )


def refusal(ledger: Ledger, order: OrderRequest, at: View, terms: Terms = PLAIN) -> str:
    """Place an order that is refused; return the reason."""
    with pytest.raises(Rejected) as caught:
        place(ledger, order, at, terms)
    return caught.value.reason


__all__ = [
    "ASSETS",
    "NOW",
    "PLAIN",
    "Balance",
    "D",
    "MarketKind",
    "OrderType",
    "PositionSide",
    "TimeInForce",
    "VenueStatus",
    "bitcoin",
    "books",
    "later",
    "price_at",
    "refusal",
    "request",
    "view",
]
