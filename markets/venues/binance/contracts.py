"""The contracts of COIN-M, which counts orders in contracts: their sizes give what a quantity is worth."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal

from markets.venues.base import MarketSpec
from markets.venues.errors import Rejected, RejectReason, VenueError
from markets.venues.vocabulary import MarketKind

ONE = Decimal(1)
# How long a symbol that is not listed is not asked for again.
RETRY_SECONDS = 60.0


class Contracts:
    """What is remembered of the list of markets; other kinds than COIN-M need none of it."""

    def __init__(self, kind: MarketKind, markets: Callable[[], Awaitable[Sequence[MarketSpec]]]) -> None:
        # What a contract of every market is worth; None where each has its own size.
        self.size_of_all = None if kind is MarketKind.COIN_M else ONE
        self._markets = markets
        self._known: dict[str, MarketSpec] = {}
        self._asked = 0.0

    async def find(self, symbol: str) -> MarketSpec:
        """Return a market; raises `Rejected` where it is not listed, and what the venue raises."""
        if symbol not in self._known and not (self._asked and time.monotonic() - self._asked < RETRY_SECONDS):
            self._asked = time.monotonic()
            self.remember(await self._markets())
        try:
            return self._known[symbol]
        except KeyError:
            raise Rejected(f"{symbol} is not listed.", reason=RejectReason.UNKNOWN_SYMBOL) from None

    async def size(self, symbol: str) -> Decimal:
        """Return the size of a contract, in the quote; 1 where quantities count in the base."""
        return self.size_of_all or (await self.find(symbol)).contract_size

    async def size_or_none(self, symbol: str) -> Decimal | None:
        """Return the size, or None where it cannot be learnt: no order fails for it."""
        try:
            return await self.size(symbol)
        except VenueError:
            return None

    async def sizes(self, symbols: Collection[str]) -> Mapping[str, Decimal | None]:
        """Return the sizes of many symbols."""
        return {symbol: await self.size_or_none(symbol) for symbol in symbols}

    def remember(self, markets: Sequence[MarketSpec]) -> None:
        """Take over a list of markets."""
        self._known = {market.symbol: market for market in markets}
