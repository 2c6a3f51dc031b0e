"""How long things may take, and when to look again (pure)."""

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from orders.states import IN_DOUBT, OPEN, OrderState

MARGIN = timedelta(seconds=1)  # clocks of the venue and ours are not the same
FIRST_CHECK = timedelta(milliseconds=300)
LONGEST_BACK_OFF = timedelta(seconds=60)
FIRST_RETRY = timedelta(milliseconds=200)
LARGEST_PART, PARTS = 500, 1_000  # what is added to a wait is less than half of it


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a venue is asked about orders that are open there."""

    open_every: timedelta
    request_lifetime: timedelta


def back_off(attempt: int, first: timedelta) -> timedelta:
    """Return `first` doubled with each attempt, a minute at most."""
    return min(first * (1 << max(0, min(attempt, 12))), LONGEST_BACK_OFF)


def scattered(wait: timedelta, order_id: int, attempt: int) -> timedelta:
    """Return up to half of a wait, another part for each order and attempt: refused together, they come back apart."""
    return wait * (zlib.crc32(f"{order_id}:{attempt}".encode()) % LARGEST_PART) / PARTS


def absence_is_proof_from(claimed_at: datetime, send_window: timedelta, lifetime: timedelta) -> datetime:
    """Return from when on "no such order" means that there will never be one.

    A worker sends within its window after the claim or not at all, and the venue refuses requests that are older than
    their lifetime. Before both have passed, the order may still be under way.
    """
    return claimed_at + send_window + lifetime + MARGIN


def next_check(state: OrderState, *, missing_fills: bool, checks: int, now: datetime, pace: Pace) -> datetime | None:
    """Return when the venue is to be asked about an order; None where there is nothing to learn."""
    if state in IN_DOUBT or missing_fills:
        return now + back_off(checks, FIRST_CHECK)
    if state in OPEN:
        return now + min(back_off(checks, timedelta(seconds=2)), pace.open_every)
    return None
