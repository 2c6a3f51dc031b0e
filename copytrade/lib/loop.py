"""The event loop on which this process speaks to venues and wakes listeners, on a thread of its own.

Database work stays in the callers' threads, so no coroutine here ever waits for PostgreSQL, and one HTTP session per
venue serves requests, tasks and commands alike. It starts with its first use, hence after a worker has forked; from
then on the threads of the process have short turns.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop

Result = TypeVar("Result")

# A statement's answer waited up to 5 ms for its turn beside the loop, ten times as long as for PostgreSQL.
TURN_SECONDS = 0.0005

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def process_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop of this process; a forked child gets one of its own."""
    process = os.getpid()
    with _lock:
        if process not in _loops:
            sys.setswitchinterval(TURN_SECONDS)
            loop = uvloop.new_event_loop()
            threading.Thread(target=loop.run_forever, name="loop", daemon=True).start()
            _loops[process] = loop
        return _loops[process]


def submit(coroutine: Coroutine[Any, Any, Result]) -> "Future[Result]":
    """Start a coroutine on the loop; the future may be waited for in any other thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, process_loop())


def run(coroutine: Coroutine[Any, Any, Result], *, timeout: float | None = None) -> Result:
    """Run a coroutine on the loop and return its result; what it raises is raised here.

    After `timeout` seconds it is cancelled and `TimeoutError` is raised.
    """
    future = submit(coroutine)
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        raise
