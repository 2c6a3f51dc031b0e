"""Room for so many orders on their way at once: whoever sends several waits once for all of them."""

import asyncio
from collections import deque


class Room:
    """So many places, on one loop. Who came first is served first, also where less would do for the next."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, places: int) -> None:
        """Wait until so many places are free, and take them."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((places, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn had come
                self._free += places
            self._serve()
            raise

    def give_back(self) -> None:
        """Leave one place."""
        self._free += 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            places, turn = self._waiting[0]
            if not turn.done():
                if places > self._free:
                    return
                self._free -= places
                turn.set_result(None)
            self._waiting.popleft()
