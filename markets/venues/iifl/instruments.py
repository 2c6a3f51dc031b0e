"""The exchange's instruments, read when they are first needed and again after half a day."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from markets.venues.errors import Rejected, RejectReason, VenueDown
from markets.venues.iifl.master import Instrument, Master, read_master

GOOD_SECONDS = 12 * 3600


class Instruments:
    """What `ask` tells, the text of the exchange's list, as this process knows it."""

    def __init__(self, ask: Callable[[], Awaitable[str]]) -> None:
        self._ask = ask
        self._master = Master()
        self._read_at = 0.0
        self._lock: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def master(self) -> Master:
        """Return the list; `VenueDown` where there has never been one."""
        if self._is_good():
            return self._master
        async with self._own_lock():
            if not self._is_good():
                await self._read()
        return self._master

    async def of_symbol(self, symbol: str) -> Instrument:
        """Return the instrument of a symbol; one that is not listed is `Rejected`."""
        found = (await self.master()).by_symbol.get(symbol)
        if found is None:
            raise Rejected(f"There is no share {symbol[:40]} at the NSE.", reason=RejectReason.UNKNOWN_SYMBOL)
        return found

    async def _read(self) -> None:
        """Read the list; one from yesterday is better than none."""
        try:
            master = read_master(await self._ask())
            if not master.by_symbol:
                raise VenueDown("The list of instruments is empty.")
        except VenueDown:
            if not self._master.by_symbol:
                raise
            return
        self._master, self._read_at = master, time.monotonic()

    def _is_good(self) -> bool:
        return bool(self._master.by_symbol) and time.monotonic() - self._read_at < GOOD_SECONDS

    def _own_lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock[0] is not loop:
            self._lock = loop, asyncio.Lock()
        return self._lock[1]
