"""What still has to be sent to one client: bounded, so that a slow client costs nobody anything."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

MOST_WAITING = 2000


class Outbox:
    """Frames in their order. One that falls too far behind is emptied, and the client told to resync."""

    def __init__(self, resync: Callable[[], str]) -> None:
        self.closed = False
        self._frames: OrderedDict[str | int, str] = OrderedDict()
        self._resync = resync
        self._count = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    def put(self, frame: str, *, replaces: str = "") -> None:
        """Add a frame; an undelivered one with the same `replaces` is dropped."""
        if replaces:
            self._frames.pop(replaces, None)
        if len(self._frames) >= MOST_WAITING:
            self._frames.clear()
            frame, replaces = self._resync(), ""
        self._count += 1
        self._frames[replaces or self._count] = frame
        self._filled.set()

    async def take(self) -> str:
        """Return the oldest frame, once there is one."""
        while not self._frames:
            self._filled.clear()
            await self._filled.wait()
        frame = self._frames.popitem(last=False)[1]
        self._emptied.set()
        return frame

    async def has_room(self) -> None:
        """Wait until half of the room is free, or nobody takes frames any more."""
        while len(self._frames) > MOST_WAITING // 2 and not self.closed:
            self._emptied.clear()
            await self._emptied.wait()

    def close(self) -> None:
        """Tell those who wait that nobody takes frames any more."""
        self.closed = True
        self._emptied.set()
