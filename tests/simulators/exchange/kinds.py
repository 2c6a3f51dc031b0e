"""Words and numbers that every part of the simulator shares."""

import time
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import cache, lru_cache

ZERO = Decimal(0)
COIN = Decimal("0.00000001")  # the smallest amount that Binance books


class Market(StrEnum):
    """One of the three venues behind one API key."""

    SPOT = "spot"
    USD_M = "usd_m"
    COIN_M = "coin_m"


SPOT, COIN_M = Market.SPOT, Market.COIN_M  # to read them from the enumeration takes four times as long
FUTURES = (Market.USD_M, Market.COIN_M)


class Clock:
    """The server's time in milliseconds since 1970; it may be put wrong on purpose."""

    def __init__(self) -> None:
        self.offset = 0

    def ms(self) -> int:
        """Return the time of the server."""
        return time.time_ns() // 1_000_000 + self.offset


@cache
def unit(places: int) -> Decimal:
    """Return one unit of the last of so many decimal places."""
    return Decimal(1).scaleb(-places)


@lru_cache(maxsize=10_000)  # most amounts of a fan-out are those of the order before
def fixed(value: Decimal, places: int) -> str:
    """Write an amount with exactly so many decimals, never with an exponent; zero has no sign."""
    return f"{value:z.{places}f}"


def booked(value: Decimal) -> Decimal:
    """Round to what Binance books: eight decimals."""
    return value.quantize(COIN, ROUND_HALF_EVEN)


def floored(value: Decimal, step: Decimal) -> Decimal:
    """Round down to a multiple of the step."""
    return (value / step).to_integral_value(ROUND_DOWN) * step
