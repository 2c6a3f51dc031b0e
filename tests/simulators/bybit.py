"""The exchange behind the simulator of Bybit: what each path answers.

Shapes are those that ccxt's source quotes (`ccxt/bybit.py`); money is kept by the pure engine of the paper venue.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from copytrade.lib.wire import plain_digits, to_milliseconds
from markets.filters import Filters
from markets.venues.base import MarketSpec, OrderRequest, PriceReport
from markets.venues.errors import Rejected
from markets.venues.paper import engine, matching
from markets.venues.paper.facts import Ledger, MarketKey, Order, Trade
from markets.venues.paper.numbers import exact
from markets.venues.paper.pricing import Slice
from markets.venues.paper.settle import settle
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce, VenueStatus

TERMS = Terms(slippage=Decimal(0), liquidity=None)
KINDS = {"spot": MarketKind.SPOT, "linear": MarketKind.USD_M}
TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK, "PostOnly": TimeInForce.GTX}
STATUSES = {
    VenueStatus.NEW: "New",
    VenueStatus.PARTIALLY_FILLED: "PartiallyFilled",
    VenueStatus.FILLED: "Filled",
    VenueStatus.CANCELED: "Cancelled",
    VenueStatus.EXPIRED: "Cancelled",
}
CODES = {
    "spot": {
        "INSUFFICIENT_BALANCE": (170131, "Insufficient balance."),
        "PRICE_FILTER": (170134, "Order price has too many decimals."),
        "PRICE_BAND": (170193, "Buy order price cannot be higher than 0USDT."),
        "LOT_SIZE": (170136, "Order quantity exceeded lower limit."),
        "MIN_NOTIONAL": (170140, "Order value exceeded lower limit."),
        "POST_ONLY_WOULD_TAKE": (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    },
    "linear": {
        "INSUFFICIENT_MARGIN": (110007, "ab not enough for new order"),
        "PRICE_FILTER": (10001, "params error: price invalid"),
        "PRICE_BAND": (110003, "Order price exceeds the allowable range."),
        "LOT_SIZE": (10001, "params error: Qty invalid"),
        "MIN_NOTIONAL": (110094, "Order does not meet minimum order value 5USDT"),
        "REDUCE_ONLY_REFUSED": (110017, "current position is zero, cannot fix reduce-only order qty"),
        "POST_ONLY_WOULD_TAKE": (170218, "The LIMIT-MAKER order is rejected due to invalid price."),
    },
}
DUPLICATES = {"spot": (170141, "Duplicate clientOrderId."), "linear": (110072, "OrderLinkedID is duplicate")}
NOT_FOUND = {"spot": (170213, "Order does not exist."), "linear": (110001, "order not exists or too late to cancel")}


def bitcoin(category: str) -> MarketSpec:
    """Return the market of Bitcoin as the simulator lists it."""
    spot = category == "spot"
    filters = Filters(
        price_tick=Decimal("0.1"),
        price_min=Decimal("0.1"),
        price_max=Decimal("1999999.8"),
        quantity_step=Decimal("0.001") if not spot else Decimal("0.000001"),
        quantity_min=Decimal("0.001") if not spot else Decimal("0.000048"),
        quantity_max=Decimal(1190) if not spot else Decimal("71.739562"),
        notional_min=Decimal(5),
    )
    margin = "" if spot else "USDT"
    kind = KINDS[category]
    return MarketSpec("BTCUSDT", kind, "BTC", "USDT", margin, "Trading", True, "", Decimal(1), filters)


class Refusal(Exception):
    """An answer with a `retCode` that is not zero."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Account:
    """A key with what it owns; orders by their number."""

    key: str
    secret: str
    permissions: dict[str, list[str]]
    ledger: Ledger
    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[tuple[int, Trade]] = field(default_factory=list)


