"""A Bitget (v2, classic account in one-way mode) with a contract of Bitcoin settled in USDT.

See `tests.simulators.generic`.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.base import OrderRequest
from markets.venues.errors import Rejected
from markets.venues.paper.facts import MarketKey
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from tests.simulators.floor import (
    CANDLE,
    Account,
    Asked,
    Exchange,
    Refusal,
    Reply,
    bitcoin,
    candle_starts,
    page,
)
from tests.simulators.generic import ExchangeSimulator
from tests.simulators.shapes.bitget import CODES, FAILURES, TIMES, fill_row, order_row

SYMBOL, PRODUCT = "BTCUSDT", "USDT-FUTURES"
SPEC = bitcoin(
    SYMBOL, MarketKind.USD_M, quantity_step="0.0001", quantity_min="0.0001", quantity_max="1200", notional_min="5"
)
WINDOW_MILLISECONDS = 30_000


class Bitget(Exchange):
    """Bitget itself: what each path answers."""

    name = "bitget"
    creates = "/api/v2/mix/order/place-order"

    def __init__(self) -> None:
        super().__init__({SYMBOL: SPEC})

    def permissions(self, *, withdraws: bool) -> Any:
        """Return the rights of a key that may trade, in Bitget's words."""
        return ["coor", "cpor", "coow", "cpow", "wtor", *(["wwow"] if withdraws else [])]

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        if asked.path in EMPTY:
            return _told([])
        handler = ROUTES.get(f"{asked.method} {asked.path}")
        if handler is None:
            raise Refusal("40404", "Request URL NOT FOUND", 404)
        account = None if "/market/" in asked.path else self._authenticated(asked)
        return _told(handler(self, account, asked.values))

    def refused(self, refusal: Refusal) -> Reply:
        """Return how Bitget says no."""
        return _told(None, str(refusal.code), refusal.message, 400 if refusal.status == 200 else refusal.status)

    def failed(self, kind: str, seconds: float) -> Reply:
        """Return what Bitget says when something goes wrong."""
        if kind in {"limit", "banned"}:
            reply = _told(None, "429", "Too Many Requests", 429)
            return Reply(reply.body, reply.status, {"Retry-After": str(int(seconds))})
        return _told(None, *FAILURES[kind], 400)

    def _authenticated(self, asked: Asked) -> Account:
        headers = asked.headers
        account = self.accounts.get(headers.get("ACCESS-KEY", ""))
        if account is None:
            raise Refusal("40037", "Apikey does not exist")
        moment = headers["ACCESS-TIMESTAMP"]
        if abs(time.time() * 1000 - int(moment)) > WINDOW_MILLISECONDS:
            raise Refusal("40008", "Request timestamp expired")
        if headers["ACCESS-PASSPHRASE"] != account.passphrase:
            raise Refusal("40012", "apikey/password is incorrect")
        path = f"{asked.path}?{asked.query}" if asked.query else asked.path
        text = f"{moment}{asked.method}{path}{asked.body}"
        expected = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(expected).decode(), headers["ACCESS-SIGN"]):
            raise Refusal("40009", "sign signature error")
        return account

    def _contracts(self, account: Account | None, values: dict[str, Any]) -> Any:
        """The contract of Bitcoin, and of its demo one another, which nobody may mistake for it."""
        coins = {PRODUCT: "USDT", "SUSDT-FUTURES": "SUSDT"}
        coin = coins.get(values["productType"])
        if coin is None:
            return []
        row = {
            "symbol": SYMBOL if coin == "USDT" else "SBTCSUSDT",
            "baseCoin": "BTC" if coin == "USDT" else "SBTC",
            "quoteCoin": coin,
            "supportMarginCoins": [coin],
            "minTradeNum": SPEC.filters.quantity_min,
            "maxTradeAmount": SPEC.filters.quantity_max,
            "priceEndStep": "1",
            "pricePlace": "1",
            "volumePlace": "4",
            "sizeMultiplier": "0.0001",
            "symbolType": "perpetual",
            "minTradeUSDT": SPEC.filters.notional_min,
            "symbolStatus": "normal",
        }
        return [row]

    def _tickers(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices[SYMBOL]
        row = {"symbol": SYMBOL, "lastPr": price.last, "bidPr": price.bid, "askPr": price.ask}
        return [row | {"markPrice": price.mark, "ts": str(to_milliseconds(price.time))}]

    def _mark(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices[values["symbol"]]
        return [{"symbol": SYMBOL, "markPrice": price.mark, "indexPrice": price.mark, "ts": "0"}]

    def _candles(self, account: Account | None, values: dict[str, Any]) -> Any:
        starts = candle_starts(int(values["startTime"]) if "startTime" in values else None, int(values["limit"]))
        return [[str(start), *CANDLE] for start in starts if start <= int(values.get("endTime", 1 << 62))]

    def _place(self, account: Account | None, values: dict[str, Any]) -> Any:
        if values["symbol"] != SYMBOL:
            raise Refusal("40034", "Parameter does not exist")
        if values.get("tradeSide"):
            raise Refusal("40774", "The order type for unilateral position must also be the unilateral position type.")
        fits = values["marginCoin"] == "USDT" and values["marginMode"] == "crossed" and values["productType"] == PRODUCT
        if not fits or not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", values["clientOid"]):
            raise Refusal("40017", "Parameter verification failed")
        is_market = values["orderType"] == "market"
        request = OrderRequest(
            client_order_id=values["clientOid"],
            symbol=SYMBOL,
            kind=MarketKind.USD_M,
            side=Side(values["side"].upper()),
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            quantity=Decimal(values["size"]),
            price=None if is_market else Decimal(values["price"]),
            time_in_force=None if is_market else TIMES[values["force"].lower()],
            reduce_only=values.get("reduceOnly") == "YES",
        )
        return {"orderId": self._placed(_signed(account), request), "clientOid": request.client_order_id}

    def _placed(self, account: Account, request: OrderRequest) -> str:
        """Place an order; post-only orders that would take are accepted, and cancelled."""
        try:
            return str(self.place(account, SYMBOL, request))
        except Rejected as refused:
            if refused.reason == "POST_ONLY_WOULD_TAKE":
                return str(self.stillborn(account, request))
            raise Refusal(*CODES.get(refused.reason, ("40017", refused.message))) from refused

    def _cancel(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        found = owner.find(number=values.get("orderId"), link=values.get("clientOid"))
        if not self.cancel(owner, found) or found is None:
            raise Refusal("22001", "No order to cancel")
        return {"orderId": str(found[0]), "clientOid": found[1].client_order_id}

    def _detail(self, account: Account | None, values: dict[str, Any]) -> Any:
        found = _signed(account).find(number=values.get("orderId"), link=values.get("clientOid"))
        if found is None:
            raise Refusal("40109", "The data of the order cannot be found, please confirm the order number")
        return order_row(*found, "state")

    def _pending(self, account: Account | None, values: dict[str, Any]) -> Any:
        rows = [
            order_row(number, order, "status") for number, order in _signed(account).orders.items() if order.is_open
        ]
        found = page(rows, values, "idLessThan", lambda row: int(row["orderId"]))
        return {"entrustedList": found or None, "endId": found[-1]["orderId"] if found else None}

    def _fills(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        start, end = int(values.get("startTime", 0)), int(values.get("endTime", 1 << 62))
        rows = [fill_row(index, number, owner, trade) for index, (number, trade) in enumerate(owner.trades, 1)]
        wanted = [
            row
            for row in rows
            if values.get("orderId", row["orderId"]) == row["orderId"] and start <= int(row["cTime"]) <= end
        ]
        found = page(wanted, values, "idLessThan", lambda row: int(row["tradeId"]))
        return {"fillList": found or None, "endId": found[-1]["tradeId"] if found else None}

    def _accounts(self, account: Account | None, values: dict[str, Any]) -> Any:
        ledger, mark = _signed(account).ledger, self.prices[SYMBOL].mark
        assert mark is not None
        balance = ledger.balance("USDT")
        free = ledger.available("USDT", {MarketKey(MarketKind.USD_M, SYMBOL): mark})
        profit = sum((held.unrealized(mark) for held in ledger.positions.values()), Decimal(0))
        row = {"marginCoin": "USDT", "locked": balance.locked, "available": free, "maxTransferOut": free}
        return [row | {"accountEquity": balance.total + profit, "unrealizedPL": profit}]

    def _positions(self, account: Account | None, values: dict[str, Any]) -> Any:
        mark = self.prices[SYMBOL].mark
        assert mark is not None
        return [
            {
                "symbol": SYMBOL,
                "marginCoin": "USDT",
                "holdSide": "long" if held.quantity > 0 else "short",
                "total": abs(held.quantity),
                "openPriceAvg": held.entry_price,
                "markPrice": mark,
                "unrealizedPL": held.unrealized(mark),
                "leverage": str(held.leverage),
                "marginMode": "crossed",
                "posMode": "one_way_mode" if held.position_side is PositionSide.BOTH else "hedge_mode",
                "marginSize": held.margin,
                "liquidationPrice": "",
            }
            for held in _signed(account).ledger.positions.values()
        ]

    def _leverage(self, account: Account | None, values: dict[str, Any]) -> Any:
        _signed(account).ledger.leverages = {SYMBOL: int(values["leverage"])}
        return {"symbol": SYMBOL, "marginCoin": "USDT", "crossMarginLeverage": values["leverage"]}

    def _info(self, account: Account | None, values: dict[str, Any]) -> Any:
        return {"userId": "1", "ips": "127.0.0.1", "authorities": _signed(account).permissions, "parentId": 1}


EMPTY = frozenset({"/api/v2/spot/public/coins"})
ROUTES: dict[str, Callable[[Bitget, Account | None, dict[str, Any]], Any]] = {
    "GET /api/v2/mix/market/contracts": Bitget._contracts,
    "GET /api/v2/mix/market/tickers": Bitget._tickers,
    "GET /api/v2/mix/market/symbol-price": Bitget._mark,
    "GET /api/v2/mix/market/candles": Bitget._candles,
    "POST /api/v2/mix/order/place-order": Bitget._place,
    "POST /api/v2/mix/order/cancel-order": Bitget._cancel,
    "GET /api/v2/mix/order/detail": Bitget._detail,
    "GET /api/v2/mix/order/orders-pending": Bitget._pending,
    "GET /api/v2/mix/order/fills": Bitget._fills,
    "GET /api/v2/mix/account/accounts": Bitget._accounts,
    "GET /api/v2/mix/position/all-position": Bitget._positions,
    "POST /api/v2/mix/account/set-leverage": Bitget._leverage,
    "GET /api/v2/spot/account/info": Bitget._info,
}


class BitgetSimulator(ExchangeSimulator[Bitget]):
    """Bitget behind HTTP."""

    def __init__(self) -> None:
        super().__init__(Bitget())


def _signed(account: Account | None) -> Account:
    assert account
    return account


def _told(data: Any, code: str = "00000", message: str = "success", status: int = 200) -> Reply:
    return Reply({"code": code, "msg": message, "requestTime": int(time.time() * 1000), "data": data}, status)
