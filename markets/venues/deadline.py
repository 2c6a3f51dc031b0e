"""Until when an order may be sent: whoever places it says so, and whoever sends it looks at the last moment.

After its deadline an order counts as not sent, and others may send it. So nothing may be signed or written later,
however long clocks, budgets and lists of markets took before.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from markets.venues.errors import Retryable

_deadline: ContextVar[float | None] = ContextVar("sending_deadline", default=None)


@contextmanager
def sending_until(deadline: float) -> Iterator[None]:
    """Let orders that are placed in this block be sent before `deadline` (on `time.monotonic`) or not at all.

    It holds for coroutines and tasks that are started in the block, and for those handed to the venue loop.
    """
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


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