class Exchange:
    """The exchange itself: what each path answers."""

    def __init__(self, categories: Iterable[str]) -> None:
        self.accounts: dict[str, Account] = {}
        self.markets = {category: bitcoin(category) for category in categories}
        self.prices: dict[str, PriceReport] = {}
        self.numbers = count(1)
        for category in self.markets:
            self.price(category, Decimal(50_000))

    def price(self, category: str, price: Decimal) -> None:
        """Move the market, and fill what it reaches."""
        half = Decimal("0.1")
        now = datetime.now(UTC)
        kind = KINDS[category]
        self.prices[category] = PriceReport(
            "BTCUSDT", kind, now, last=price, bid=price - half, ask=price + half, mark=price
        )
        for account in self.accounts.values():
            for number, order in list(account.orders.items()):
                if order.is_open and order.kind is kind:
                    outcome = matching.work(account.ledger, order, self._view(category), TERMS)
                    self._keep(account, number, outcome.ledger, outcome.order, outcome.trades)

    @exact
    def fill(self, key: str, number: int, quantity: Decimal) -> None:
        """Fill a part of a resting order at its own price."""
        account = self.accounts[key]
        order, ledger = account.orders[number], account.ledger.copy()
        assert order.price is not None
        market = self.markets[_category(order)]
        part = Slice(order.price, quantity)
        filled, trade = settle(ledger, order, part, market, TERMS, is_maker=True, now=datetime.now(UTC))
        self._keep(account, number, ledger, filled, (trade,))

    def answer(self, method: str, path: str, values: dict[str, Any], account: Account | None) -> Any:
        """Return the `result` of a request."""
        handler = ROUTES.get(f"{method} {path}")
        if handler is None:
            raise Refusal(10017, "request path not found or request method is invalid")
        if handler.__name__.startswith("_public"):
            return handler(self, values)
        if account is None:
            raise Refusal(10003, "API key is invalid.")
        return handler(self, account, values)

    def _public_instruments(self, values: dict[str, Any]) -> Any:
        category = values["category"]
        if category not in self.markets or values.get("status") == "PreLaunch":
            return {"category": category, "list": []}
        filters = self.markets[category].filters
        lots: dict[str, Any] = {"minOrderQty": filters.quantity_min, "maxOrderQty": filters.quantity_max}
        lots |= (
            {"basePrecision": filters.quantity_step, "quotePrecision": "0.0000001", "minOrderAmt": filters.notional_min}
            if category == "spot"
            else {"qtyStep": filters.quantity_step, "minNotionalValue": filters.notional_min}
        )
        row = {
            "symbol": "BTCUSDT",
            "baseCoin": "BTC",
            "quoteCoin": "USDT",
            "status": "Trading",
            "lotSizeFilter": lots,
            "priceFilter": {
                "tickSize": filters.price_tick,
                "minPrice": filters.price_min,
                "maxPrice": filters.price_max,
            },
        }
        if category == "linear":
            row |= {"contractType": "LinearPerpetual", "settleCoin": "USDT", "launchTime": "1585526400000"}
            row |= {"leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"}}
        return {"category": category, "list": [row], "nextPageCursor": ""}

    def _public_tickers(self, values: dict[str, Any]) -> Any:
        price = self.prices[values["category"]]
        row: dict[str, Any] = {
            "symbol": "BTCUSDT",
            "lastPrice": price.last,
            "bid1Price": price.bid,
            "ask1Price": price.ask,
        }
        if values["category"] == "linear":
            row |= {"markPrice": price.mark, "indexPrice": price.mark, "openInterestValue": "1000000"}
        return {"category": values["category"], "list": [row]}

    def _public_kline(self, values: dict[str, Any]) -> Any:
        length, limit = int(values["interval"]) * 60_000, int(values.get("limit", 200))
        latest = int(time.time() * 1000) // length * length
        first = int(values["start"]) if "start" in values else latest - (limit - 1) * length
        starts = range(first, latest + 1, length)[:limit]
        rows = [[str(start), "50000", "50010.5", "49990", "50005", "12.5", "625000"] for start in starts]
        return {"category": values["category"], "symbol": "BTCUSDT", "list": rows[::-1]}

    def _create(self, account: Account, values: dict[str, Any]) -> Any:
        category = values["category"]
        if values["symbol"] != "BTCUSDT":
            raise Refusal(10001, "params error: symbol invalid")
        link = values.get("orderLinkId") or f"none-{next(self.numbers)}"
        if any(order.client_order_id == link for order in account.orders.values()):
            raise Refusal(*DUPLICATES[category])
        request = OrderRequest(
            client_order_id=link,
            symbol="BTCUSDT",
            kind=KINDS[category],
            side=Side(values["side"].upper()),
            type=OrderType(values["orderType"].upper()),
            quantity=Decimal(values["qty"]),
            price=Decimal(values["price"]) if "price" in values else None,
            time_in_force=TIMES[values["timeInForce"]] if "timeInForce" in values else None,
            reduce_only=values.get("reduceOnly") is True,
        )
        try:
            outcome = engine.place(account.ledger, request, self._view(category), TERMS)
        except Rejected as refusal:
            code = CODES[category].get(refusal.reason, (10001, f"params error: {refusal.message}"))
            raise Refusal(*code) from refusal
        number = next(self.numbers)
        self._keep(account, number, outcome.ledger, outcome.order, outcome.trades)
        return {"orderId": str(number), "orderLinkId": link}

    def _cancel(self, account: Account, values: dict[str, Any]) -> Any:
        for number, order in account.orders.items():
            if str(number) == values.get("orderId") and order.is_open:
                now = datetime.now(UTC)
                outcome = engine.cancel(account.ledger, order, now=now, status=VenueStatus.CANCELED)
                self._keep(account, number, outcome.ledger, outcome.order, ())
                return {"orderId": str(number), "orderLinkId": order.client_order_id}
        raise Refusal(*NOT_FOUND[values["category"]])

    def _realtime(self, account: Account, values: dict[str, Any]) -> Any:
        """Open orders; with an id also one that ended a little ago, as Bybit does."""
        return self._listed(account, values, lambda order: order.is_open or "orderLinkId" in values)

    def _history(self, account: Account, values: dict[str, Any]) -> Any:
        return self._listed(account, values, lambda order: not order.is_open)

    def _listed(self, account: Account, values: dict[str, Any], fits: Any) -> Any:
        rows = [
            _order_row(number, order)
            for number, order in account.orders.items()
            if _category(order) == values["category"]
            and values.get("orderLinkId", order.client_order_id) == order.client_order_id
            and values.get("settleCoin", "USDT") == "USDT"
            and fits(order)
        ]
        return {"category": values["category"], "list": rows[::-1], "nextPageCursor": ""}

    def _executions(self, account: Account, values: dict[str, Any]) -> Any:
        start, end = int(values.get("startTime", 0)), int(values.get("endTime", 1 << 62))
        rows = []
        for number, trade in account.trades:
            order, moment = account.orders[number], to_milliseconds(trade.time)
            wanted = values.get("orderId", str(number)) == str(number) and start <= moment <= end
            if wanted and _category(order) == values["category"]:
                rows.append(_trade_row(number, order, trade))
        return {"category": values["category"], "list": rows[::-1], "nextPageCursor": ""}

    def _wallet(self, account: Account, values: dict[str, Any]) -> Any:
        margin = sum((held.margin for held in account.ledger.positions.values()), Decimal(0))
        coins = [
            {
                "coin": asset,
                "walletBalance": balance.total,
                "locked": balance.locked,
                "totalOrderIM": "0",
                "totalPositionIM": margin if asset == "USDT" else "0",
                "availableToWithdraw": "",
            }
            for asset, balance in account.ledger.balances.items()
        ]
        return {"list": [{"accountType": "UNIFIED", "coin": coins}]}

    def _positions(self, account: Account, values: dict[str, Any]) -> Any:
        price = self.prices["linear"].mark
        assert price is not None
        rows = [
            {
                "symbol": held.symbol,
                "positionIdx": 0,
                "side": "Buy" if held.quantity > 0 else "Sell",
                "size": abs(held.quantity),
                "avgPrice": held.entry_price,
                "markPrice": price,
                "leverage": held.leverage,
                "unrealisedPnl": held.unrealized(price),
                "positionValue": held.cost,
                "liqPrice": "",
            }
            for held in account.ledger.positions.values()
            if values.get("settleCoin") == "USDT"
        ]
        return {"category": "linear", "list": rows, "nextPageCursor": ""}

    def _leverage(self, account: Account, values: dict[str, Any]) -> Any:
        leverage = int(values["buyLeverage"])
        if account.ledger.leverage_of("BTCUSDT") == leverage:
            raise Refusal(110043, "Set leverage has not been modified.")
        account.ledger.leverages = {"BTCUSDT": leverage}
        return {}

    def _key(self, account: Account, values: dict[str, Any]) -> Any:
        return {"readOnly": 0, "permissions": account.permissions, "uta": 1, "unified": 0}

    def _view(self, category: str) -> engine.View:
        price = self.prices[category]
        key = MarketKey(price.kind, "BTCUSDT")
        assert price.mark is not None
        return engine.View(self.markets[category], price, False, {key: price.mark}, datetime.now(UTC))

    def _keep(self, account: Account, number: int, ledger: Ledger, order: Order, trades: tuple[Trade, ...]) -> None:
        account.ledger = ledger
        account.orders[number] = replace(order, id=number)
        account.trades += [(number, trade) for trade in trades]


