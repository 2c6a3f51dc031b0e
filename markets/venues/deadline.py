"""Until when an order may be sent: whoever places it says so, and whoever sends it looks at the last moment.

After its deadline an order counts as not sent, and others may send it. So nothing may be signed or written later,
however long clocks, budgets and lists of markets took before.
"""

import time
from contextvars import ContextVar
from datetime import timedelta

from markets.venues.errors import Retryable

_deadline: ContextVar[float | None] = ContextVar("sending_deadline", default=None)


class sending_until:  # noqa: N801 - it is written like a function, and is a class since each order enters one
    """Let orders that are placed in this block be sent before `deadline` (on `time.monotonic`) or not at all.

    It holds for coroutines and tasks that are started in the block, and for those handed to the venue loop.
    """

    __slots__ = ("_before", "_until")

    def __init__(self, deadline: float) -> None:
        self._until = deadline

    def __enter__(self) -> None:
        """Begin to hold."""
        self._before = _deadline.set(self._until)

    def __exit__(self, *_: object) -> None:
        """Let go of it again."""
        _deadline.reset(self._before)


def sending_deadline() -> float | None:
    """Return the deadline of the present block, for those who send in tasks that others have started."""
    return _deadline.get()


def check_deadline() -> None:
    """Raise `Retryable` where the deadline has passed; without one there is nothing to keep."""
    deadline = _deadline.get()
    if deadline is not None and time.monotonic() >= deadline:
        raise not_sent()


def not_sent() -> Retryable:
    """Return what is said of an order that was not sent because its time was over."""
    return Retryable("It could not be sent in time, and was not sent.", after=timedelta(0))
