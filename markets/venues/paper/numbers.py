"""Arithmetic in which nothing gets lost (pure).

Amounts are booked with 18 digits behind the point. Everything is computed with 60 digits, so that sums, differences and
products of booked amounts are exact; only a division or a rate rounds, once, in `booked`.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

ZERO = Decimal(0)
ONE = Decimal(1)
SMALLEST = Decimal("1e-18")
DIGITS = 60
PRICE_DIGITS = 12

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def exact(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function and all that it calls compute with 60 digits."""

    @wraps(function)
    def computed(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        with localcontext(prec=DIGITS):
            return function(*arguments, **options)

    return computed


def booked(amount: Decimal) -> Decimal:
    """Return the amount as it is booked."""
    return amount.quantize(SMALLEST, ROUND_HALF_EVEN)


def booked_up(amount: Decimal) -> Decimal:
    """Return what is charged for an amount: never less than it."""
    return amount.quantize(SMALLEST, ROUND_CEILING)


def mean_price(contracts: Decimal, coins: Decimal) -> Decimal:
    """Return the price at which inverse contracts are worth so many coins, without the dust of booking those."""
    return Context(prec=PRICE_DIGITS).divide(contracts, coins)


def floored(amount: Decimal, step: Decimal | None) -> Decimal:
    """Return the largest multiple of the step that is not above the amount."""
    if not step:
        return amount.quantize(SMALLEST, ROUND_FLOOR)
    return (amount / step).to_integral_value(ROUND_FLOOR) * step


def raised(amount: Decimal, step: Decimal | None) -> Decimal:
    """Return the smallest multiple of the step that is not below the amount."""
    if not step:
        return booked_up(amount)
    return (amount / step).to_integral_value(ROUND_CEILING) * step
