"""How a paper account is treated: fees, slippage, liquidity, latency, chance (pure)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from markets.venues.paper.numbers import ZERO
from markets.venues.vocabulary import MarketKind

SPOT_FEE = Decimal("0.001")
FUTURES_MAKER_FEE = Decimal("0.0002")
FUTURES_TAKER_FEE = Decimal("0.0004")
# A limit for the numbers that are shares of one: nobody means more than 10 %.
HIGHEST_RATE = Decimal("0.1")
MOST_BASIS_POINTS = Decimal(1000)
LONGEST_LATENCY = 3_000  # milliseconds, less than a request lives
LATENCY_STEP = 10  # orders that wait equally long are placed together


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one account.

    Fees are shares of the value (None: 0.1 % on spot, 0.04 % / 0.02 % as taker / maker on futures). `slippage` is in
    basis points beyond the best price. `liquidity` is the value in the quote that one trade takes at most (None, or 0
    where it is stored: no limit). `latency` is in milliseconds; where `latency_most` is more, each order has its own
    between the two. `seed` and the client order id decide all chance.
    """

    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    slippage: Decimal = Decimal(2)
    liquidity: Decimal | None = Decimal(100_000)
    maintenance: Decimal = Decimal("0.004")
    latency: int = 0
    latency_most: int = 0
    seed: str = ""

    def fee(self, kind: MarketKind, *, is_maker: bool) -> Decimal:
        """Return the rate of a trade."""
        own = self.maker_fee if is_maker else self.taker_fee
        if own is not None:
            return own
        if kind is MarketKind.SPOT:
            return SPOT_FEE
        return FUTURES_MAKER_FEE if is_maker else FUTURES_TAKER_FEE

    def delay(self, client_order_id: str) -> int:
        """Return how many milliseconds an order of this account waits."""
        steps = max(0, self.latency_most - self.latency) // LATENCY_STEP
        return self.latency + _chance(self.seed, client_order_id, 0) % (steps + 1) * LATENCY_STEP


def share(seed: str, client_order_id: str, number: int) -> Decimal:
    """Return by chance how much of the liquidity the n-th trade of an order takes: 0.50 to 1.00."""
    return Decimal(50 + _chance(seed, client_order_id, number) % 51) / 100


def terms_of(settings: Mapping[str, Any]) -> Terms:
    """Return the terms that stored settings name; `ValueError` says which one is wrong."""
    unknown = set(settings) - {field.name for field in fields(Terms)}
    if unknown:
        raise ValueError(f"{min(unknown)}: is no term of paper accounts")
    return Terms(
        maker_fee=_number(settings, "maker_fee", None, HIGHEST_RATE),
        taker_fee=_number(settings, "taker_fee", None, HIGHEST_RATE),
        slippage=_number(settings, "slippage", Terms().slippage, MOST_BASIS_POINTS) or ZERO,
        liquidity=_number(settings, "liquidity", Terms().liquidity, None) or None,
        maintenance=_number(settings, "maintenance", Terms().maintenance, HIGHEST_RATE) or ZERO,
        latency=int(_number(settings, "latency", ZERO, Decimal(LONGEST_LATENCY)) or 0),
        latency_most=int(_number(settings, "latency_most", ZERO, Decimal(LONGEST_LATENCY)) or 0),
        seed=str(settings.get("seed", "")),
    )


def _chance(seed: str, client_order_id: str, number: int) -> int:
    digest = hashlib.blake2b(f"{seed}|{client_order_id}|{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest)


def _number(settings: Mapping[str, Any], name: str, default: Decimal | None, most: Decimal | None) -> Decimal | None:
    value = settings.get(name, default)
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name}: must be a number, not {value!r}") from None
    if not number.is_finite() or number < 0 or (most is not None and number > most):
        raise ValueError(f"{name}: must be from 0 to {most}" if most is not None else f"{name}: must be 0 or more")
    return number
