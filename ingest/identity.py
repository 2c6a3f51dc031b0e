"""Which fill is which: the keys of fills, and which of a report are new.

The sender's `event_key` has whole seconds, no year, and numbers in any spelling. Our `canonical_key` beside it
has the exact time where the source gives one, so that two real fills of one second stay two.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from copytrade.lib.wire import plain_digits
from ingest.report import BINANCE
from traders.fills import NewFill

# An event key has no year: the same key this much later is another fill.
SAME_FILL_WITHIN = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """A stored fill, as far as telling fills apart goes."""

    event_key: str
    canonical_key: str
    event_time: datetime
    time_is_exact: bool


def seed_event_key(*, lead_id: str, kind: str, symbol: str, time_text: str, amount: Decimal, price: Decimal) -> str:
    """Return the key that scrapers of the normalised form build themselves."""
    return "|".join([BINANCE, lead_id, kind, symbol, time_text, plain_digits(amount), plain_digits(price)])


def canonical_key(*parts: str | int | Decimal) -> str:
    """Return 64 hexadecimal digits that are equal only for equal parts; numbers count by value."""
    text = "\x1f".join(plain_digits(part) if isinstance(part, Decimal) else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()


def exact_key(*, symbol: str, bought: bool, milliseconds: int, amount: Decimal, price: Decimal, ordinal: int) -> str:
    """Return the canonical key of a fill whose exact time is known; `ordinal` tells fills apart that are alike."""
    return canonical_key("exact", symbol, "BUY" if bought else "SELL", milliseconds, amount, price, ordinal)


def same_spelling(event_key: str) -> str:
    """Return the key with its numbers in one spelling: `25.360` and `25.36` are one amount."""
    return "|".join(_one_spelling(part.strip()) for part in event_key.split("|"))


def new_events(reported: Iterable[NewFill], known: Iterable[KnownEvent]) -> list[NewFill]:
    """Return the fills that are not stored yet, each once, oldest first; a key that is taken gets a suffix."""
    canonical_keys: set[str] = set()
    twins: dict[str, list[KnownEvent]] = defaultdict(list)
    for stored in known:
        canonical_keys.add(stored.canonical_key)
        twins[stored.event_key].append(stored)
    absorbed: set[str] = set()
    fresh: list[NewFill] = []
    for event in sorted(reported, key=lambda event: event.event_time):
        if event.canonical_key in canonical_keys:
            continue
        same_key = [twin for twin in twins[event.event_key] if _close(twin.event_time, event.event_time)]
        if same_key and (not event.time_is_exact or _absorb(same_key, absorbed)):
            continue
        taken = bool(twins[event.event_key])
        kept = replace(event, event_key=f"{event.event_key}#{event.canonical_key[:12]}") if taken else event
        canonical_keys.add(event.canonical_key)
        twins[event.event_key].append(
            KnownEvent(event.event_key, event.canonical_key, event.event_time, event.time_is_exact)
        )
        fresh.append(kept)
    return fresh


def _absorb(same_key: list[KnownEvent], absorbed: set[str]) -> bool:
    """Let a fill with an exact time be the one that is stored with whole seconds, once for each stored one."""
    for twin in same_key:
        if not twin.time_is_exact and twin.canonical_key not in absorbed:
            absorbed.add(twin.canonical_key)
            return True
    return False


def _close(one: datetime, other: datetime) -> bool:
    return abs(one - other) <= SAME_FILL_WITHIN


def _one_spelling(part: str) -> str:
    try:
        number = Decimal(part)
    except InvalidOperation:
        return part
    return plain_digits(number) if number.is_finite() and abs(number.adjusted()) < 100 else part
