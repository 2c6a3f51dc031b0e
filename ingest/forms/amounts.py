"""The numbers and texts of rows, with their bounds."""

from decimal import Decimal
from typing import Annotated

import msgspec

from copytrade.lib.structs import Problems

# The bounds of `traders.models.fields.amount_field`: numeric(60, 30).
WHOLE_DIGITS = 30
DECIMAL_PLACES = 30
# As many zeros as nobody writes, and far fewer than PostgreSQL refuses.
MOST_ZEROS = 1_000

Amount = Annotated[
    Decimal,
    msgspec.Meta(
        description="A JSON number, or its digits as a text.",
        extra_json_schema={
            "type": ["number", "string"],
            "pattern": rf"^-?[0-9]{{1,{WHOLE_DIGITS}}}(\.[0-9]{{1,{DECIMAL_PLACES}}})?$",
        },
    ),
]
Symbol = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\s\x00-\x1f\x7f]{1,64}$(?!\n)",
        description="As the venue writes it; delivery contracts and non-ASCII names are fine.",
        examples=["BTCUSDT"],
    ),
]
ShortText = Annotated[str, msgspec.Meta(max_length=32)]
EventKey = Annotated[str, msgspec.Meta(min_length=1, max_length=360)]


def check_amount(value: Decimal | None, path: str, problems: Problems, *, least: str = "any") -> bool:
    """Return whether a number can be stored and is not below `least` (any, zero, above zero); note why not."""
    problem = None if value is None else _problem(value, least)
    if problem:
        problems.add(path, problem)
    return problem is None


def fits(value: Decimal) -> bool:
    """Return whether a finite number can be stored without loss."""
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if value == 0:
        return exponent >= -MOST_ZEROS
    if exponent >= -DECIMAL_PLACES and value.adjusted() < WHOLE_DIGITS:
        return True
    trailing_zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return value.adjusted() < WHOLE_DIGITS and -(exponent + trailing_zeros) <= DECIMAL_PLACES


def _problem(value: Decimal, least: str) -> str | None:
    if not value.is_finite():
        return "is not a number"
    if not fits(value):
        return f"has more than {WHOLE_DIGITS} digits before the point or {DECIMAL_PLACES} behind it"
    if least == "above zero" and value <= 0:
        return "must be above 0"
    if least == "zero" and value < 0:
        return "must be 0 or above"
    return None
