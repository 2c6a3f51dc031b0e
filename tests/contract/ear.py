"""Listens to a private stream on the venue loop, for tests that wait in their own thread."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from copytrade.lib import loop
from markets.venues.base import FillReport, OrderReport, StreamConnected
from markets.venues.errors import VenueError

SECONDS = 10.0


class Ear:
    """Keeps what a stream tells, and how it ended."""

    def __init__(self, stream: AsyncIterator[Any]) -> None:
        self.events: list[Any] = []
        self.ended: VenueError | None = None
        self._changed = threading.Condition()
        self._future = loop.submit(self._listen(stream))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._future.cancel()
        loop.run(_turn(), timeout=SECONDS)

    def connected(self) -> StreamConnected:
        """Wait until the stream is open."""
        found: StreamConnected = self.first(lambda event: isinstance(event, StreamConnected))
        return found

    def first(self, matches: Callable[[Any], bool]) -> Any:
        """Wait for the first event that matches."""
        self._wait(lambda: any(matches(event) for event in self.events))
        return next(event for event in self.events if matches(event))

    def order(self, client_order_id: str, status: str) -> OrderReport:
        """Wait for an order to be in a state."""
        found: OrderReport = self.first(
            lambda event: (
                isinstance(event, OrderReport) and (event.client_order_id, event.status) == (client_order_id, status)
            )
        )
        return found

    def fill(self, client_order_id: str) -> FillReport:
        """Wait for a fill of an order."""
        found: FillReport = self.first(
            lambda event: isinstance(event, FillReport) and event.client_order_id == client_order_id
        )
        return found

    def end(self) -> VenueError:
        """Wait until the stream has ended with an error, and return that."""
        self._wait(lambda: self.ended is not None)
        assert self.ended is not None
        return self.ended

    async def _listen(self, stream: AsyncIterator[Any]) -> None:
        try:
            async with aclosing(stream):  # type: ignore[type-var]
                async for event in stream:
                    with self._changed:
                        self.events.append(event)
                        self._changed.notify_all()
        except VenueError as error:
            with self._changed:
                self.ended = error
                self._changed.notify_all()

    def _wait(self, happened: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(happened, SECONDS), self.events


async def _turn() -> None:
    """Let the loop finish what was cancelled."""
