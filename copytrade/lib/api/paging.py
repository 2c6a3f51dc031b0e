"""Paging by `limit` and `offset`, or by an opaque cursor for lists that grow without bound."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from drf_spectacular.utils import OpenApiParameter

from copytrade.lib.errors import InvalidInput

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 500
LARGEST_OFFSET = 2**31 - 1
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2300, 1, 1, tzinfo=UTC)

LIMIT_PARAMETER = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
    description="How many rows at most.",
)
OFFSET_PARAMETER = OpenApiParameter(
    "offset",
    {"type": "integer", "minimum": 0, "maximum": LARGEST_OFFSET, "default": 0},
    description="How many rows to leave out at the start.",
)
CURSOR_PARAMETER = OpenApiParameter(
    "cursor",
    {"type": "string", "pattern": "^[A-Za-z0-9_-]{32,80}$"},
    description="The `next_cursor` of the answer before; instead of `offset`.",
)


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    offset: int


@dataclass(frozen=True)
class Cursor:
    """A place in a list that is ordered by time and id, both descending."""

    time: datetime
    id: int

    def encode(self) -> str:
        """Return the text that clients hand back."""
        text = f"{self.time.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_page(query: Mapping[str, str]) -> Page:
    """Read `limit` (1 to 500) and `offset` of a query; wrong ones are `InvalidInput`."""
    return Page(read_limit(query), _whole_number(query, "offset", 0, least=0, most=LARGEST_OFFSET))


def read_limit(query: Mapping[str, str]) -> int:
    """Read `limit`: a whole number from 1 to 500, 50 where it is absent."""
    return _whole_number(query, "limit", DEFAULT_LIMIT, least=1, most=LARGEST_LIMIT)


def read_cursor(query: Mapping[str, str]) -> Cursor | None:
    """Read the `cursor` that an earlier answer gave as `next_cursor`."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        time, _, number = base64.urlsafe_b64decode(padded.encode("ascii")).decode().partition("|")
        cursor = Cursor(datetime.fromisoformat(time), int(number))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise InvalidInput([{"path": "cursor", "message": "is not a cursor of an earlier answer"}]) from error
    if cursor.time.tzinfo is None or not EARLIEST <= cursor.time <= LATEST or not 0 <= cursor.id < 2**63:
        raise InvalidInput([{"path": "cursor", "message": "is not a cursor of an earlier answer"}])
    return cursor


def _whole_number(query: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if not least <= number <= most:
        raise InvalidInput([{"path": name, "message": f"write a whole number from {least} to {most}"}])
    return number
