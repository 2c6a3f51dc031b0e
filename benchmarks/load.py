"""Senders in processes of their own, so that they do not share the server's interpreter."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from multiprocessing.connection import Connection

from benchmarks.figures import percentile
from benchmarks.reports import Leader, lead_id
from copytrade.ops.runtime.network import LOOPBACK

PATH = "/ingest/binance-copytrade"
REPEATED = 2  # fills of a report that stood in the leader's one before


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is sent: by how many senders, of how many leaders, and how large a report is."""

    senders: int
    leaders: int
    events: int
    positions: int


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a round gave."""

    per_second: float
    p50_ms: float
    p99_ms: float


class Load:
    """Running senders."""

    def __init__(self, pipes: "Sequence[Connection[int | None, list[float] | None]]") -> None:
        self._pipes = pipes

    def round(self, pushes: int) -> Round:
        """Let every sender post so many reports at once; they are encoded before the clock starts."""
        for pipe in self._pipes:
            pipe.send(pushes)
        self._answers()
        started = time.perf_counter()
        for pipe in self._pipes:
            pipe.send(pushes)
        seconds = sorted(second for answer in self._answers() for second in answer or ())
        elapsed = time.perf_counter() - started
        return Round(
            per_second=len(seconds) / elapsed,
            p50_ms=percentile(seconds, 50) * 1000,
            p99_ms=percentile(seconds, 99) * 1000,
        )

    def _answers(self) -> list[list[float] | None]:
        try:
            return [pipe.recv() for pipe in self._pipes]
        except EOFError as error:
            raise RuntimeError("A sender gave up; its error is above.") from error


@contextmanager
def senders(port: int, key: str, size: Size) -> Iterator[Load]:
    """Run senders, each with leaders of its own, until the block ends."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for number in range(size.senders):
        ours, theirs = context.Pipe()
        leaders = range(number + 1, size.leaders + 1, size.senders)
        context.Process(target=_send, args=(theirs, port, key, leaders, size), daemon=True).start()
        theirs.close()
        pipes.append(ours)
    try:
        yield Load(pipes)
    finally:
        for pipe in pipes:
            pipe.close()  # which ends the sender


def _send(
    pipe: "Connection[list[float] | None, int | None]", port: int, key: str, leaders: Sequence[int], size: Size
) -> None:
    """Post rounds until the other end of the pipe is closed."""
    turns = cycle([Leader(lead_id(number), size.positions) for number in leaders])
    connection = HTTPConnection(LOOPBACK, port)
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    try:
        while True:
            pushes = pipe.recv()
            bodies = [leader.report(size.events, REPEATED) for leader in islice(turns, pushes)]
            pipe.send(None)
            pipe.recv()
            pipe.send([_post(connection, body, headers) for body in bodies])
    except EOFError:
        connection.close()


def _post(connection: HTTPConnection, body: bytes, headers: dict[str, str]) -> float:
    """Post a report and return the seconds that it took; anything but 200 is a failure of the benchmark."""
    started = time.perf_counter()
    connection.request("POST", PATH, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {text[:500]!r}")
    return time.perf_counter() - started
