"""Many timers for the price of a few: what is due in the same millisecond is done together."""

import asyncio
from collections.abc import Callable

from tests.simulators.exchange.incoming import Incoming

MILLISECONDS = 1000


class Wheel:
    """Does `work` for requests once their time has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Callable[[list[Incoming]], None]) -> None:
        self._loop = loop
        self._work = work
        self._due: dict[int, list[Incoming]] = {}

    def add(self, seconds: float, incoming: Incoming) -> None:
        """Let a request wait for so long, or up to a millisecond longer."""
        moment = int((self._loop.time() + seconds) * MILLISECONDS) + 1
        waiting = self._due.get(moment)
        if waiting is None:
            waiting = self._due[moment] = []
            self._loop.call_at(moment / MILLISECONDS, self._turn, moment)
        waiting.append(incoming)

    def _turn(self, moment: int) -> None:
        self._work(self._due.pop(moment))
