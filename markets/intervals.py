"""How long candles are, and which ones are missing (pure).

A range is a pair of moments, the second one not included. Intervals are written as Binance writes them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

Range = tuple[datetime, datetime]

MONTH = "1M"
LENGTHS = {
    "1m": timedelta(minutes=1),
    "3m": timedelta(minutes=3),
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "2h": timedelta(hours=2),
    "4h": timedelta(hours=4),
    "6h": timedelta(hours=6),
    "8h": timedelta(hours=8),
    "12h": timedelta(hours=12),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
    "1w": timedelta(weeks=1),
}
INTERVALS = (*LENGTHS, MONTH)


def shift(interval: str, open_time: datetime, steps: int) -> datetime:
    """Return the open time of the candle so many steps later, or earlier."""
    if interval == MONTH:
        years, month = divmod(open_time.year * 12 + open_time.month - 1 + steps, 12)
        return open_time.replace(year=years, month=month + 1)
    return open_time + steps * LENGTHS[interval]


def steps_between(interval: str, start: datetime, end: datetime) -> int:
    """Return how many candles open from `start` (an open time) on before `end`."""
    if end <= start:
        return 0
    if interval == MONTH:
        months = (end.year - start.year) * 12 + end.month - start.month
        return months + ((start.day, start.time()) < (end.day, end.time()))  # and one that has begun
    return -((start - end) // LENGTHS[interval])


def earliest(interval: str, open_time: datetime, since: datetime) -> datetime:
    """Return the first open time from `since` on, given any open time at or after it."""
    steps = steps_between(interval, since, open_time)
    while steps and shift(interval, open_time, -steps) < since:
        steps -= 1
    return shift(interval, open_time, -steps)


def holes(interval: str, open_times: Iterable[datetime], within: Range) -> list[Range]:
    """Return the parts of a range in which no candle opens, given those that do, in their order."""
    found = []
    expected, end = within
    for open_time in open_times:
        if expected < min(open_time, end):
            found.append((expected, min(open_time, end)))
        expected = max(expected, shift(interval, open_time, 1))
    if expected < end:
        found.append((expected, end))
    return found


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Return the same moments in the fewest ranges, oldest first."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def clip(ranges: Iterable[Range], within: Range) -> list[Range]:
    """Return the parts of ranges that lie within another one."""
    begin, end = within
    clipped = ((max(start, begin), min(stop, end)) for start, stop in ranges)
    return [(start, stop) for start, stop in clipped if start < stop]


def subtract(ranges: Iterable[Range], others: Sequence[Range]) -> list[Range]:
    """Return the moments of the first that are in none of the others, oldest first."""
    left = []
    gone = merge(others)
    for begin, end in merge(ranges):
        start = begin
        for hole_start, hole_end in gone:
            if hole_end <= start or hole_start >= end:
                continue
            if start < hole_start:
                left.append((start, hole_start))
            start = max(start, hole_end)
        if start < end:
            left.append((start, end))
    return left
