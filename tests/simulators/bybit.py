"""A Bybit (v5, unified account) with spot and linear contracts of Bitcoin; see `tests.simulators.generic`."""

import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.base import OrderRequest
from markets.venues.errors import Rejected
from markets.venues.paper.facts import Order
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from tests.simulators.floor import (
    CANDLE,
    MINUTE,
    Account,
    Asked,
    Exchange,
    Refusal,
    Reply,
    bitcoin,
    candle_starts,
)
from tests.simulators.generic import ExchangeSimulator
from tests.simulators.shapes.bybit import CODES, FAILURES, NOT_FOUND, TIMES, order_row, trade_row

KINDS = {"spot": MarketKind.SPOT, "linear": MarketKind.USD_M}
RULES = {
    "spot": {"quantity_step": "0.000001", "quantity_min": "0.000048", "quantity_max": "71.739562"},
    "linear": {"quantity_step": "0.001", "quantity_min": "0.001", "quantity_max": "1190"},
}
PRICES = {"price_min": "0.1", "price_max": "1999999.8", "notional_min": "5"}
INDEXES = {PositionSide.BOTH: 0, PositionSide.LONG: 1, PositionSide.SHORT: 2}
ORDERS_A_PAGE = 20
TRADES_A_PAGE = 50


class Bybit(Exchange):
    """Bybit itself: what each path answers."""

    name = "bybit"
    creates = "/v5/order/create"

    def __init__(self, categories: Iterable[str]) -> None:
        super().__init__({name: bitcoin("BTCUSDT", KINDS[name], **RULES[name], **PRICES) for name in categories})

    def permissions(self, *, withdraws: bool) -> Any:
        """Return the rights of a key that may trade, in Bybit's words."""
        wallet = ["AccountTransfer", "Withdraw"] if withdraws else []
        return {"Spot": ["SpotTrade"], "ContractTrade": ["Order", "Position"], "Wallet": wallet}

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        handler = ROUTES.get(f"{asked.method} {asked.path}")
        if handler is None:
            raise Refusal(10017, "request path not found or request method is invalid")
        return _told(handler(self, self._authenticated(asked), asked.values))

    def refused(self, refusal: Refusal) -> Reply:
        """Return how Bybit says no."""
        return _told({}, int(refusal.code), refusal.message)

    def failed(self, kind: str, seconds: float) -> Reply:
        """Return what Bybit says when something goes wrong."""
        if kind == "banned":
            return Reply("access too frequent. Please wait for 10min", 403, {"Retry-After": str(int(seconds))})
        if kind == "timeout":
            return Reply("<html>504 Gateway Time-out</html>", 504)
        reset = {"X-Bapi-Limit-Reset-Timestamp": str(int((time.time() + seconds) * 1000))}
        return Reply(_told({}, *FAILURES[kind]).body, headers=reset if "limit" in kind else {})

    def _authenticated(self, asked: Asked) -> Account | None:
        key = asked.headers.get("X-BAPI-API-KEY")
        if key is None:
            return None
        account = self.accounts.get(key)
        if account is None:
            raise Refusal(10003, "API key is invalid.")
        moment, window = asked.headers["X-BAPI-TIMESTAMP"], asked.headers["X-BAPI-RECV-WINDOW"]
        if abs(time.time() * 1000 - int(moment)) > int(window):
            raise Refusal(10002, "invalid request, please check your server timestamp or recv_window param.")
        text = f"{moment}{key}{window}{asked.body or asked.query}"
        expected = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, asked.headers["X-BAPI-SIGN"]):
            raise Refusal(10004, "error sign! origin_string does not match")
        return account

    def _instruments(self, account: Account | None, values: dict[str, Any]) -> Any:
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
        prices = {"tickSize": filters.price_tick, "minPrice": filters.price_min, "maxPrice": filters.price_max}
        row: dict[str, Any] = {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "status": "Trading"}
        row |= {"lotSizeFilter": lots, "priceFilter": prices}
        if category == "linear":
            row |= {"contractType": "LinearPerpetual", "settleCoin": "USDT", "launchTime": "1585526400000"}
            row |= {"leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"}}
        return {"category": category, "list": [row], "nextPageCursor": ""}

    def _tickers(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices[values["category"]]
        row = {"symbol": "BTCUSDT", "lastPrice": price.last, "bid1Price": price.bid, "ask1Price": price.ask}
        if values["category"] == "linear":
            row |= {"markPrice": price.mark, "indexPrice": price.mark, "openInterestValue": "1000000"}
        return {"category": values["category"], "list": [row]}

    def _candles(self, account: Account | None, values: dict[str, Any]) -> Any:
        length, first = int(values["interval"]) * MINUTE, int(values["start"]) if "start" in values else None
        starts = candle_starts(first, int(values.get("limit", 200)), length)
        rows = [[str(start), *CANDLE] for start in reversed(starts)]
        return {"category": values["category"], "symbol": "BTCUSDT", "list": rows}

    def _create(self, account: Account | None, values: dict[str, Any]) -> Any:
        category, owner = values["category"], _signed(account)
        if values["symbol"] != "BTCUSDT":
            raise Refusal(10001, "params error: symbol invalid")
        request = OrderRequest(
            client_order_id=values.get("orderLinkId") or f"none-{next(self.numbers)}",
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
            number = self.place(owner, category, request)
        except Rejected as refused:
            code = CODES[category].get(refused.reason, (10001, f"params error: {refused.message}"))
            raise Refusal(*code) from refused
        return {"orderId": str(number), "orderLinkId": request.client_order_id}

    def _cancel(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        found = owner.find(number=values.get("orderId"))
        if not self.cancel(owner, found) or found is None:
            raise Refusal(*NOT_FOUND[values["category"]])
        return {"orderId": str(found[0]), "orderLinkId": found[1].client_order_id}

    def _realtime(self, account: Account | None, values: dict[str, Any]) -> Any:
        """Open orders; with an id also one that ended a little ago, as Bybit does."""
        return self._listed(
            _signed(account), values, lambda order: order.is_open or bool({"orderLinkId", "orderId"} & values.keys())
        )

    def _history(self, account: Account | None, values: dict[str, Any]) -> Any:
        return self._listed(_signed(account), values, lambda order: not order.is_open)

    def _listed(self, account: Account, values: dict[str, Any], fits: Callable[[Order], bool]) -> Any:
        rows = [
            order_row(number, order)
            for number, order in account.orders.items()
            if self.market_of(order) == values["category"]
            and values.get("orderLinkId", order.client_order_id) == order.client_order_id
            and values.get("orderId", str(number)) == str(number)
            and values.get("settleCoin", "USDT") == "USDT"
            and fits(order)
        ]
        return _page(rows[::-1], values, ORDERS_A_PAGE)

    def _executions(self, account: Account | None, values: dict[str, Any]) -> Any:
        start, end = int(values.get("startTime", 0)), int(values.get("endTime", 1 << 62))
        owner, rows = _signed(account), []
        for number, trade in owner.trades:
            order, moment = owner.orders[number], to_milliseconds(trade.time)
            wanted = values.get("orderId", str(number)) == str(number) and start <= moment <= end
            if wanted and self.market_of(order) == values["category"]:
                rows.append(trade_row(number, order, trade))
        return _page(rows[::-1], values, TRADES_A_PAGE)

    def _wallet(self, account: Account | None, values: dict[str, Any]) -> Any:
        ledger = _signed(account).ledger
        margin = sum((held.margin for held in ledger.positions.values()), Decimal(0))
        coins = [
            {
                "coin": asset,
                "walletBalance": balance.total,
                "locked": balance.locked,
                "totalOrderIM": "0",
                "totalPositionIM": margin if asset == "USDT" else "0",
                "availableToWithdraw": "",
            }
            for asset, balance in ledger.balances.items()
        ]
        return {"list": [{"accountType": "UNIFIED", "coin": coins}]}

    def _positions(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices["linear"].mark
        assert price is not None
        rows = [
            {
                "symbol": held.symbol,
                "positionIdx": INDEXES[held.position_side],
                "side": "Buy" if held.quantity > 0 else "Sell",
                "size": abs(held.quantity),
                "avgPrice": held.entry_price,
                "markPrice": price,
                "leverage": held.leverage,
                "unrealisedPnl": held.unrealized(price),
                "positionValue": held.cost,
                "liqPrice": "",
            }
            for held in _signed(account).ledger.positions.values()
            if values.get("settleCoin") == "USDT"
        ]
        return {"category": "linear", "list": rows, "nextPageCursor": ""}

    def _leverage(self, account: Account | None, values: dict[str, Any]) -> Any:
        leverage, ledger = int(values["buyLeverage"]), _signed(account).ledger
        if ledger.leverage_of("BTCUSDT") == leverage:
            raise Refusal(110043, "Set leverage has not been modified.")
        ledger.leverages = {"BTCUSDT": leverage}
        return {}

    def _key(self, account: Account | None, values: dict[str, Any]) -> Any:
        return {"readOnly": 0, "permissions": _signed(account).permissions, "uta": 1, "unified": 0}


ROUTES: dict[str, Callable[[Bybit, Account | None, dict[str, Any]], Any]] = {
    "GET /v5/market/instruments-info": Bybit._instruments,
    "GET /v5/market/tickers": Bybit._tickers,
    "GET /v5/market/kline": Bybit._candles,
    "POST /v5/order/create": Bybit._create,
    "POST /v5/order/cancel": Bybit._cancel,
    "GET /v5/order/realtime": Bybit._realtime,
    "GET /v5/order/history": Bybit._history,
    "GET /v5/execution/list": Bybit._executions,
    "GET /v5/account/wallet-balance": Bybit._wallet,
    "GET /v5/position/list": Bybit._positions,
    "POST /v5/position/set-leverage": Bybit._leverage,
    "GET /v5/user/query-api": Bybit._key,
}


class BybitSimulator(ExchangeSimulator[Bybit]):
    """Bybit behind HTTP."""

    def __init__(self, categories: Iterable[str] = tuple(KINDS)) -> None:
        super().__init__(Bybit(categories))


def _signed(account: Account | None) -> Account:
    if account is None:
        raise Refusal(10003, "API key is invalid.")
    return account


def _told(result: Any, code: int = 0, message: str = "OK") -> Reply:
    return Reply({"retCode": code, "retMsg": message, "result": result, "time": int(time.time() * 1000)})


def _page(rows: Sequence[Any], values: dict[str, Any], size: int) -> Any:
    start = int(values.get("cursor") or 0)
    beyond = start + size
    cursor = str(beyond) if beyond < len(rows) else ""
    return {"category": values["category"], "list": rows[start:beyond], "nextPageCursor": cursor}
