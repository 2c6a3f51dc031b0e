"""Workers that serve a leader's followers and are killed: `python -m tests.fan_out_worker` keeps two of them alive.

They are Celery's own and take tasks from the queue as those of `make up` do; forking each anew spares the imports.
Standard input brings one line per kill: the milliseconds until then. Standard output answers with the number of the
killed process once another one has taken its place. The end of the input ends all of them.
"""

import os
import signal
import sys
import time
from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import django

django.setup()

from celery.signals import worker_ready  # noqa: E402  (Django has to be set up first)

from copytrade.celery import app  # noqa: E402
from orders.executor import checking  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 2
LEASE = timedelta(seconds=3)  # how long what a killed worker was asking about is left to it
numbers = count(1)


def work(name: str, ready: int) -> None:
    """Carry out tasks until the end comes."""

    def tell(**_: object) -> None:
        os.write(ready, b".")

    worker_ready.connect(tell)
    lonely = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    app.Worker(hostname=name, pool_cls="solo", queues=["copy"], quiet=True, loglevel="ERROR", **lonely).start()


def fork() -> int:
    """Start a worker and wait until it takes tasks; return its process id."""
    name = f"worker{next(numbers)}@{os.getpid()}"
    heard, ready = os.pipe()
    child = os.fork()
    if not child:
        leave_pipes()
        work(name, ready)
    os.close(ready)
    if not os.read(heard, 1):
        raise RuntimeError(f"{name} ended before it was killed.")
    os.close(heard)
    return child


def leave_pipes() -> None:
    """Leave the talk with whoever started this to the parent."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nothing, stream.fileno())


def end(child: int) -> None:
    """Kill a worker at once."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@contextmanager
def crew() -> "Iterator[deque[int]]":
    """Workers, the oldest first; none outlives this."""
    children: deque[int] = deque()
    try:
        children += [fork() for _ in range(WORKERS)]
        yield children
    finally:
        for child in children:
            end(child)


def main() -> None:
    """Kill the oldest worker for each line, and start another one."""
    import ccxt.async_support  # noqa: F401 - the children have it from here

    app.loader.import_default_modules()
    checking.LEASE = LEASE
    with crew() as children:
        tell("ready")
        for line in sys.stdin:
            time.sleep(float(line) / 1000)
            end(oldest := children.popleft())
            children.append(fork())
            tell(str(oldest))


def tell(word: str) -> None:
    """Answer whoever started this."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