ROUTES: dict[str, Any] = {
    "GET /v5/market/instruments-info": Exchange._public_instruments,
    "GET /v5/market/tickers": Exchange._public_tickers,
    "GET /v5/market/kline": Exchange._public_kline,
    "POST /v5/order/create": Exchange._create,
    "POST /v5/order/cancel": Exchange._cancel,
    "GET /v5/order/realtime": Exchange._realtime,
    "GET /v5/order/history": Exchange._history,
    "GET /v5/execution/list": Exchange._executions,
    "GET /v5/account/wallet-balance": Exchange._wallet,
    "GET /v5/position/list": Exchange._positions,
    "POST /v5/position/set-leverage": Exchange._leverage,
    "GET /v5/user/query-api": Exchange._key,
}


def _category(order: Order) -> str:
    return "spot" if order.kind is MarketKind.SPOT else "linear"


def _order_row(number: int, order: Order) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": str(number),
        "orderLinkId": order.client_order_id,
        "side": order.side.value.title(),
        "orderType": order.type.value.title(),
        "timeInForce": {time: name for name, time in TIMES.items()}.get(order.time_in_force or TimeInForce.IOC),
        "orderStatus": STATUSES[order.status],
        "price": order.price or "0",
        "qty": order.quantity,
        "marketUnit": "baseCoin" if order.kind is MarketKind.SPOT and order.type is OrderType.MARKET else "",
        "cumExecQty": order.filled_quantity,
        "cumExecValue": order.filled_quote,
        "leavesQty": order.remaining if order.is_open else "0",
        "avgPrice": order.filled_quote / order.filled_base if order.filled_base else "",
        "reduceOnly": order.reduce_only,
        "triggerPrice": "",
        "createdTime": str(to_milliseconds(order.created_at)),
        "updatedTime": str(to_milliseconds(order.updated_at)),
    }


def _trade_row(number: int, order: Order, trade: Trade) -> dict[str, Any]:
    return {
        "symbol": order.symbol,
        "orderId": str(number),
        "orderLinkId": order.client_order_id,
        "execId": f"{number}-{trade.number}",
        "side": order.side.value.title(),
        "orderType": order.type.value.title(),
        "execPrice": trade.price,
        "execQty": trade.quantity,
        "execValue": trade.quote_quantity,
        "execFee": trade.fee,
        "feeCurrency": trade.fee_asset,
        "isMaker": trade.is_maker,
        "execTime": str(to_milliseconds(trade.time)),
        "execType": "Trade",
    }


def digits(value: Any) -> str:
    """Return a Decimal as Bybit writes numbers: text."""
    return plain_digits(value)
