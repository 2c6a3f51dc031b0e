"""Numbers and times as XTS writes them: numbers as texts with commas, empty or "NaN"; times of India (pure)."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")
EARLIEST_YEAR = 1981  # what is not known is told as 1980 or year 1
DAY_FIRST = "%d-%m-%Y %H:%M:%S"


def optional(value: Any) -> Decimal | None:
    """Return a number, None for one that is empty or "NaN"; `ValueError` for what is none."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value).replace(",", "").strip()
    if text.lower() in {"", "nan", "null", "none"}:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is no number") from None
    if not number.is_finite():
        raise ValueError(f"{text[:40]!r} is no amount")
    return number


def amount(value: Any) -> Decimal:
    """Return a number that has to be there."""
    number = optional(value)
    if number is None:
        raise ValueError("a number is missing")
    return number


def positive(value: Any) -> Decimal | None:
    """Return a number, None where it is not known or not above zero: XTS writes 0 for a price that there is not."""
    number = optional(value)
    return number if number is not None and number > 0 else None


def moment(value: Any) -> datetime | None:
    """Return a time in UTC, None where it is empty; without a zone it is of India."""
    text = str(value or "").strip()
    if not text:
        return None
    try:
        time = datetime.strptime(text, DAY_FIRST)  # noqa: DTZ007 - the zone follows
    except ValueError:
        time = datetime.fromisoformat(_six_digits(text))
    if time.year < EARLIEST_YEAR:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=INDIA)).astimezone(UTC)


def _six_digits(text: str) -> str:
    """Cut fractions of seconds after six digits; XTS writes up to seven."""
    head, point, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(digits, 6)]:0<6}{tail[digits:]}" if point else text
