"""A worker that serves a leader's followers and is killed: `python -m tests.fan_out_worker` keeps one alive.

It is Celery's own, with a pool of two processes, and takes tasks from the queue as that of `make up` does; forking it
anew spares the imports. Standard input brings one line per kill: `process`, one of the pool, or `worker`, all of it,
and the milliseconds until then. Standard output answers with the number of who was killed. Another one takes its
place: a worker replaces its processes itself. The end of the input ends all of them.
"""

import mmap
import os
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import django

django.setup()

from celery.signals import task_prerun, worker_process_init, worker_ready  # noqa: E402  (Django has to be set up first)

from copytrade.celery import app  # noqa: E402
from orders.executor import checking  # noqa: E402

if TYPE_CHECKING:
    from typing import TextIO

PROCESSES = 2
READY = b"ready\n"
LEASE = timedelta(seconds=3)  # how long what a killed worker was asking about is left to it
BYTES = 8
numbers = count(1)
serving = mmap.mmap(-1, BYTES)  # which process has begun to serve followers last; shared with all


@dataclass
class Worker:
    """A worker that runs: its number, those of its processes, the oldest first, and where new ones tell theirs."""

    number: int
    processes: deque[int]
    news: "TextIO"

    def kill_process(self) -> int:
        """Kill the process that serves followers; the worker, which lives on, starts another."""
        if os.waitpid(self.number, os.WNOHANG) != (0, 0):
            raise RuntimeError("The worker ended before it was killed.")
        if not self.processes:
            self.processes.append(int(self.news.readline()))
        last = int.from_bytes(serving[:], sys.byteorder)
        victim = last if last in self.processes else self.processes[0]
        self.processes.remove(victim)
        os.kill(victim, signal.SIGKILL)
        return victim

    def kill(self) -> int:
        """Kill all of it: itself first, since it would start others, and those that it has just started."""
        os.kill(self.number, signal.SIGKILL)
        for process in self.processes:
            os.kill(process, signal.SIGKILL)
        status = os.waitpid(self.number, 0)[1]
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise RuntimeError("The worker ended before it was killed.")
        for line in self.news:  # which ends as soon as none of them lives
            with suppress(ProcessLookupError):
                os.kill(int(line), signal.SIGKILL)
        self.news.close()
        return self.number


def work(name: str, news: int) -> None:
    """Carry out tasks until the end comes."""

    def tell_ready(**_: object) -> None:
        os.write(news, READY)

    def tell_number(**_: object) -> None:
        os.write(news, b"%d\n" % os.getpid())

    def tell_serving(task: Any, **_: object) -> None:
        if task.name.startswith("replication."):
            serving[:] = os.getpid().to_bytes(BYTES, sys.byteorder)

    worker_ready.connect(tell_ready)
    worker_process_init.connect(tell_number)
    task_prerun.connect(tell_serving)
    options = {"pool_cls": "prefork", "concurrency": PROCESSES, "queues": ["copy"], "quiet": True, "loglevel": "ERROR"}
    lonely = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    app.Worker(hostname=name, **options, **lonely).start()


def start() -> Worker:
    """Start a worker and wait until it takes tasks."""
    name = f"worker{next(numbers)}@{os.getpid()}"
    heard, news = os.pipe()
    child = os.fork()
    if not child:
        os.close(heard)
        leave_pipes()
        work(name, news)
        os._exit(1)
    os.close(news)
    told = os.fdopen(heard)
    lines = [told.readline() for _ in range(PROCESSES + 1)]
    return Worker(child, deque(int(line) for line in lines if line.encode() != READY), told)


def leave_pipes() -> None:
    """Leave the talk with whoever started this to the parent."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout):
        os.dup2(nothing, stream.fileno())


def main() -> None:
    """Kill what each line says, and start another worker where that was it."""
    import ccxt.async_support  # noqa: F401 - the children have it from here

    app.loader.import_default_modules()
    checking.LEASE = LEASE
    worker = start()
    try:
        tell("ready")
        for line in sys.stdin:
            victim, milliseconds = line.split()
            time.sleep(float(milliseconds) / 1000)
            if victim == "process":
                tell(str(worker.kill_process()))
            else:
                tell(str(worker.kill()))
                worker = start()
    finally:
        worker.kill()


def tell(word: str) -> None:
    """Answer whoever started this."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
