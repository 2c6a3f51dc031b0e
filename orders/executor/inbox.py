"""From the venue loop to the thread that records: findings as they come, handed over in batches."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Event

from orders.executor.findings import Finding

LARGEST_FLUSH = 750
# Storing anything costs a few milliseconds: the first finding is stored at once, those after it wait for company; of a
# crowd, the first does as well.
CROWD = 100
FIRST_LINGER, CROWD_LINGER = 0.01, 0.02
LONGEST_LINGER = 0.08
LOOK_SECONDS = 1.0


class Inbox:
    """Findings between two threads. The one that takes is woken when there are as many as it wants, not for each."""

    def __init__(self) -> None:
        self.received = 0
        self._findings: deque[Finding] = deque()
        self._wanted = 1
        self._enough = Event()

    def put(self, finding: Finding) -> None:
        """Hand over a finding; only the venue loop does."""
        self._findings.append(finding)
        self.received += 1
        if len(self._findings) >= self._wanted and not self._enough.is_set():  # setting takes locks
            self._enough.set()

    def wait(self, wanted: int, seconds: float) -> bool:
        """Wait until there are so many, but not longer; return whether there is any."""
        self._enough.clear()
        self._wanted = wanted
        if len(self._findings) < wanted:
            self._enough.wait(seconds)
        return bool(self._findings)

    def take(self) -> list[Finding]:
        """Return what is there, a batch at most."""
        return [self._findings.popleft() for _ in range(min(len(self._findings), LARGEST_FLUSH))]


class Batches:
    """Cuts what comes into batches that grow while much is still out."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._linger = 0.0

    def next(self, expected: int) -> list[Finding]:
        """Return the next findings of so many that are expected; none where nothing came for a second."""
        if not self._inbox.wait(1, LOOK_SECONDS):
            return []
        if expected >= CROWD:
            self._linger = max(self._linger, CROWD_LINGER)
        if self._linger:
            self._inbox.wait(min(expected, LARGEST_FLUSH), self._linger)
        self._linger = min(max(FIRST_LINGER, self._linger * 2), LONGEST_LINGER)
        return self._inbox.take()


def batches(inbox: Inbox, expected: int, source: "Future[None]") -> Iterator[list[Finding]]:
    """Yield all findings that a source hands over, in batches: the first of a few at once, all others together.

    What the source raises is raised here, so that nobody waits for findings that will not come.
    """
    cutter = Batches(inbox)
    while expected:
        batch = cutter.next(expected)
        if batch:
            expected -= len(batch)
            yield batch
        elif source.done():
            source.result()
            return
