"""Which endpoint of Binance does what, and what it costs (data)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto

from markets.venues.vocabulary import MarketKind


class Call(Enum):
    """What is asked of Binance."""

    TIME = auto()
    EXCHANGE_INFO = auto()
    CANDLES = auto()
    LAST_PRICES = auto()
    BOOK_PRICES = auto()
    MARK_PRICES = auto()
    OPEN_INTEREST = auto()
    OPEN_INTEREST_HISTORY = auto()
    PLACE = auto()
    QUERY = auto()
    CANCEL = auto()
    OPEN_ORDERS = auto()
    PLACE_CONDITIONAL = auto()
    QUERY_CONDITIONAL = auto()
    CANCEL_CONDITIONAL = auto()
    OPEN_CONDITIONAL = auto()
    TRADES = auto()
    ACCOUNT = auto()
    POSITIONS = auto()
    POSITION_MODE = auto()
    SET_LEVERAGE = auto()
    PERMISSIONS = auto()
    OWNER = auto()
    OPEN_STREAM = auto()
    KEEP_STREAM = auto()

    __hash__ = object.__hash__  # there is one of each; by its name would take ten times as long


PLACING = frozenset({Call.PLACE, Call.PLACE_CONDITIONAL})
# Calls after whose failure nobody knows what was done.
WRITING = PLACING | {Call.CANCEL, Call.CANCEL_CONDITIONAL, Call.SET_LEVERAGE}
# Calls that go first when the weight becomes scarce.
URGENT = WRITING | {Call.QUERY, Call.QUERY_CONDITIONAL, Call.TIME}
# Which answers are lists; some are for many symbols and objects for one. All others are objects.
LISTS = frozenset(
    {
        Call.CANDLES,
        Call.OPEN_ORDERS,
        Call.OPEN_CONDITIONAL,
        Call.TRADES,
        Call.POSITIONS,
        Call.OPEN_INTEREST_HISTORY,
    }
)
MAY_BE_LISTS = LISTS | {Call.LAST_PRICES, Call.BOOK_PRICES, Call.MARK_PRICES}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: the part of the API it is in, what it weighs, and in which pool that counts."""

    api: str
    method: str
    path: str
    weight: int = 1
    pool: str = ""


PERMISSIONS = Endpoint("sapi", "GET", "account/apiRestrictions")
OWNER = Endpoint("private", "GET", "account", 20)  # only the spot market tells whose a key is

SPOT: Mapping[Call, Endpoint] = {
    Call.TIME: Endpoint("public", "GET", "time"),
    Call.EXCHANGE_INFO: Endpoint("public", "GET", "exchangeInfo", 20),
    Call.CANDLES: Endpoint("public", "GET", "klines", 2),
    Call.LAST_PRICES: Endpoint("public", "GET", "ticker/price", 4),
    Call.BOOK_PRICES: Endpoint("public", "GET", "ticker/bookTicker", 4),
    Call.PLACE: Endpoint("private", "POST", "order"),
    Call.QUERY: Endpoint("private", "GET", "order", 4),
    Call.CANCEL: Endpoint("private", "DELETE", "order"),
    Call.OPEN_ORDERS: Endpoint("private", "GET", "openOrders", 80),
    Call.TRADES: Endpoint("private", "GET", "myTrades", 20),
    Call.ACCOUNT: Endpoint("private", "GET", "account", 20),
    Call.PERMISSIONS: PERMISSIONS,
    Call.OWNER: OWNER,
}


def _futures(prefix: str, *, account: str, mark_weight: int) -> Mapping[Call, Endpoint]:
    public, private = f"{prefix}Public", f"{prefix}Private"
    return {
        Call.TIME: Endpoint(public, "GET", "time"),
        Call.EXCHANGE_INFO: Endpoint(public, "GET", "exchangeInfo"),
        Call.CANDLES: Endpoint(public, "GET", "klines", 10),
        Call.LAST_PRICES: Endpoint(public, "GET", "ticker/price", 2),
        Call.BOOK_PRICES: Endpoint(public, "GET", "ticker/bookTicker", 5),
        Call.MARK_PRICES: Endpoint(public, "GET", "premiumIndex", mark_weight),
        Call.OPEN_INTEREST: Endpoint(public, "GET", "openInterest"),
        Call.OPEN_INTEREST_HISTORY: Endpoint(f"{prefix}Data", "GET", "openInterestHist", pool="data"),
        Call.PLACE: Endpoint(private, "POST", "order", 0),
        Call.QUERY: Endpoint(private, "GET", "order"),
        Call.CANCEL: Endpoint(private, "DELETE", "order"),
        Call.OPEN_ORDERS: Endpoint(private, "GET", "openOrders", 40),
        Call.PLACE_CONDITIONAL: Endpoint(private, "POST", "algoOrder"),
        Call.QUERY_CONDITIONAL: Endpoint(private, "GET", "algoOrder"),
        Call.CANCEL_CONDITIONAL: Endpoint(private, "DELETE", "algoOrder"),
        Call.OPEN_CONDITIONAL: Endpoint(private, "GET", "openAlgoOrders", 40),
        Call.TRADES: Endpoint(private, "GET", "userTrades", 5),
        Call.ACCOUNT: Endpoint(account, "GET", "account", 5),
        Call.POSITIONS: Endpoint(account, "GET", "positionRisk", 5),
        Call.POSITION_MODE: Endpoint(private, "GET", "positionSide/dual", 30),
        Call.SET_LEVERAGE: Endpoint(private, "POST", "leverage"),
        Call.OPEN_STREAM: Endpoint(private, "POST", "listenKey"),
        Call.KEEP_STREAM: Endpoint(private, "PUT", "listenKey"),
        Call.PERMISSIONS: replace(PERMISSIONS, pool="spot"),
        Call.OWNER: replace(OWNER, pool="spot"),
    }


ENDPOINTS: Mapping[MarketKind, Mapping[Call, Endpoint]] = {
    MarketKind.SPOT: SPOT,
    MarketKind.USD_M: _futures("fapi", account="fapiPrivateV3", mark_weight=10),
    MarketKind.COIN_M: _futures("dapi", account="dapiPrivate", mark_weight=10),
}
