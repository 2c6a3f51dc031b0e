"""Which parameters the order proxy takes: Binance's names, ours, and what each may hold (pure).

The tables are the single source: bodies are read by them, and the schema is made of them. Binance's names and values
are those of `POST /api/v3/order`, `/fapi/v1/order`, `/fapi/v1/algoOrder` and their COIN-M twins.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from markets.venues.binance.capabilities import FUTURES_CLIENT_ORDER_ID, SPOT_CLIENT_ORDER_ID
from markets.venues.vocabulary import MarketKind, PositionSide, Side, WorkingType

AMOUNT_PATTERN = r"^[0-9]{1,30}(\.[0-9]{1,30})?$"
SYMBOL_PATTERN = r"^[^\s\x00-\x1f\x7f]{1,64}$"
WHOLE_PATTERN = r"^[0-9]{1,18}$"
LARGEST_WHOLE = 10**18 - 1
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Family(StrEnum):
    """Which routes: spot, or both kinds of futures."""

    SPOT = "spot"
    FUTURES = "futures"


class Form(StrEnum):
    """How a value is written."""

    TEXT = "text"
    CHOICE = "choice"
    AMOUNT = "amount"
    FLAG = "flag"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `name` is Binance's; `more_names` are accepted beside it and its snake_case."""

    name: str
    form: Form
    description: str
    pattern: str = ""
    choices: tuple[str, ...] = ()
    more_names: tuple[str, ...] = ()
    least: Decimal = Decimal(0)
    most: Decimal | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every accepted spelling, Binance's first."""
        return tuple(dict.fromkeys((self.name, snake_case(self.name), *self.more_names)))

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the value."""
        return {**_SCHEMAS[self.form](self), "description": self.description}


def snake_case(name: str) -> str:
    """Return `time_in_force` for `timeInForce`."""
    return _HUMP.sub("_", name).lower()


def _text_schema(parameter: Parameter) -> dict[str, Any]:
    return {"type": "string", "pattern": parameter.pattern}


def _choice_schema(parameter: Parameter) -> dict[str, Any]:
    return {"type": "string", "enum": list(parameter.choices)}


def _amount_schema(parameter: Parameter) -> dict[str, Any]:
    return {"type": ["string", "number"], "pattern": AMOUNT_PATTERN, "exclusiveMinimum": 0}


def _flag_schema(parameter: Parameter) -> dict[str, Any]:
    return {"enum": [True, False, *FLAGS]}


def _whole_schema(parameter: Parameter) -> dict[str, Any]:
    most = LARGEST_WHOLE if parameter.most is None else int(parameter.most)
    limits = {"minimum": int(parameter.least), "maximum": most}
    return {"type": ["integer", "string"], "pattern": WHOLE_PATTERN, **limits}


_SCHEMAS = {
    Form.TEXT: _text_schema,
    Form.CHOICE: _choice_schema,
    Form.AMOUNT: _amount_schema,
    Form.FLAG: _flag_schema,
    Form.WHOLE: _whole_schema,
}
FLAGS: Mapping[str, bool] = {"true": True, "false": False, "TRUE": True, "FALSE": False}

SYMBOL = Parameter("symbol", Form.TEXT, "As Binance writes it: BTCUSDT, BTCUSD_PERP.", SYMBOL_PATTERN)
SIDE = Parameter("side", Form.CHOICE, "Buy or sell.", choices=tuple(Side))
QUANTITY = Parameter("quantity", Form.AMOUNT, "How much: of the base asset; on COIN-M how many contracts.")
PRICE = Parameter("price", Form.AMOUNT, "The limit.")
STOP_PRICE = Parameter(
    "stopPrice",
    Form.AMOUNT,
    "What the price has to reach before the order trades.",
    more_names=("triggerPrice", "trigger_price"),
)
RECEIVE_WINDOW = Parameter(
    "recvWindow",
    Form.WHOLE,
    "Checked, and of no effect: the proxy signs with a window of its own.",
    least=Decimal(1),
    most=Decimal(60_000),
)
ACCOUNT = Parameter(
    "account",
    Form.WHOLE,
    "The id of one of your accounts; needed only where several of them could be meant.",
    more_names=("accountId", "account_id"),
    least=Decimal(1),
)
SELF_TRADE = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
SELF_TRADE_TEXT = "What happens where the order would meet one of your own."
RESPONSE_TEXT = "Checked, and of no effect: the proxy always asks for Binance's fullest answer."


def _type(choices: Iterable[str]) -> Parameter:
    return Parameter("type", Form.CHOICE, "How it trades.", choices=tuple(choices), more_names=TYPE_NAMES)


def _client_id(pattern: str, *more_names: str) -> Parameter:
    return Parameter(
        "newClientOrderId",
        Form.TEXT,
        "Your own id of the order; it also works as an idempotency key where the header is not sent.",
        f"^{pattern}$",
        more_names=("clientOrderId", "client_order_id", *more_names),
    )


def _market_type(kinds: Iterable[MarketKind], description: str) -> Parameter:
    return Parameter("marketType", Form.CHOICE, description, choices=tuple(kinds))


TYPE_NAMES = ("orderType", "order_type")
SPOT_TYPES = ("LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER")
FUTURES_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
PRICE_MATCHES = ("NONE", *(f"{queue}{depth}" for queue in ("OPPONENT", "QUEUE") for depth in ("", "_5", "_10", "_20")))

_SPOT = (
    SYMBOL,
    SIDE,
    _type(SPOT_TYPES),
    Parameter("timeInForce", Form.CHOICE, "How long it waits.", choices=("GTC", "IOC", "FOK")),
    QUANTITY,
    Parameter(
        "quoteOrderQty", Form.AMOUNT, "MARKET only, instead of quantity: how much of the quote asset to spend or get."
    ),
    PRICE,
    STOP_PRICE,
    Parameter("icebergQty", Form.AMOUNT, "How much of it the book shows; GTC orders with a price only."),
    _client_id(SPOT_CLIENT_ORDER_ID),
    Parameter("newOrderRespType", Form.CHOICE, RESPONSE_TEXT, choices=("ACK", "RESULT", "FULL")),
    Parameter("selfTradePreventionMode", Form.CHOICE, SELF_TRADE_TEXT, choices=(*SELF_TRADE, "DECREMENT")),
    Parameter("strategyId", Form.WHOLE, "A number of your own."),
    Parameter("strategyType", Form.WHOLE, "A number of your own.", least=Decimal(1_000_000)),
    _market_type((MarketKind.SPOT,), "Spot, on these routes."),
    ACCOUNT,
    RECEIVE_WINDOW,
)
_FUTURES = (
    SYMBOL,
    SIDE,
    _type(FUTURES_TYPES),
    _market_type((MarketKind.USD_M, MarketKind.COIN_M), "Which futures; usd_m where it is absent."),
    Parameter("positionSide", Form.CHOICE, "LONG or SHORT in hedge mode, else BOTH.", choices=tuple(PositionSide)),
    Parameter(
        "timeInForce",
        Form.CHOICE,
        "How long it waits; GTX is post-only, GTD ends at goodTillDate.",
        choices=("GTC", "IOC", "FOK", "GTX", "GTD"),
    ),
    QUANTITY,
    PRICE,
    Parameter("priceMatch", Form.CHOICE, "Instead of price: a place in the book.", choices=PRICE_MATCHES),
    STOP_PRICE,
    Parameter("reduceOnly", Form.FLAG, "Only makes a position smaller; not in hedge mode."),
    Parameter(
        "closePosition",
        Form.FLAG,
        "STOP_MARKET and TAKE_PROFIT_MARKET only, instead of quantity: closes the whole position.",
    ),
    Parameter(
        "workingType", Form.CHOICE, "Which price triggers it; CONTRACT_PRICE by default.", choices=tuple(WorkingType)
    ),
    Parameter("priceProtect", Form.FLAG, "Does not trigger while mark and contract price are far apart."),
    Parameter(
        "callbackRate",
        Form.AMOUNT,
        "TRAILING_STOP_MARKET only: percent from the best price, 0.1 to 10.",
        least=Decimal("0.1"),
        most=Decimal(10),
    ),
    Parameter(
        "activationPrice",
        Form.AMOUNT,
        "TRAILING_STOP_MARKET only: where it begins to follow the price.",
        more_names=("activatePrice", "activate_price"),
    ),
    Parameter(
        "goodTillDate",
        Form.WHOLE,
        "GTD only: when it ends, in milliseconds since 1970; more than ten minutes ahead.",
        most=Decimal(253_402_300_799_000),
    ),
    _client_id(FUTURES_CLIENT_ORDER_ID, "clientAlgoId", "client_algo_id"),
    Parameter("newOrderRespType", Form.CHOICE, RESPONSE_TEXT, choices=("ACK", "RESULT")),
    Parameter("selfTradePreventionMode", Form.CHOICE, SELF_TRADE_TEXT, choices=SELF_TRADE),
    ACCOUNT,
    RECEIVE_WINDOW,
)

PARAMETERS: Mapping[Family, Mapping[str, Parameter]] = {
    Family.SPOT: {parameter.name: parameter for parameter in _SPOT},
    Family.FUTURES: {parameter.name: parameter for parameter in _FUTURES},
}
# Which parameter a spelling means.
SPELLINGS: Mapping[Family, Mapping[str, Parameter]] = {
    family: {name: parameter for parameter in table.values() for name in parameter.names}
    for family, table in PARAMETERS.items()
}
MANDATORY = ("symbol", "side", "type")
# What Binance's own clients add to a request; the proxy does that itself, at the moment of sending.
SIGNING = frozenset({"timestamp", "signature", "apiKey", "api_key"})


def kind_of(family: Family, market_type: str | None) -> MarketKind:
    """Return the kind of market that routes and `market_type` name."""
    return MarketKind(market_type or (MarketKind.SPOT if family == Family.SPOT else MarketKind.USD_M))


def body_schema(family: Family) -> dict[str, Any]:
    """Return the JSON schema of an order's body: every spelling of every parameter, and no others."""
    table = PARAMETERS[family]
    properties = {name: parameter.schema() for parameter in table.values() for name in parameter.names}
    needed = [{"anyOf": [{"required": [name]} for name in table[key].names]} for key in MANDATORY]
    return {"type": "object", "properties": properties, "allOf": needed, "additionalProperties": False}
