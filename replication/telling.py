"""How amounts and refusals are told to followers (pure)."""

from datetime import datetime
from decimal import ROUND_DOWN, Context, Decimal

from copytrade.lib.wire import iso_time, plain_digits
from replication.facts import Refusal
from replication.vocabulary import Reason

SHOWN_DIGITS = 8
CENT = Decimal("0.01")
STORED_STEP = Decimal(1).scaleb(-30)  # the last place of a column
WIDE = Context(prec=130)  # two amounts as they are stored, multiplied


def told(value: Decimal) -> str:
    """Return an amount as people read it: `20,000`, `0.5`, and of long ones eight digits behind the point or zeros."""
    places = SHOWN_DIGITS - min(value.adjusted(), 0)
    return format(Decimal(plain_digits(value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN))), ",f")


def money_told(amount: Decimal, asset: str) -> str:
    """Return money as people read it, cut to cents unless it is less: `20,000.5 USDT`; the asset may not be known."""
    return f"{told(amount.quantize(CENT, ROUND_DOWN) if abs(amount) >= 1 else amount)} {asset}".rstrip()


def stored(value: Decimal) -> Decimal:
    """Return the amount cut towards zero to the places that a column has."""
    return value.quantize(STORED_STEP, ROUND_DOWN, WIDE) if value else value


def refuse(code: Reason, message: str, **numbers: Decimal | datetime | int | str) -> Refusal:
    """Return a refusal; amounts become texts of digits, times ISO 8601 in UTC."""
    return Refusal(code, message, {name: _fit(value) for name, value in numbers.items()})


def _fit(value: Decimal | datetime | int | str) -> int | str:
    match value:
        case Decimal():
            return plain_digits(stored(value))
        case datetime():
            return iso_time(value)
        case _:
            return value
