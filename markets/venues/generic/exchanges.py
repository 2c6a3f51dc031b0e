"""What has to be known of an exchange beside what ccxt knows (data).

Sources: ccxt 4.5.90 and the exchanges' API documents. An exchange that is not listed here gets what is safe anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from markets.venues.budget_rules import Span
from markets.venues.generic.codes import BITGET_CODES, BYBIT_CODES, KRAKEN_CODES, OKX_CODES, Meaning
from markets.venues.vocabulary import MarketKind, TimeInForce

SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
COMMON_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX})


class Lookup(Enum):
    """How an order is found by its client order id."""

    ORDER = auto()  # the exchange answers for one order by that id
    FILTERED_LISTS = auto()  # the lists of open and of past orders take the id as a filter
    LISTS = auto()  # the lists are read and searched


@dataclass(frozen=True, slots=True)
class Scope:
    """The parameters of one list. `kind` is what is in it, where that has to be said: symbols do not tell it."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    kind: MarketKind | None = None


@dataclass(frozen=True, slots=True)
class Pages:
    """How a list goes on: `parameter` takes `field` of the oldest row, without a field the number of rows so far.

    `size`: a page with fewer rows is the last one. `filtered`: whether the exchange itself leaves out other markets;
    where it does not, pages are read whole, since ccxt would make them shorter.
    """

    parameter: str
    field: str = ""
    size: int = 100
    filtered: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What an exchange counts. `per_minute`: requests of one address (None: what ccxt says).

    `of_account`: questions of one account, which hold up none of its orders. `signed_weight` is 0 where requests of
    accounts do not count for the address.
    """

    per_minute: int | None = None
    of_account: Span | None = None
    signed_weight: int = 1


EVERYTHING = (Scope(),)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. `order_scopes` and `position_scopes` are the lists that together hold all of an account.

    `id_parameter` names the client order id in lookups, `order_parameter` an order's own id in the lists of trades and
    orders; `finds_by_own_id`: whether the exchange answers for one order by that, where it does not by ours.
    `margin_assets`: contracts in others are not offered, for the lists do not hold them. `request_lifetime`: see
    `Capabilities`; exchanges without such a bound get one that no request outlives. `numbered`: each request of a key
    needs a higher number than the one before.
    """

    kinds: frozenset[MarketKind] = frozenset({SPOT})
    times_in_force: frozenset[TimeInForce] = COMMON_TIMES
    client_order_id: str = r"[A-Za-z0-9]{1,32}"
    lookup: Lookup = Lookup.LISTS
    id_parameter: str = "clientOrderId"
    order_parameter: str = ""
    finds_by_own_id: bool = False
    order_scopes: tuple[Scope, ...] = EVERYTHING
    position_scopes: tuple[Scope, ...] = EVERYTHING
    margin_assets: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)
    request_lifetime: timedelta = timedelta(seconds=60)
    # Past trades are asked for in stretches of this length, where the exchange has a limit.
    longest_stretch: timedelta | None = None
    order_pages: Pages | None = None
    position_pages: Pages | None = None
    trade_pages: Pages | None = None
    numbered: bool = False
    limits: Limits = Limits()
    codes: Mapping[str, Meaning] = field(default_factory=dict)


BYBIT_PAGES = Pages("cursor", "nextPageCursor", size=1)
BYBIT_LINEAR = tuple(
    Scope({"type": "swap", "subType": "linear", "settleCoin": coin}, USD_M) for coin in ("USDT", "USDC")
)
BYBIT = Exchange(
    kinds=frozenset({SPOT, USD_M}),
    client_order_id=r"[A-Za-z0-9_-]{1,36}",
    lookup=Lookup.FILTERED_LISTS,
    id_parameter="orderLinkId",
    order_parameter="orderId",
    order_scopes=(Scope({"type": "spot"}, SPOT), *BYBIT_LINEAR),
    position_scopes=BYBIT_LINEAR,
    margin_assets=frozenset({"USDT", "USDC"}),
    # All accounts are unified ones by now; ccxt would ask each account twice to learn that.
    options={
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
        "unifiedMarginStatus": 6,
        "fetchMarkets": {"types": ["spot", "linear"]},
    },
    request_lifetime=timedelta(seconds=5),
    longest_stretch=timedelta(days=7),
    order_pages=BYBIT_PAGES,
    position_pages=BYBIT_PAGES,
    trade_pages=BYBIT_PAGES,
    codes=BYBIT_CODES,
)
OKX = Exchange(
    kinds=frozenset({SPOT, USD_M, COIN_M}),
    lookup=Lookup.ORDER,
    order_parameter="ordId",
    # ccxt would send each order as a batch of one.
    options={"fetchMarkets": {"types": ["spot", "swap", "future"]}, "createOrder": "privatePostTradeOrder"},
    order_pages=Pages("after", "ordId"),
    trade_pages=Pages("after", "billId"),
    limits=Limits(of_account=Span(timedelta(seconds=2), 60), signed_weight=0),
    codes=OKX_CODES,
)
# Market buyers on its spot market name what they spend, not what they get; so only contracts are offered.
BITGET = Exchange(
    kinds=frozenset({USD_M}),
    client_order_id=r"[A-Za-z0-9_-]{1,36}",
    lookup=Lookup.ORDER,
    order_parameter="orderId",
    order_scopes=(Scope({"type": "swap", "productType": "USDT-FUTURES"}, USD_M),),
    position_scopes=(Scope({"productType": "USDT-FUTURES"}, USD_M),),
    margin_assets=frozenset({"USDT"}),
    # Classic accounts: ccxt would take an account for a classic one whenever its question about that failed.
    options={"defaultType": "swap", "uta": False, "fetchMarkets": {"types": ["swap"]}},
    longest_stretch=timedelta(days=7),
    order_pages=Pages("idLessThan", "orderId"),
    trade_pages=Pages("idLessThan", "tradeId"),
    limits=Limits(per_minute=6000, of_account=Span(timedelta(seconds=1), 15)),
    codes=BITGET_CODES,
)
# Its client order ids are UUIDs, with or without dashes, or up to 18 characters.
KRAKEN = Exchange(
    times_in_force=COMMON_TIMES - {TimeInForce.FOK},
    client_order_id=r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_.-]{1,18}",
    lookup=Lookup.FILTERED_LISTS,
    finds_by_own_id=True,
    trade_pages=Pages("ofs", size=50, filtered=False),
    numbered=True,
    limits=Limits(of_account=Span(timedelta(minutes=1), 60), signed_weight=0),
    codes=KRAKEN_CODES,
)

EXCHANGES: Mapping[str, Exchange] = {"bybit": BYBIT, "okx": OKX, "bitget": BITGET, "kraken": KRAKEN}


def exchange_facts(slug: str) -> Exchange:
    """Return what is known of an exchange."""
    return EXCHANGES.get(slug, Exchange())
