"""An OKX (v5) with spot, linear and inverse contracts of Bitcoin; see `tests.simulators.generic`."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from copytrade.lib.wire import to_milliseconds
from markets.venues.base import OrderRequest
from markets.venues.errors import Rejected
from markets.venues.paper.facts import Order
from markets.venues.vocabulary import MarketKind, OrderType, Side
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
    page,
)
from tests.simulators.generic import ExchangeSimulator
from tests.simulators.shapes.okx import CODES, FAILURES, TIMES, fill_row, order_row, side_of, type_of

LINEAR, INVERSE = "BTC-USDT-SWAP", "BTC-USD-SWAP"
MARKETS = {
    "BTC-USDT": bitcoin(
        "BTC-USDT", MarketKind.SPOT, quantity_step="0.00000001", quantity_min="0.00001", quantity_max="9999999999"
    ),
    # In contracts: of a hundredth of a Bitcoin, and of a hundred dollars.
    LINEAR: bitcoin(
        LINEAR,
        MarketKind.USD_M,
        contract="0.01",
        quantity_step="0.01",
        quantity_min="0.01",
        quantity_max="100000000",
    ),
    INVERSE: bitcoin(
        INVERSE,
        MarketKind.COIN_M,
        quote="USD",
        contract="100",
        quantity_step="0.1",
        quantity_min="0.1",
        quantity_max="1000000",
    ),
}
WINDOW_SECONDS = 30


class Okx(Exchange):
    """OKX itself: what each path answers."""

    name = "okx"
    creates = "/api/v5/trade/order"

    def __init__(self) -> None:
        super().__init__(MARKETS)

    def permissions(self, *, withdraws: bool) -> Any:
        """Return the rights of a key that may trade, in OKX's words."""
        return "read_only,trade" + (",withdraw" if withdraws else "")

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        handler = ROUTES.get(f"{asked.method} {asked.path}")
        if handler is None:
            raise Refusal("50404", "The requested path does not exist.", 404)
        account = None if "/public/" in asked.path or "/market/" in asked.path else self._authenticated(asked)
        return _told(handler(self, account, asked.values))

    def refused(self, refusal: Refusal) -> Reply:
        """Return how OKX says no: orders within a row of their own."""
        code = str(refusal.code)
        if not code.startswith("51") or code == "51603":
            return _told([], code, refusal.message, refusal.status)
        row = {"clOrdId": "", "ordId": "", "tag": "", "sCode": code, "sMsg": refusal.message}
        return _told([row], "1", "All operations failed")

    def failed(self, kind: str, seconds: float) -> Reply:
        """Return what OKX says when something goes wrong."""
        if kind in {"limit", "banned"}:
            return Reply("error code: 1015", 429, {"Retry-After": str(int(seconds))})
        status, code, message = FAILURES[kind]
        return _told([], code, message, status)

    def _authenticated(self, asked: Asked) -> Account:
        headers = asked.headers
        account = self.accounts.get(headers.get("OK-ACCESS-KEY", ""))
        if account is None:
            raise Refusal("50111", "Invalid OK-ACCESS-KEY", 401)
        moment = headers["OK-ACCESS-TIMESTAMP"]
        if abs(datetime.fromisoformat(moment).timestamp() - time.time()) > WINDOW_SECONDS:
            raise Refusal("50102", "Timestamp request expired", 401)
        if headers["OK-ACCESS-PASSPHRASE"] != account.passphrase:
            raise Refusal("50105", "OK-ACCESS-PASSPHRASE incorrect", 401)
        path = f"{asked.path}?{asked.query}" if asked.query else asked.path
        text = f"{moment}{asked.method}{path}{asked.body}"
        expected = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(expected).decode(), headers["OK-ACCESS-SIGN"]):
            raise Refusal("50113", "Invalid Sign", 401)
        return account

    def _instruments(self, account: Account | None, values: dict[str, Any]) -> Any:
        rows = []
        for name, spec in self.markets.items():
            filters, linear = spec.filters, spec.kind is MarketKind.USD_M
            row: dict[str, Any] = {
                "instId": name,
                "instType": type_of(spec.kind),
                "tickSz": filters.price_tick,
                "lotSz": filters.quantity_step,
                "minSz": filters.quantity_min,
                "maxLmtSz": filters.quantity_max,
                "maxMktSz": "1000000",
                "lever": "10",
                "state": "live",
            }
            if spec.kind is MarketKind.SPOT:
                row |= {"baseCcy": "BTC", "quoteCcy": "USDT"}
            else:
                row |= {"uly": name.removesuffix("-SWAP"), "settleCcy": spec.margin_asset, "ctVal": spec.contract_size}
                row |= {"ctType": "linear" if linear else "inverse", "ctValCcy": "BTC" if linear else "USD"}
            rows.append(row)
        return [row for row in rows if row["instType"] == values["instType"]]

    def _tickers(self, account: Account | None, values: dict[str, Any]) -> Any:
        return [
            {
                "instType": type_of(price.kind),
                "instId": name,
                "last": price.last,
                "bidPx": price.bid,
                "askPx": price.ask,
                "ts": str(to_milliseconds(price.time)),
            }
            for name, price in self.prices.items()
            if type_of(price.kind) == values["instType"]
        ]

    def _mark(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices[values["instId"]]
        moment = str(to_milliseconds(price.time))
        return [{"instId": price.symbol, "instType": type_of(price.kind), "markPx": price.mark, "ts": moment}]

    def _candles(self, account: Account | None, values: dict[str, Any]) -> Any:
        """Candles that open after `before` and earlier than `after`, the latest first."""
        first = int(values["before"]) + 1 if "before" in values else None
        starts = candle_starts(first, int(values["limit"]), MINUTE)
        return [[str(start), *CANDLE, "1"] for start in reversed(starts) if start < int(values.get("after", 1 << 62))]

    def _order(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner, name = _signed(account), values["instId"]
        spec = self.markets.get(name)
        if spec is None:
            raise Refusal("51001", "Instrument ID does not exist.")
        for parameter, valid in {
            "clOrdId": re.fullmatch("[A-Za-z0-9]{1,32}", values["clOrdId"]),
            "tdMode": (values["tdMode"] == "cash") == (spec.kind is MarketKind.SPOT),
            "posSide": values.get("posSide", "net") == "net",
            "tgtCcy": values.get("tgtCcy", "quote_ccy") == "base_ccy" or spec.kind is not MarketKind.SPOT,
        }.items():
            if not valid:
                raise Refusal("51000", f"Parameter {parameter} error")
        is_market = values["ordType"] == "market"
        request = OrderRequest(
            client_order_id=values["clOrdId"],
            symbol=name,
            kind=spec.kind,
            side=Side(values["side"].upper()),
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            quantity=Decimal(values["sz"]),
            price=None if is_market else Decimal(values["px"]),
            time_in_force=None if is_market else TIMES[values["ordType"]],
            reduce_only=str(values.get("reduceOnly")).lower() == "true",
        )
        return [{"clOrdId": request.client_order_id, "ordId": self._placed(owner, request), "sCode": "0", "sMsg": ""}]

    def _placed(self, account: Account, request: OrderRequest) -> str:
        """Place an order; post-only orders that would take are accepted, and cancelled."""
        try:
            return str(self.place(account, request.symbol, request))
        except Rejected as refused:
            if refused.reason == "POST_ONLY_WOULD_TAKE":
                return str(self.stillborn(account, request))
            raise Refusal(*CODES.get(refused.reason, ("51000", f"Parameter error: {refused.message}"))) from refused

    def _find(self, account: Account, values: dict[str, Any]) -> tuple[int, Order] | None:
        found = account.find(number=values.get("ordId"), link=values.get("clOrdId"))
        return found if found and found[1].symbol == values["instId"] else None

    def _query(self, account: Account | None, values: dict[str, Any]) -> Any:
        found = self._find(_signed(account), values)
        if found is None:
            raise Refusal("51603", "Order does not exist")
        return [order_row(*found)]

    def _cancel(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        found = self._find(owner, values)
        if not self.cancel(owner, found) or found is None:
            raise Refusal("51400", "Cancellation failed as the order has been filled, canceled or does not exist.")
        return [{"ordId": str(found[0]), "clOrdId": found[1].client_order_id, "sCode": "0", "sMsg": ""}]

    def _pending(self, account: Account | None, values: dict[str, Any]) -> Any:
        rows = [order_row(number, order) for number, order in _signed(account).orders.items() if order.is_open]
        return page(rows, values, "after", lambda row: int(row["ordId"]))

    def _fills(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        rows = [fill_row(index, number, owner, trade) for index, (number, trade) in enumerate(owner.trades, 1)]
        begin, end = int(values.get("begin", 0)), int(values.get("end", 1 << 62))
        wanted = [
            row
            for row in rows
            if row["instId"] == values["instId"]
            and values.get("ordId", row["ordId"]) == row["ordId"]
            and begin <= int(row["ts"]) <= end
        ]
        return page(wanted, values, "after", lambda row: int(row["billId"]))

    def _balance(self, account: Account | None, values: dict[str, Any]) -> Any:
        ledger = _signed(account).ledger
        marks = {(price.kind, price.symbol): price.mark for price in self.prices.values() if price.mark}
        details = [
            {
                "ccy": asset,
                "eq": balance.total,
                "availEq": "",
                "availBal": ledger.available(asset, marks),  # type: ignore[arg-type]
                "frozenBal": balance.locked,
            }
            for asset, balance in ledger.balances.items()
        ]
        return [{"uTime": str(int(time.time() * 1000)), "details": details}]

    def _positions(self, account: Account | None, values: dict[str, Any]) -> Any:
        rows = []
        for held in _signed(account).ledger.positions.values():
            mark = self.prices[held.symbol].mark
            assert mark is not None
            side, size = side_of(held.position_side), held.quantity
            row = {"instId": held.symbol, "instType": "SWAP", "posSide": side, "markPx": mark}
            row |= {"pos": size if side == "net" else abs(size)}
            row |= {"avgPx": held.entry_price, "upl": held.unrealized(mark), "lever": str(held.leverage), "liqPx": ""}
            rows.append(row | {"mgnMode": "cross", "ccy": held.margin_asset, "imr": held.margin})
        return rows

    def _config(self, account: Account | None, values: dict[str, Any]) -> Any:
        return [{"uid": "1", "acctLv": "2", "posMode": "net_mode", "perm": _signed(account).permissions}]

    def _leverage(self, account: Account | None, values: dict[str, Any]) -> Any:
        _signed(account).ledger.leverages = {values["instId"]: int(values["lever"])}
        return [{"instId": values["instId"], "lever": values["lever"], "mgnMode": values["mgnMode"], "posSide": "net"}]


ROUTES: dict[str, Callable[[Okx, Account | None, dict[str, Any]], Any]] = {
    "GET /api/v5/public/instruments": Okx._instruments,
    "GET /api/v5/public/mark-price": Okx._mark,
    "GET /api/v5/market/tickers": Okx._tickers,
    "GET /api/v5/market/candles": Okx._candles,
    "POST /api/v5/trade/order": Okx._order,
    "GET /api/v5/trade/order": Okx._query,
    "POST /api/v5/trade/cancel-order": Okx._cancel,
    "GET /api/v5/trade/orders-pending": Okx._pending,
    "GET /api/v5/trade/fills-history": Okx._fills,
    "GET /api/v5/account/balance": Okx._balance,
    "GET /api/v5/account/positions": Okx._positions,
    "GET /api/v5/account/config": Okx._config,
    "POST /api/v5/account/set-leverage": Okx._leverage,
}


class OkxSimulator(ExchangeSimulator[Okx]):
    """OKX behind HTTP."""

    def __init__(self) -> None:
        super().__init__(Okx())


def _signed(account: Account | None) -> Account:
    assert account
    return account


def _told(data: Any, code: str = "0", message: str = "", status: int = 200) -> Reply:
    return Reply({"code": code, "msg": message, "data": data}, status)
