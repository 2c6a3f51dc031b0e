"""A Kraken with the spot market of Bitcoin against dollars; see `tests.simulators.generic`."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from markets.venues.base import OrderRequest
from markets.venues.errors import Rejected
from markets.venues.paper.engine import Outcome
from markets.venues.paper.facts import Order
from markets.venues.paper.terms import Terms
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce
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
from tests.simulators.shapes.kraken import CODES, FAILURES, FEE, SHORT, order_id, order_row, trade_id, trade_rows, words

PAIR = "XXBTZUSD"
SPEC = bitcoin(
    PAIR, MarketKind.SPOT, quote="USD", quantity_step="0.00000001", quantity_min="0.00005", notional_min="0.5"
)
ASSETS = {"BTC": "XXBT", "USD": "ZUSD"}
PAGE = 50
CLIENT_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_.-]{1,18}")


class Kraken(Exchange):
    """Kraken itself: what each path answers. Fees are paid in dollars, whatever is received."""

    name = "kraken"
    creates = "/0/private/AddOrder"
    terms = Terms(slippage=Decimal(0), liquidity=None, maker_fee=Decimal(0), taker_fee=Decimal(0))
    ids_for_ever = False

    def __init__(self) -> None:
        super().__init__({PAIR: SPEC})

    def secret(self, number: int) -> str:
        """Return the secret of a new key: bytes, written in base 64."""
        return base64.b64encode(super().secret(number).encode()).decode()

    def permissions(self, *, withdraws: bool) -> Any:
        """Return the rights of a key that may trade, in Kraken's words."""
        reads = ["query-funds", "query-open-trades", "query-closed-trades"]
        return [*reads, "modify-trades", "close-trades", *(["withdraw-funds"] if withdraws else [])]

    def keep(self, account: Account, number: int, outcome: Outcome) -> None:
        """Store what became of an order, and take the fees."""
        ledger, trades = outcome.ledger.copy(), []
        for trade in outcome.trades:
            fee = (trade.quote_quantity * FEE).quantize(Decimal("0.00001"))
            ledger.add("USD", -fee)
            trades.append(replace(trade, fee=fee, fee_asset="USD"))
        super().keep(account, number, Outcome(ledger, outcome.order, tuple(trades)))

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        _, kind, name = asked.path.strip("/").split("/")
        handler = ROUTES.get(name)
        if handler is None:
            raise Refusal("EGeneral:Unknown method", "")
        return _told(handler(self, self._authenticated(asked) if kind == "private" else None, asked.values))

    def refused(self, refusal: Refusal) -> Reply:
        """Return how Kraken says no."""
        return Reply({"error": [refusal.code]})

    def failed(self, kind: str, seconds: float) -> Reply:
        """Return what Kraken says when something goes wrong."""
        if kind in {"limit", "banned"}:
            return Reply({"error": ["EGeneral:Too many requests"]}, 429, {"Retry-After": str(int(seconds))})
        return Reply({"error": [FAILURES[kind]]})

    def _authenticated(self, asked: Asked) -> Account:
        account = self.accounts.get(asked.headers.get("API-Key", ""))
        if account is None:
            raise Refusal("EAPI:Invalid key", "")
        number = dict(parse_qsl(asked.body))["nonce"]
        hashed = asked.path.encode() + hashlib.sha256((number + asked.body).encode()).digest()
        expected = hmac.new(base64.b64decode(account.secret), hashed, hashlib.sha512).digest()
        if not hmac.compare_digest(base64.b64encode(expected).decode(), asked.headers["API-Sign"]):
            raise Refusal("EAPI:Invalid signature", "")
        if int(number) <= account.number:
            raise Refusal("EAPI:Invalid nonce", "")
        account.number = int(number)
        return account

    def _pairs(self, account: Account | None, values: dict[str, Any]) -> Any:
        filters = SPEC.filters
        row = {
            "altname": SHORT,
            "wsname": "XBT/USD",
            "base": "XXBT",
            "quote": "ZUSD",
            "cost_decimals": 5,
            "pair_decimals": 1,
            "lot_decimals": 8,
            "fees": [[0, 0.26]],
            "fees_maker": [[0, 0.16]],
            "ordermin": filters.quantity_min,
            "costmin": filters.notional_min,
            "tick_size": filters.price_tick,
            "status": "online",
        }
        return {PAIR: row}

    def _assets(self, account: Account | None, values: dict[str, Any]) -> Any:
        names = {"XXBT": "XBT", "ZUSD": "USD"}
        return {name: {"aclass": "currency", "altname": short, "decimals": 10} for name, short in names.items()}

    def _ticker(self, account: Account | None, values: dict[str, Any]) -> Any:
        price = self.prices[PAIR]
        row = {"a": [price.ask, "1", "1"], "b": [price.bid, "1", "1"], "c": [price.last, "0.1"]}
        return {PAIR: row | {"v": ["1", "1"], "p": ["1", "1"], "t": [1, 1], "l": ["1", "1"], "h": ["1", "1"], "o": "1"}}

    def _candles(self, account: Account | None, values: dict[str, Any]) -> Any:
        """At most 720 candles after a moment, however many are wanted."""
        length, since = int(values["interval"]) * MINUTE, values.get("since")
        first = None if since is None else int(since) * 1000 + 1
        open_, high, low, close, volume, _ = CANDLE
        starts = candle_starts(first, 720, length)
        return {
            PAIR: [[start // 1000, open_, high, low, close, close, volume, 3] for start in starts],
            "last": starts[-1] // 1000,
        }

    def _add(self, account: Account | None, values: dict[str, Any]) -> Any:
        if values["pair"] not in {PAIR, SHORT}:
            raise Refusal("EQuery:Unknown asset pair", "")
        if not CLIENT_ID.fullmatch(values["cl_ord_id"]):
            raise Refusal("EGeneral:Invalid arguments:cl_ord_id", "")
        is_market, flags = values["ordertype"] == "market", values.get("oflags", "").split(",")
        waits = TimeInForce.GTX if "post" in flags else TimeInForce(values.get("timeinforce", "GTC"))
        request = OrderRequest(
            client_order_id=values["cl_ord_id"],
            symbol=PAIR,
            kind=MarketKind.SPOT,
            side=Side(values["type"].upper()),
            type=OrderType(values["ordertype"].upper()),
            quantity=Decimal(values["volume"]),
            price=None if is_market else Decimal(values["price"]),
            time_in_force=None if is_market else waits,
        )
        try:
            number = self.place(_signed(account), PAIR, request)
        except Rejected as refused:
            raise Refusal(CODES.get(refused.reason, "EGeneral:Invalid arguments"), refused.message) from refused
        return {"txid": [order_id(number)], "descr": {"order": words(_signed(account).orders[number])}}

    def _cancel(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        if not self.cancel(owner, self._find(owner, values)):
            raise Refusal("EOrder:Unknown order", "")
        return {"count": 1}

    def _find(self, account: Account, values: dict[str, Any]) -> tuple[int, Order] | None:
        numbers = (number for number in account.orders if order_id(number) == values.get("txid"))
        return account.find(number=str(next(numbers, "")), link=values.get("cl_ord_id"))

    def _query(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner = _signed(account)
        found = self._find(owner, values)
        if found is None:
            raise Refusal("EOrder:Invalid order", "")
        trades = [trade_id(found[0], trade) for trade in owner.trades_of(found[0])]
        return {order_id(found[0]): order_row(found[1]) | {"trades": trades}}

    def _open(self, account: Account | None, values: dict[str, Any]) -> Any:
        return {"open": self._rows(_signed(account), values, is_open=True)}

    def _closed(self, account: Account | None, values: dict[str, Any]) -> Any:
        rows = self._rows(_signed(account), values, is_open=False)
        return {"closed": dict(islice(rows.items(), PAGE)), "count": len(rows)}

    def _rows(self, account: Account, values: dict[str, Any], *, is_open: bool) -> dict[str, Any]:
        return {
            order_id(number): order_row(order)
            for number, order in reversed(account.orders.items())
            if order.is_open is is_open and values.get("cl_ord_id", order.client_order_id) == order.client_order_id
        }

    def _history(self, account: Account | None, values: dict[str, Any]) -> Any:
        """Trades after a second, the latest first, fifty at once."""
        owner, start, offset = _signed(account), int(values.get("start", 0)), int(values.get("ofs", 0))
        later = [(number, trade) for number, trade in reversed(owner.trades) if trade.time.timestamp() > start]
        return {"trades": trade_rows(owner, later[offset : offset + PAGE]), "count": len(later)}

    def _trades(self, account: Account | None, values: dict[str, Any]) -> Any:
        owner, wanted = _signed(account), values["txid"].split(",")
        if len(wanted) > 20:
            raise Refusal("EGeneral:Invalid arguments", "")
        return trade_rows(owner, [item for item in owner.trades if trade_id(*item) in wanted])

    def _balances(self, account: Account | None, values: dict[str, Any]) -> Any:
        return {
            ASSETS[asset]: {"balance": balance.total, "hold_trade": balance.locked}
            for asset, balance in _signed(account).ledger.balances.items()
        }

    def _key(self, account: Account | None, values: dict[str, Any]) -> Any:
        return {"api_key_name": "copies", "permissions": _signed(account).permissions, "nonce_window": "0"}


ROUTES: Mapping[str, Callable[[Kraken, Account | None, dict[str, Any]], Any]] = {
    "AssetPairs": Kraken._pairs,
    "Assets": Kraken._assets,
    "Ticker": Kraken._ticker,
    "OHLC": Kraken._candles,
    "AddOrder": Kraken._add,
    "CancelOrder": Kraken._cancel,
    "QueryOrders": Kraken._query,
    "OpenOrders": Kraken._open,
    "ClosedOrders": Kraken._closed,
    "TradesHistory": Kraken._history,
    "QueryTrades": Kraken._trades,
    "BalanceEx": Kraken._balances,
    "GetApiKeyInfo": Kraken._key,
}


class KrakenSimulator(ExchangeSimulator[Kraken]):
    """Kraken behind HTTP."""

    def __init__(self) -> None:
        super().__init__(Kraken())


def _signed(account: Account | None) -> Account:
    assert account
    return account


def _told(result: Any) -> Reply:
    return Reply({"error": [], "result": result})
