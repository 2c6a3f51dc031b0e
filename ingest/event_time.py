"""The moment behind a text such as `02-04, 22:52:35`, which has neither a year nor a zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

TEXT = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2}),? +(\d{2}):(\d{2}):(\d{2})", re.ASCII)
FURTHEST_ZONE = timedelta(hours=14)  # the largest offset of any zone from UTC
YEARS_BACK = 8  # two 29 February can be eight years apart (1896-1904, 2096-2104)
EXPECTED = "write it as MM-DD, HH:MM:SS"


def resolve_event_time(text: str, *, fetched_at: datetime, zone: ZoneInfo, tolerance: timedelta) -> datetime:
    """Return the latest moment that the text can mean and that is not after `fetched_at` + `tolerance`.

    `zone` is the zone of the source's texts. Where it is not known for sure, a tolerance of `FURTHEST_ZONE`
    keeps a source whose clock is ahead from being taken for last year's. Raises ValueError with a sentence.
    """
    match = TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time: {EXPECTED}")
    year, *parts = (int(part) if part else None for part in match.groups())
    latest = fetched_at + tolerance
    newest_year = latest.astimezone(zone).year
    years = [year] if year else range(newest_year, newest_year - YEARS_BACK - 1, -1)
    for candidate in years:
        moment = _moment(candidate, parts, zone)
        if moment is not None and (year or moment <= latest):
            return moment
    raise ValueError(f"{text!r} is not a day and time that exists: {EXPECTED}")


def event_time_text(moment: datetime) -> str:
    """Return the text that the source's page shows for a moment, in UTC."""
    return moment.astimezone(UTC).strftime("%m-%d, %H:%M:%S")


def _moment(year: int, parts: list[int | None], zone: ZoneInfo) -> datetime | None:
    month, day, hour, minute, second = (part or 0 for part in parts)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
