"""Numbers and times as they stand on the wire, without loss."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def plain_digits(value: Decimal) -> str:
    """Return the digits without an exponent and without trailing zeros: `86232.48`, `0.0000004`, `0`."""
    text = str(value)
    if "E" in text:
        text = format(value, "f") if value else "0"  # which takes five times as long, and as many zeros as it says
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def json_number(value: Decimal | None) -> msgspec.Raw | None:
    """Return the value as a JSON number in its own digits; null stays null."""
    return None if value is None else msgspec.Raw(plain_digits(value).encode())


def iso_time(moment: datetime) -> str:
    """Return UTC, ISO 8601 with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_time_or_none(moment: datetime | None) -> str | None:
    """Return `iso_time`, null for none."""
    return None if moment is None else iso_time(moment)


class IsoTimes(dict[datetime | None, str | None]):
    """`iso_time_or_none` of the times of many messages, which are mostly the same few.

    They must be in UTC: two times of an hour that other zones repeat are equal, and not the same.
    """

    def __missing__(self, moment: datetime | None) -> str | None:
        """Write one that is new."""
        text = self[moment] = iso_time_or_none(moment)
        return text


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the moment of milliseconds since the epoch, exactly."""
    return EPOCH + milliseconds * MILLISECOND


def to_milliseconds(moment: datetime) -> int:
    """Return milliseconds since the epoch, exactly."""
    return (moment - EPOCH) // MILLISECOND
