"""Numbers and times as Binance writes them (pure)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from copytrade.lib.wire import from_milliseconds

ZERO = Decimal(0)
# An answer says the same number several times, and so do the answers to orders that were copied from one.
REMEMBERED = 4096


def amount(value: Any) -> Decimal:
    """Return a number; raises `ValueError` where the value is none, or not finite."""
    return _number(str(value))


def optional(reply: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number that need not be there; what is missing or empty is None, never 0."""
    return _optional(str(reply.get(name)))


def positive(reply: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number where it is above zero: Binance writes 0 for "none" in prices."""
    return _positive(str(reply.get(name)))


@lru_cache(maxsize=REMEMBERED)
def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


@lru_cache(maxsize=REMEMBERED)
def _optional(text: str) -> Decimal | None:
    return None if text in {"", "None"} else _number(text)


@lru_cache(maxsize=REMEMBERED)
def _positive(text: str) -> Decimal | None:
    number = _optional(text)
    return number if number is not None and number > ZERO else None


def moment(value: Any) -> datetime:
    """Return the moment of milliseconds since the epoch."""
    return _moment(int(value))


# Orders that were sent together are answered in the same few milliseconds.
_moment = lru_cache(maxsize=REMEMBERED)(from_milliseconds)


def first_moment(reply: Mapping[str, Any], *names: str) -> datetime:
    """Return the first of the times that is set; raises `ValueError` where none is."""
    for name in names:
        if value := reply.get(name):
            return _moment(int(value))
    raise ValueError(f"none of {', '.join(names)} is set")
