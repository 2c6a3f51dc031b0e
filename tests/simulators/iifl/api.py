"""XTS's calls: what comes in, checked and answered as documented. Answers are (HTTP status, body)."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import count
from secrets import token_hex
from typing import Any

from tests.simulators.iifl import rows
from tests.simulators.iifl.books import BAND, FREEZE, TICK, Client, Exchange, Instrument, Login, Order

Answer = tuple[int, dict[str, Any]]
MARKET_KEY, MARKET_SECRET = "market-data-key", "market-data-secret"
ALGO = "Market order Or Price 0 is not allowed for ALGO enabled orders"


class Refused(Exception):
    """An answer that refuses."""

    def __init__(self, code: str, description: str, *, status: int = 400, result: Any = None) -> None:
        super().__init__(description)
        self.answer: Answer = (
            status,
            {"type": "error", "code": code, "description": description, "result": result or {}},
        )


@dataclass(frozen=True, slots=True)
class Call:
    """A request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: str


def success(result: Any, code: str = "s-user-0001", description: str = "OK") -> Answer:
    """Return an answer with a result."""
    return 200, {"type": "success", "code": code, "description": description, "result": result}


class Api:
    """The calls of one server. `later` runs what the exchange does after `delay` seconds."""

    def __init__(self, exchange: Exchange, later: Callable[[float, Callable[[], None]], None]) -> None:
        self.exchange = exchange
        self.logins: dict[str, Login] = {}
        self.identifiers: Counter[str] = Counter()
        self.delay = 0.0
        self.book_delay = 0.0
        self.live_positions = True
        self.more: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._later = later
        self._market_token = ""
        self._numbers = count(2_190_766_863)
        self._calls: dict[tuple[str, str], Callable[[Call], Answer]] = {
            ("POST", "/interactive/user/session"): self._login,
            ("DELETE", "/interactive/user/session"): self._logout,
            ("GET", "/interactive/user/profile"): self._profile,
            ("GET", "/interactive/user/balance"): self._balance,
            ("POST", "/interactive/orders"): self._place,
            ("DELETE", "/interactive/orders"): self._cancel,
            ("GET", "/interactive/orders"): self._orders,
            ("GET", "/interactive/orders/dealerorderbook"): self._orders,
            ("GET", "/interactive/orders/trades"): self._trades,
            ("GET", "/interactive/orders/dealertradebook"): self._trades,
            ("GET", "/interactive/portfolio/positions"): self._positions,
            ("GET", "/interactive/portfolio/dealerpositions"): self._positions,
            ("POST", "/apimarketdata/auth/login"): self._market_login,
            ("POST", "/apimarketdata/instruments/master"): self._master,
            ("POST", "/apimarketdata/instruments/quotes"): self._quotes,
        }

    def answer(self, call: Call) -> Answer:
        """Carry out a call."""
        carry_out = self._calls.get((call.method, call.path))
        if carry_out is None:
            return 404, {"type": "error", "code": "e-url-0001", "description": "No such route", "result": {}}
        try:
            return carry_out(call)
        except Refused as refusal:
            return refusal.answer

    def of_token(self, token: str) -> Login:
        """Return who a token belongs to."""
        if not token:
            raise Refused("e-token-0002", "Please Provide token to Authenticate", status=401)
        login = next((each for each in self.logins.values() if each.token == token), None)
        if login is None:
            raise Refused("e-session-0002", "Invalid Token")
        return login

    def _login(self, call: Call) -> Answer:
        login = self.logins.get(str(call.body.get("appKey")))
        if login is None or login.secret != call.body.get("secretKey"):
            raise Refused("e-user-0001", "Invalid credentials")
        login.token = token_hex(24)  # and with that the one before is gone
        return success(
            {
                "token": login.token,
                "userID": login.user,
                "clientCodes": list(login.clients),
                "isInvestorClient": not login.dealer,
                "isOneTouchUser": False,
            },
            description="Valid User.",
        )

    def _logout(self, call: Call) -> Answer:
        self.of_token(call.token).token = ""
        return success("", description="successfully logout from all API.")

    def _profile(self, call: Call) -> Answer:
        client = self._client(call, call.query)
        return success({"ClientId": client.code, "ClientName": client.code, "ClientExchangeDetailsList": {}})

    def _balance(self, call: Call) -> Answer:
        return success(rows.balance_rows(self._client(call, call.query), self.exchange))

    def _place(self, call: Call) -> Answer:
        client, body = self._client(call, call.body), call.body
        instrument = self._instrument(body)
        quantity = self._whole(body, "orderQuantity")
        price, stop = self._amount(body, "limitPrice"), self._amount(body, "stopPrice")
        self._check(self.of_token(call.token), body, instrument, quantity, price, stop)
        order = Order(
            number=next(self._numbers),
            client=client,
            instrument=instrument,
            side=str(body["orderSide"]).upper(),
            type=str(body["orderType"]).upper(),
            product=str(body["productType"]),
            validity=str(body["timeInForce"]),
            quantity=quantity,
            price=price,
            stop=stop,
            identifier=str(body["orderUniqueIdentifier"])[:20],
            at=datetime.now(UTC),
            taken_at=time.monotonic(),
        )
        client.orders.append(order)
        self.identifiers[order.identifier] += 1
        self._soon(lambda: self.exchange.arrive(order))
        return self._acknowledged(order)

    def _cancel(self, call: Call) -> Answer:
        client = self._client(call, call.query)
        number = int(call.query.get("appOrderID", "0"))
        order = next((each for each in client.orders if each.number == number), None)
        if order is None:
            raise Refused("e-orders-0001", "Order not found")
        if not order.is_open:
            raise Refused("e-orders-0002", f"Order is already {order.status}")
        self._soon(lambda: self.exchange.change(order, "Cancelled") if order.is_open else None)
        return self._acknowledged(order)

    def _orders(self, call: Call) -> Answer:
        shown = [
            each
            for each in self._client(call, call.query).orders
            if time.monotonic() - each.taken_at >= self.book_delay
        ]
        if "appOrderID" in call.query:
            shown = [each for each in shown if each.number == int(call.query["appOrderID"])]
            if not shown:
                raise Refused("e-orders-0001", "Order not found")
        found = [*map(rows.order_row, shown), *self.more["orders"]]
        if not found:
            raise Refused("e-orders-0005", "Data Not Available")
        return success(found, description="Success order book")

    def _trades(self, call: Call) -> Answer:
        found = [*map(rows.trade_row, self._client(call, call.query).trades), *self.more["trades"]]
        if not found:
            raise Refused("e-tradebook-0005", "Data Not Available")
        return success(found, description="Success trade book")

    def _positions(self, call: Call) -> Answer:
        client = self._client(call, call.query)
        found = [
            rows.position_row(client, self.exchange.instruments[number], each, live=self.live_positions)
            for number, each in client.positions.items()
        ] + self.more["positions"]
        if not found:
            raise Refused("e-portfolio-0005", "Data Not Available")
        return success({"positionList": found} if self.live_positions else found)

    def _market_login(self, call: Call) -> Answer:
        if (call.body.get("appKey"), call.body.get("secretKey")) != (MARKET_KEY, MARKET_SECRET):
            raise Refused("e-user-0001", "Invalid credentials")
        self._market_token = token_hex(24)
        return success({"token": self._market_token, "userID": "MARKET"})

    def _master(self, call: Call) -> Answer:
        lines = [_line(each) for each in self.exchange.instruments.values()]
        bond = "NSECM|17999|8|RELIANCE|RELIANCE-N1|N1|RELIANCE-N1|1|1100|900|1|0.01|1|1|RELIANCE N1|INE002A07000|1|1"
        return success("\n".join([bond, *lines]))

    def _quotes(self, call: Call) -> Answer:
        if not self._market_token or call.token != self._market_token:
            raise Refused("e-session-0002", "Invalid Token")
        wanted = [int(each["exchangeInstrumentID"]) for each in call.body["instruments"]]
        found = [self.exchange.instruments[each] for each in wanted if each in self.exchange.instruments]
        return success(
            {"mdp": 1501, "quotesList": call.body["instruments"], "listQuotes": [_quote(each) for each in found]}
        )

    def _client(self, call: Call, named: Mapping[str, Any]) -> Client:
        login = self.of_token(call.token)
        if not login.dealer:
            return next(iter(login.clients.values()))
        code = str(named.get("clientID", ""))
        if code not in login.clients:
            raise Refused("e-user-0003", "clientID is required")
        return login.clients[code]

    def _instrument(self, body: Mapping[str, Any]) -> Instrument:
        instrument = self.exchange.instruments.get(int(body["exchangeInstrumentID"]))
        if instrument is None or body["exchangeSegment"] != "NSECM":
            raise Refused("e-instrument-0001", "Instrument not found")
        return instrument

    def _check(
        self,
        login: Login,
        body: Mapping[str, Any],
        instrument: Instrument,
        quantity: int,
        price: Decimal,
        stop: Decimal,
    ) -> None:
        if login.algo and not price:
            raise Refused("e-orders-0002", ALGO)
        if quantity > FREEZE:
            raise Refused("e-orders-0002", f"Order quantity is above the freeze quantity {FREEZE}")
        for each in filter(None, (price, stop)):
            if each % TICK:
                raise Refused("e-orders-0002", "Price is not a multiple of the tick size")
            if abs(each / instrument.base - 1) > BAND:
                raise Refused("e-orders-0002", "Price is outside the circuit limits of the day")
        buys = str(body["orderSide"]).upper() == "BUY"
        if stop and (instrument.last >= stop if buys else instrument.last <= stop):
            raise Refused("e-orders-0002", "Trigger price is on the wrong side of the last traded price")

    def _whole(self, body: Mapping[str, Any], name: str) -> int:
        number = self._amount(body, name)
        if number != int(number) or number <= 0:
            raise _malformed(name, "must be a whole number above 0")
        return int(number)

    def _amount(self, body: Mapping[str, Any], name: str) -> Decimal:
        try:
            return Decimal(str(body[name]))
        except (KeyError, InvalidOperation):
            raise _malformed(name, "must be a number") from None

    def _acknowledged(self, order: Order) -> Answer:
        result = {"AppOrderID": order.number, "OrderUniqueIdentifier": order.identifier, "ClientID": order.client.code}
        return success(result, "s-orders-0001", "Request sent")

    def _soon(self, what: Callable[[], None]) -> None:
        if self.delay:
            self._later(self.delay, what)
        else:
            what()


def _malformed(name: str, message: str) -> Refused:
    errors = [{"field": [name], "messages": [f'"{name}" {message}']}]
    return Refused("e-property-validation-failed", "Bad Request", result={"errors": errors})


def _line(each: Instrument) -> str:
    high, low = (each.base * (1 + BAND)).quantize(TICK), (each.base * (1 - BAND)).quantize(TICK)
    columns = ["NSECM", each.id, 8, each.symbol, f"{each.symbol}-EQ", "EQ", f"{each.symbol}-EQ", each.id, high, low]
    return "|".join(str(column) for column in [*columns, FREEZE, TICK, 1, 1, each.symbol, "INE000000000", 1, 1])


def _quote(each: Instrument) -> str:
    touch = {
        "LastTradedPrice": float(each.last),
        "BidInfo": {"Size": 1000, "Price": float(each.bid), "TotalOrders": 7},
        "AskInfo": {"Size": 1000, "Price": float(each.ask), "TotalOrders": 7},
    }
    quote = {"MessageCode": 1501, "ExchangeSegment": 1, "ExchangeInstrumentID": each.id, "Touchline": touch}
    return json.dumps(quote)
