"""A watch of live accounts that runs beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

from orders.watching import Watch

SECONDS = 20.0


@contextmanager
def watching() -> Iterator[None]:
    """Let a watch run in a thread of its own, which ends with the block, whatever happens in it."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(SECONDS)
    assert not thread.is_alive()


def until(done: Callable[[], object]) -> None:
    """Return once something is so."""
    pause = threading.Event()
    for _ in range(int(SECONDS / 0.02)):
        if done():
            return
        pause.wait(0.02)
    raise AssertionError("it did not happen")


def _run(stop: threading.Event) -> None:
    try:
        Watch(stop, look_every=0.2).run()
    finally:
        connection.close()
