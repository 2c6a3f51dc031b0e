"""The life of an order: which state may follow which, and what a venue's report changes (pure).

PENDING is written and not yet sent; SENDING is claimed by a worker and may have reached the venue; UNKNOWN was sent
and nobody knows the outcome. NEW and PARTIALLY_FILLED are open at the venue. FILLED, CANCELED, EXPIRED and REJECTED
are the venue's last word; FAILED is ours: the order is proven never to have reached the venue.

Where a last word was wrong, and the order is open at the venue, a comparison with it reopens the order by a move of its
own. No ordinary report does: it may be late, or out of order.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from copytrade.lib.words import by_word
from markets.venues.vocabulary import VenueStatus


class OrderState(StrEnum):
    """Where an order is in its life."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"

    __hash__ = str.__hash__  # that of enumerations is Python: sets of states take five times as long with it


S = OrderState
# These are asked for often, and a class takes longer to give a member by its name than a module.
NEW, REJECTED = S.NEW, S.REJECTED
STATES = by_word(OrderState)
AT_VENUE = frozenset({S.NEW, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED})
FINAL = frozenset({S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED, S.FAILED})
OPEN = frozenset({S.NEW, S.PARTIALLY_FILLED})
IN_DOUBT = frozenset({S.SENDING, S.UNKNOWN})

# A venue may contradict what it said or what was proven: what it did counts, whatever was believed before.
MOVES: dict[OrderState, frozenset[OrderState]] = {
    S.PENDING: AT_VENUE | {S.SENDING, S.FAILED},
    S.SENDING: AT_VENUE | {S.PENDING, S.UNKNOWN, S.FAILED},
    S.UNKNOWN: AT_VENUE | {S.PENDING, S.FAILED},
    S.NEW: AT_VENUE - {S.NEW},
    S.PARTIALLY_FILLED: frozenset({S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED}),
    S.FILLED: frozenset(),
    S.CANCELED: frozenset({S.FILLED}),
    S.EXPIRED: frozenset({S.FILLED}),
    S.REJECTED: AT_VENUE - {S.REJECTED},
    S.FAILED: AT_VENUE - {S.REJECTED},
}
# Not for what venues tell on their own, which may be late: only for what a comparison has asked for twice (`reopen`).
REOPENINGS: dict[OrderState, frozenset[OrderState]] = dict.fromkeys((S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED), OPEN)
PROGRESS: Mapping[str, int] = {
    S.NEW: 1,
    S.PARTIALLY_FILLED: 2,
    S.FILLED: 3,
    S.CANCELED: 3,
    S.EXPIRED: 3,
    S.REJECTED: 3,
}


class IllegalMove(Exception):
    """Code wanted to move an order where it cannot go; nothing was changed."""

    def __init__(self, current: OrderState, wanted: OrderState) -> None:
        super().__init__(f"an order that is {current} cannot become {wanted}")


def move(current: OrderState, wanted: OrderState) -> OrderState:
    """Return `wanted`; a move that the table does not have raises `IllegalMove`."""
    if wanted not in MOVES[current]:
        raise IllegalMove(current, wanted)
    return wanted


class Progress(msgspec.Struct, frozen=True):
    """How far an order is: its state and how much of it is filled, in the venue's unit."""

    state: OrderState
    filled: Decimal


def advance(current: Progress, status: VenueStatus, filled: Decimal) -> Progress:
    """Return where a report leads. Reports may be late, doubled or out of order: nothing ever goes back.

    What is filled only grows. A state that cannot follow the present one is old news.
    """
    reported = STATES[status]
    most = max(current.filled, filled)
    if reported == NEW and most > 0:
        reported = S.PARTIALLY_FILLED
    if reported not in MOVES[current.state]:
        return Progress(current.state, most)
    if current.state == REJECTED and reported in OPEN and not filled:
        return Progress(current.state, most)  # only trades show by themselves that a refused order lives
    return Progress(reported, most)


def reopen(
    current: OrderState, status: VenueStatus, *, told: Decimal, booked: Decimal, quantity: Decimal | None
) -> Progress | None:
    """Return how far an order is that counted as over here and is open at its venue; None where its trades deny that.

    `told` is what the venue calls filled, `booked` the sum of the trades that are stored, `quantity` how large the
    order is (None or 0: nobody says). What was filled by hearsay goes, what was traded stays. Only the states of
    `REOPENINGS` can be left so, and only for one that is open: anything else raises `IllegalMove`.
    """
    wanted = OrderState(status)
    if wanted not in REOPENINGS.get(current, frozenset()):
        raise IllegalMove(current, wanted)
    filled = max(told, booked)
    if (quantity and filled >= quantity) or (current == S.FILLED and told < booked):
        return None
    return Progress(S.PARTIALLY_FILLED if filled else wanted, filled)
