"""What has to be known of an exchange beside what ccxt knows (data).

Sources: ccxt 4.5.90 and the exchanges' API documents. An exchange that is not listed here gets what is safe anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from markets.venues.errors import RejectReason
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


EVERYTHING = (Scope(),)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. `order_scopes` and `position_scopes` are the lists that together hold all of an account.

    `id_parameter` names the client order id in lookups. `request_lifetime`: see `Capabilities`; exchanges without such
    a bound get one that no request outlives. `reasons` tell refusals apart by the exchange's own codes.
    """

    kinds: frozenset[MarketKind] = frozenset({SPOT})
    times_in_force: frozenset[TimeInForce] = COMMON_TIMES
    client_order_id: str = r"[A-Za-z0-9]{1,32}"
    lookup: Lookup = Lookup.LISTS
    id_parameter: str = "clientOrderId"
    order_scopes: tuple[Scope, ...] = EVERYTHING
    position_scopes: tuple[Scope, ...] = EVERYTHING
    options: Mapping[str, Any] = field(default_factory=dict)
    request_lifetime: timedelta = timedelta(seconds=60)
    # Past trades are asked for in stretches of this length, where the exchange has a limit.
    longest_stretch: timedelta | None = None
    pages: bool = False
    reasons: Mapping[str, RejectReason] = field(default_factory=dict)


BYBIT_LINEAR = tuple(
    Scope({"type": "swap", "subType": "linear", "settleCoin": coin}, USD_M) for coin in ("USDT", "USDC")
)
BYBIT = Exchange(
    kinds=frozenset({SPOT, USD_M}),
    client_order_id=r"[A-Za-z0-9_-]{1,36}",
    lookup=Lookup.FILTERED_LISTS,
    id_parameter="orderLinkId",
    order_scopes=(Scope({"type": "spot"}, SPOT), *BYBIT_LINEAR),
    position_scopes=BYBIT_LINEAR,
    # All accounts are unified ones by now; ccxt would ask each account twice to learn that.
    options={
        "enableUnifiedMargin": False,
        "enableUnifiedAccount": True,
        "unifiedMarginStatus": 6,
        "fetchMarkets": {"types": ["spot", "linear"]},
    },
    request_lifetime=timedelta(seconds=5),
    longest_stretch=timedelta(days=7),
    pages=True,
    reasons={
        "110003": RejectReason.PRICE_BAND,
        "110009": RejectReason.TOO_MANY_OPEN_ORDERS,
        "110017": RejectReason.REDUCE_ONLY_REFUSED,
        "110020": RejectReason.TOO_MANY_OPEN_ORDERS,
        "110023": RejectReason.ONLY_REDUCING,
        "110043": RejectReason.UNCHANGED,
        "110094": RejectReason.MIN_NOTIONAL,
        "170121": RejectReason.UNKNOWN_SYMBOL,
        "170124": RejectReason.LOT_SIZE,
        "170132": RejectReason.PRICE_BAND,
        "170133": RejectReason.PRICE_FILTER,
        "170134": RejectReason.PRICE_FILTER,
        "170135": RejectReason.LOT_SIZE,
        "170136": RejectReason.LOT_SIZE,
        "170137": RejectReason.LOT_SIZE,
        "170140": RejectReason.MIN_NOTIONAL,
        "170151": RejectReason.MARKET_CLOSED,
        "170193": RejectReason.PRICE_BAND,
        "170194": RejectReason.PRICE_BAND,
        "170218": RejectReason.POST_ONLY_WOULD_TAKE,
    },
)
OKX = Exchange(
    kinds=frozenset({SPOT, USD_M, COIN_M}),
    lookup=Lookup.ORDER,
    options={"fetchMarkets": {"types": ["spot", "swap", "future"]}},
    reasons={
        "51000": RejectReason.BAD_PARAMETERS,
        "51001": RejectReason.UNKNOWN_SYMBOL,
        "51006": RejectReason.PRICE_BAND,
        "51020": RejectReason.LOT_SIZE,
        "51121": RejectReason.LOT_SIZE,
        "51169": RejectReason.REDUCE_ONLY_REFUSED,
    },
)
# Market buyers on its spot market name what they spend, not what they get; so only contracts are offered.
BITGET = Exchange(
    kinds=frozenset({USD_M}),
    client_order_id=r"[A-Za-z0-9_-]{1,36}",
    lookup=Lookup.ORDER,
    order_scopes=(Scope({"type": "swap", "productType": "USDT-FUTURES"}, USD_M),),
    position_scopes=(Scope({"productType": "USDT-FUTURES"}, USD_M),),
    # Classic accounts: ccxt would take an account for a classic one whenever its question about that failed.
    options={"defaultType": "swap", "uta": False},
)
# Its client order ids are UUIDs, with or without dashes, or up to 18 characters.
KRAKEN = Exchange(
    times_in_force=COMMON_TIMES - {TimeInForce.FOK},
    client_order_id=r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_.-]{1,18}",
    lookup=Lookup.FILTERED_LISTS,
)

EXCHANGES: Mapping[str, Exchange] = {"bybit": BYBIT, "okx": OKX, "bitget": BITGET, "kraken": KRAKEN}


def exchange_facts(slug: str) -> Exchange:
    """Return what is known of an exchange."""
    return EXCHANGES.get(slug, Exchange())
