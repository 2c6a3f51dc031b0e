"""Query parameters, and the envelopes of the answers."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.errors import InvalidInput
from traders.models import ScoreWindow
from traders.models.facts import EventKind
from traders.shapes import (
    FeedItem,
    OpenPosition,
    PositionChange,
    RankedTrader,
    SymbolTotals,
    Time,
    TraderInfo,
)

PLATFORM_PATTERN = "^[a-z0-9_-]{1,32}$"
PLATFORM = re.compile(PLATFORM_PATTERN.removesuffix("$"), re.ASCII)
DEFAULT_PLATFORM = "binance"
RANGES = {f"{window}d": window for window in ScoreWindow.values}


class PageMeta(msgspec.Struct):
    """Which part of how many."""

    total: int
    limit: int
    offset: int


class CursorMeta(msgspec.Struct):
    """Where the next page begins; null on the last one."""

    next_cursor: str | None
    limit: int


class PositionsMeta(msgspec.Struct, rename="camel"):
    """How old a list of positions is. Where `positionsVisible` is false, the leader hides positions."""

    lead_id: str
    position_count: int
    fetched_at: Time | None
    stale: bool
    positions_visible: bool


class SymbolsAnswer(msgspec.Struct):
    """Totals by symbol."""

    success: Literal[True]
    data: list[SymbolTotals]
    meta: PageMeta


class FeedAnswer(msgspec.Struct):
    """Fills, newest first."""

    success: Literal[True]
    data: list[FeedItem]
    meta: CursorMeta


class RankingAnswer(msgspec.Struct):
    """Leaders, best first."""

    success: Literal[True]
    data: list[RankedTrader]
    meta: PageMeta


class TraderAnswer(msgspec.Struct):
    """A leader."""

    success: Literal[True]
    data: TraderInfo


class PositionsAnswer(msgspec.Struct):
    """What a leader holds."""

    success: Literal[True]
    data: list[OpenPosition]
    meta: PositionsMeta


class HistoryAnswer(msgspec.Struct):
    """How a leader's positions changed, newest first."""

    success: Literal[True]
    data: list[PositionChange]
    meta: CursorMeta


def read_platform(query: Mapping[str, str], default: str = DEFAULT_PLATFORM) -> str:
    """Read `platform`, the default where it is absent."""
    platform = query.get("platform", default)
    if not PLATFORM.fullmatch(platform):
        raise InvalidInput([{"path": "platform", "message": "write a platform such as binance"}])
    return platform


def read_window(query: Mapping[str, str]) -> int:
    """Read `range` as a number of days."""
    text = query.get("range", "30d")
    if text not in RANGES:
        raise InvalidInput([{"path": "range", "message": f"write one of {', '.join(RANGES)}"}])
    return RANGES[text]


def read_symbol(query: Mapping[str, str]) -> str:
    """Read the filter `symbol`, empty where it is absent."""
    symbol = query.get("symbol", "").upper()
    if "\0" in symbol or len(symbol) > 64:
        raise InvalidInput([{"path": "symbol", "message": "is not a symbol"}])
    return symbol


def read_kind(query: Mapping[str, str]) -> str:
    """Read the filter `eventType`, empty where it is absent."""
    kind = query.get("eventType", "")
    if kind and kind not in EventKind.values:
        raise InvalidInput([{"path": "eventType", "message": f"write one of {', '.join(EventKind.values)}"}])
    return kind


PLATFORM_PARAMETER = OpenApiParameter(
    "platform",
    {"type": "string", "pattern": PLATFORM_PATTERN, "default": DEFAULT_PLATFORM},
    description="Where the leader trades.",
)
RANGE_PARAMETER = OpenApiParameter(
    "range", str, enum=list(RANGES), default="30d", description="How far the ranking looks back."
)
SYMBOL_PARAMETER = OpenApiParameter("symbol", {"type": "string", "maxLength": 64}, description="Only this symbol.")
KIND_PARAMETER = OpenApiParameter("eventType", str, enum=list(EventKind.values), description="Only fills of this kind.")
