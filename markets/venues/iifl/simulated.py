"""Prices for paper accounts where no market data is configured (pure).

Each is a slow walk around its reference that never leaves it by more than `WIDEST`, and is the same for everybody who
asks at the same second: chance comes from the symbol and the time alone.
"""

import hashlib
from datetime import datetime
from decimal import Decimal

from markets.rounding import price_round
from markets.venues.base import MarketSpec, PriceReport

# How far a wave goes, as a share of the reference, and how many seconds it takes from one of its points to the next.
WAVES = ((Decimal("0.010"), 3600), (Decimal("0.004"), 300), (Decimal("0.001"), 20))
WIDEST = sum((reach for reach, _ in WAVES), Decimal(0))
FINEST = 2**32


def simulated_price(spec: MarketSpec, reference: Decimal, now: datetime) -> PriceReport:
    """Return the price of a market at a moment, a tick between the offers on each side."""
    tick = spec.filters.price_tick or Decimal("0.01")
    last = price_round(spec.filters, reference * (1 + _distance(spec.symbol, int(now.timestamp()))), up=False)
    return PriceReport(
        symbol=spec.symbol, kind=spec.kind, time=now, last=last, bid=max(last - tick, tick), ask=last + tick
    )


def _distance(symbol: str, second: int) -> Decimal:
    """Return how far the price is from its reference, as a share of it."""
    return sum((reach * _wave(symbol, length, second) for reach, length in WAVES), Decimal(0))


def _wave(symbol: str, length: int, second: int) -> Decimal:
    """Return a value from -1 to 1 that moves evenly between points of chance."""
    number, passed = divmod(second, length)
    start, end = _point(symbol, length, number), _point(symbol, length, number + 1)
    return start + (end - start) * passed / length


def _point(symbol: str, length: int, number: int) -> Decimal:
    digest = hashlib.blake2b(f"{symbol}|{length}|{number}".encode(), digest_size=4).digest()
    return Decimal(2 * int.from_bytes(digest)) / (FINEST - 1) - 1
