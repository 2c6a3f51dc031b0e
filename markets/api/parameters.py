"""Query parameters of this app: read, checked, and described."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.errors import InvalidInput
from copytrade.lib.wire import from_milliseconds
from markets.intervals import INTERVALS
from markets.selectors.candles import Span
from markets.selectors.markets import MarketFilter
from markets.venues.vocabulary import MarketKind
from markets.wanted import VENUES

Query = Mapping[str, str]

VENUE = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
TASK_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
KINDS = [kind.value for kind in MarketKind]
TYPES = [kind.value for kind in VENUES]
CONTRACTS = [MarketKind.USD_M.value, MarketKind.COIN_M.value]
PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
MOST_CANDLES, DEFAULT_CANDLES = 1500, 500
MOST_HISTORY, DEFAULT_HISTORY = 500, 30
LATEST_MS = 4_102_444_800_000  # 2100-01-01

SYMBOL_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 64}
MILLISECONDS = {"type": "integer", "minimum": 0, "maximum": LATEST_MS}

LIST_PARAMETERS = [
    OpenApiParameter("venue", {"type": "string", "pattern": "^[a-z0-9_]{1,32}$"}, description="Only this venue."),
    OpenApiParameter("kind", str, enum=KINDS, description="Only markets of this kind."),
    OpenApiParameter("quote", {"type": "string", "maxLength": 32}, description="Only markets with this quote asset."),
    OpenApiParameter("q", {"type": "string", "maxLength": 64}, description="A part of the symbol, in any case."),
]
SYMBOL = OpenApiParameter(
    "symbol", SYMBOL_SCHEMA, required=True, description="Such as BTCUSDT; among COIN-M markets it means BTCUSD_PERP."
)
ANY_TYPE = OpenApiParameter(
    "market_type", str, enum=TYPES, default="usd_m", description="Which market; `marketType` is understood as well."
)
CONTRACT_TYPE = OpenApiParameter(
    "market_type", str, enum=CONTRACTS, default="usd_m", description="Which market; `marketType` is understood as well."
)
INTERVAL = OpenApiParameter("interval", str, enum=list(INTERVALS), required=True, description="How long a candle is.")
PERIOD = OpenApiParameter("period", str, enum=list(PERIODS), required=True, description="How far apart the rows are.")
START = OpenApiParameter("startTime", MILLISECONDS, description="From when on, in milliseconds since the epoch.")
END = OpenApiParameter("endTime", MILLISECONDS, description="Until when, in milliseconds since the epoch.")
TASK = OpenApiParameter(
    "task_id",
    {"type": "string", "pattern": f"^{TASK_ID.pattern}$"},
    description="Also tell what became of this task of `POST /api/admin/sync/now`.",
)


def limit_parameter(default: int, most: int) -> OpenApiParameter:
    """Return the parameter `limit` with its bounds."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return OpenApiParameter("limit", schema, description="How many rows at most.")


def read_filter(query: Query, *, trading_only: bool) -> MarketFilter:
    """Read the filters of a list of markets."""
    venue = query.get("venue", "")
    if "venue" in query and not VENUE.fullmatch(venue):
        raise _wrong("venue", "write a venue such as binance")
    return MarketFilter(
        venue=venue,
        kind=_choice(query, "kind", KINDS) if "kind" in query else "",
        quote=_text(query, "quote", 32).upper(),
        search=_text(query, "q", 64),
        trading_only=trading_only,
    )


def read_symbol(query: Query) -> str:
    """Read the symbol, which has to be there."""
    if not query.get("symbol"):
        raise _wrong("symbol", "is missing")
    return _text(query, "symbol", 64)


def read_kind(query: Query, choices: Sequence[str] = TYPES) -> MarketKind:
    """Read the market type, `usd_m` where it is absent."""
    name = "market_type" if "market_type" in query or "marketType" not in query else "marketType"
    return MarketKind(_choice(query, name, choices, default=MarketKind.USD_M.value))


def read_interval(query: Query) -> str:
    """Read the interval, which has to be there."""
    return _choice(query, "interval", INTERVALS)


def read_period(query: Query) -> str:
    """Read the period, which has to be there."""
    return _choice(query, "period", PERIODS)


def read_span(query: Query, *, default: int, most: int) -> Span:
    """Read `limit`, `startTime` and `endTime`."""
    start, end = _moment(query, "startTime"), _moment(query, "endTime")
    if start is not None and end is not None and end < start:
        raise _wrong("endTime", "must not be before startTime")
    return Span(_number(query, "limit", 1, most, default), start, end)


def read_task_id(query: Query) -> str | None:
    """Read the id of a task, None where it is absent."""
    text = query.get("task_id")
    if text is not None and not TASK_ID.fullmatch(text):
        raise _wrong("task_id", "is not the id of a task")
    return text


def _moment(query: Query, name: str) -> datetime | None:
    return from_milliseconds(_number(query, name, 0, LATEST_MS, 0)) if name in query else None


def _number(query: Query, name: str, least: int, most: int, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not least <= number <= most:
        raise _wrong(name, f"write a whole number from {least} to {most}")
    return number


def _choice(query: Query, name: str, choices: Sequence[str], *, default: str = "") -> str:
    text = query.get(name, default)
    if text not in choices:
        raise _wrong(name, f"write one of {', '.join(choices)}" if name in query else "is missing")
    return text


def _text(query: Query, name: str, longest: int) -> str:
    text = query.get(name, "")
    if "\0" in text or len(text) > longest:
        raise _wrong(name, f"is not a text of at most {longest} characters")
    return text


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput([{"path": name, "message": message}])
