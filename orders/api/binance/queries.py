"""The query parameters of the proxy's reads and cancels: Binance's names, and snake_case."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.api.paging import LIMIT_PARAMETER, OFFSET_PARAMETER
from copytrade.lib.structs import Problems
from markets.venues.vocabulary import MarketKind
from orders.proxy.parameters import SYMBOL_PATTERN, WHOLE_PATTERN, Family, kind_of

CLIENT_ID_PATTERN = r"^[.A-Z:/a-z0-9_-]{1,64}$"
ORDER_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
MARKET_TYPES = {
    Family.SPOT: (MarketKind.SPOT,),
    Family.FUTURES: (MarketKind.USD_M, MarketKind.COIN_M),
}
NAMES = {
    "symbol": ("symbol",),
    "orderId": ("orderId", "order_id"),
    "origClientOrderId": ("origClientOrderId", "orig_client_order_id", "clientOrderId", "client_order_id"),
    "account": ("account", "account_id"),
    "market_type": ("market_type", "marketType"),
}
PATTERNS = {
    "symbol": SYMBOL_PATTERN,
    "orderId": ORDER_ID_PATTERN,
    "origClientOrderId": CLIENT_ID_PATTERN,
    "account": WHOLE_PATTERN,
    "market_type": "",
}


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which order."""

    kind: MarketKind
    symbol: str
    venue_order_id: str
    client_order_id: str
    account_id: int | None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which orders."""

    kinds: tuple[MarketKind, ...]
    symbol: str | None
    account_id: int | None


def read_order_query(query: Mapping[str, str], family: Family) -> OrderQuery:
    """Read symbol and `orderId` or `origClientOrderId`; what is missing or wrong is one `InvalidInput`."""
    problems = Problems()
    found = {name: _read(query, name, family, problems) for name in NAMES}
    if found["symbol"] is None:
        problems.add("symbol", "is missing")
    if found["orderId"] is None and found["origClientOrderId"] is None:
        problems.add("orderId", "is missing: write it, or origClientOrderId")
    problems.refuse_if_any()
    return OrderQuery(
        kind=kind_of(family, found["market_type"]),
        symbol=found["symbol"] or "",
        venue_order_id=found["orderId"] or "",
        client_order_id=found["origClientOrderId"] or "",
        account_id=_whole(found["account"]),
    )


def read_list_query(query: Mapping[str, str], family: Family) -> ListQuery:
    """Read `symbol`, `market_type` and `account`, all of which may be absent."""
    problems = Problems()
    found = {name: _read(query, name, family, problems) for name in ("symbol", "account", "market_type")}
    problems.refuse_if_any()
    only = found["market_type"]
    kinds = (MarketKind(only),) if only else MARKET_TYPES[family]
    return ListQuery(kinds, found["symbol"], _whole(found["account"]))


def order_parameters(family: Family) -> list[OpenApiParameter]:
    """Return the description of what `read_order_query` reads."""
    return [
        _parameter("symbol", SYMBOL_PATTERN, "As Binance writes it.", required=True),
        _parameter("orderId", ORDER_ID_PATTERN, "Binance's id of the order; or `origClientOrderId`."),
        _parameter("origClientOrderId", CLIENT_ID_PATTERN, "The client order id that it was placed with."),
        *_common(family),
    ]


def list_parameters(family: Family) -> list[OpenApiParameter]:
    """Return the description of what `read_list_query` reads."""
    symbol = _parameter("symbol", SYMBOL_PATTERN, "Only this symbol.")
    return [symbol, *_common(family), LIMIT_PARAMETER, OFFSET_PARAMETER]


def _common(family: Family) -> list[OpenApiParameter]:
    account = _parameter("account", WHOLE_PATTERN, "The id of one of your accounts.")
    if family == Family.SPOT:
        return [account]
    words: Sequence[str] = [kind.value for kind in MARKET_TYPES[family]]
    kind = OpenApiParameter("market_type", {"type": "string", "enum": words}, description="Which futures.")
    return [account, kind]


def _parameter(name: str, pattern: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", "pattern": pattern}, description=description, required=required)


def _read(query: Mapping[str, str], name: str, family: Family, problems: Problems) -> str | None:
    given = {spelling: query[spelling] for spelling in NAMES[name] if spelling in query}
    if not given:
        return None
    if len(set(given.values())) > 1:
        problems.add(" and ".join(given), "say different things")
        return None
    spelling, text = next(iter(given.items()))
    words = [kind.value for kind in MARKET_TYPES[family]]
    if name == "market_type" and text not in words:
        problems.add(spelling, f"write one of {', '.join(words)}")
    elif not re.fullmatch(PATTERNS[name].removeprefix("^").removesuffix("$") or ".*", text, re.ASCII):
        problems.add(spelling, f"must match {PATTERNS[name]}")
    return text


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
