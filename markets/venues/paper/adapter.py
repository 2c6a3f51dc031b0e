"""The paper adapter: a venue like any other, whose other side is our own database."""

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, ParamSpec, Protocol, TypeVar

from django.db import close_old_connections

from copytrade.lib.database import DATABASE_AWAY
from markets.venues.base import (
    AccountAccess,
    AccountReport,
    CandleReport,
    FillReport,
    MarketSpec,
    OrderReference,
    OrderReport,
    OrderRequest,
    Permissions,
    PriceReport,
    PrivateEvent,
    Venue,
)
from markets.venues.deadline import sending_deadline
from markets.venues.errors import NotSupported, OutcomeUnknown, VenueDown, VenueError
from markets.venues.paper import accounts, books
from markets.venues.paper.books import Answer, Delay, Wish
from markets.venues.paper.scene import FeedPrices, Prices, stored_markets
from markets.venues.registry import adapter as live_adapter
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind

logger = logging.getLogger(__name__)

THREADS = 8
LARGEST_BATCH = 500
BATCHES_AT_ONCE = 4

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Runner(Protocol):
    """Runs functions that wait for the database, so that the loop does not."""

    async def __call__(
        self,
        function: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result:
        """Run a function and return its result; what it raises is raised."""
        ...


def make(slug: str) -> "PaperVenue":
    """Return the paper adapter over a venue."""
    return PaperVenue(slug)


class PaperVenue:
    """Paper accounts at one venue.

    Orders that are placed at the same moment travel together: whatever has gathered while others were being written
    goes into one transaction, so a thousand orders cost a few of them.

    Where prices come from, the venue itself and how the books are reached may be given.
    """

    def __init__(
        self, slug: str, *, prices: Prices | None = None, live: Venue | None = None, runs: Runner | None = None
    ) -> None:
        self.slug = slug
        self._runs = runs or in_thread
        self.capabilities = capabilities(slug, paper=True)
        self._prices = prices or FeedPrices()
        self._own_live = live
        self._waiting: list[Waiting] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[None]] = set()

    async def place(self, account: AccountAccess, request: OrderRequest) -> OrderReport:
        """Place an order. A return, `Rejected` and the like are certain; `OutcomeUnknown` is not."""
        answer = (await self.place_many([(account, request)]))[0]
        if isinstance(answer, VenueError):
            raise answer
        return answer

    async def place_many(self, items: Sequence[tuple[AccountAccess, OrderRequest]]) -> list[OrderReport | VenueError]:
        """Place orders at any number of accounts; return an answer to each, in their order.

        Several orders of one account are carried out in their order.
        """
        loop = asyncio.get_running_loop()
        until = time.monotonic() + self.capabilities.request_lifetime.total_seconds()
        if (deadline := sending_deadline()) is not None:
            until = min(until, deadline)
        futures = [loop.create_future() for _ in items]
        for (account, request), future in zip(items, futures, strict=True):
            self._waiting.append((Wish(account, request, until), future))
        # Not at once: what others want in the same moment goes along.
        loop.call_soon(self._start_batches)
        return list(await asyncio.gather(*futures))

    def _start_batches(self) -> None:
        while self._waiting and len(self._batches) < BATCHES_AT_ONCE:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            task = asyncio.get_running_loop().create_task(self._carry_out(batch))
            self._batches.add(task)
            task.add_done_callback(self._batch_ended)

    def _batch_ended(self, task: "asyncio.Task[None]") -> None:
        self._batches.discard(task)
        self._start_batches()

    async def _carry_out(self, batch: "list[Waiting]") -> None:
        """Answer a batch, whatever happens; accounts with latency are answered later, and hold up nobody."""
        answers: Sequence[Answer | Delay]
        try:
            answers = await self._runs(books.place_batch, self.slug, [wish for wish, _ in batch], self._prices)
        except VenueError as error:
            answers = [error] * len(batch)  # the source of prices: nothing was written yet
        except Exception as error:  # noqa: BLE001  (whoever waits gets an answer)
            # It may have been stored: the connection may have broken while the transaction was being committed.
            answers = _unknown(error, len(batch))
        delayed: dict[int, list[Waiting]] = defaultdict(list)
        for (wish, future), answer in zip(batch, answers, strict=True):
            if isinstance(answer, Delay):
                delayed[answer.milliseconds].append((replace(wish, has_waited=True), future))
            elif not future.done():  # whoever asked may have gone
                future.set_result(answer)
        for milliseconds, items in delayed.items():
            task = asyncio.get_running_loop().create_task(self._place_later(milliseconds, items))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _place_later(self, milliseconds: int, batch: "list[Waiting]") -> None:
        await asyncio.sleep(milliseconds / 1000)
        await self._carry_out(batch)

    async def query(self, account: AccountAccess, reference: OrderReference) -> OrderReport | None:
        """Return the order, or None where the account has none of that id."""
        return await self._read(books.query, self.slug, account, reference)

    async def cancel(self, account: AccountAccess, reference: OrderReference) -> OrderReport:
        """Cancel an order; one that is final already is returned as it is, one that is unknown is `Rejected`."""
        try:
            return await self._runs(books.cancel, self.slug, account, reference)
        except DATABASE_AWAY as error:
            raise OutcomeUnknown(f"The paper books did not answer: {type(error).__name__}") from error

    async def open_orders(self, account: AccountAccess, symbol: str | None = None) -> Sequence[OrderReport]:
        """Return the orders that still may trade, the conditional ones too."""
        return await self._read(books.open_orders, self.slug, account, symbol)

    async def fills(
        self, account: AccountAccess, symbol: str, kind: MarketKind, *, venue_order_id: str = "", since: datetime | None
    ) -> Sequence[FillReport]:
        """Return trades of one order, or all in a market since a moment, oldest first."""
        return await self._read(books.fills, self.slug, account, symbol, kind, venue_order_id, since)

    async def account(self, account: AccountAccess) -> AccountReport:
        """Return balances and positions."""
        return await self._read(accounts.account_report, self.slug, account, self._prices)

    async def permissions(self, account: AccountAccess) -> Permissions:
        """Return what paper allows: everything but taking money out."""
        await self._read(books.known, self.slug, account)
        return Permissions(read=True, trade=True, withdraw=False)

    async def set_leverage(self, account: AccountAccess, symbol: str, kind: MarketKind, leverage: int) -> None:
        """Set the leverage of a contract, of its open positions too."""
        await self._read(accounts.leverage_set, self.slug, account, symbol, kind, leverage, self._prices)

    async def _read(
        self,
        function: Callable[Parameters, Result],
        *arguments: Parameters.args,
        **options: Parameters.kwargs,
    ) -> Result:
        try:
            return await self._runs(function, *arguments, **options)
        except DATABASE_AWAY as error:
            raise VenueDown(f"The paper books did not answer: {type(error).__name__}") from error

    async def markets(self) -> Sequence[MarketSpec]:
        """Return the markets of the venue as they are stored: by those rules orders are judged."""
        return await self._read(stored_markets, self.slug)

    async def candles(
        self, symbol: str, kind: MarketKind, interval: str, *, start: datetime | None, limit: int
    ) -> Sequence[CandleReport]:
        """Return candles of the venue itself."""
        return await self._live.candles(symbol, kind, interval, start=start, limit=limit)

    async def prices(self, kind: MarketKind, symbols: Sequence[str]) -> Sequence[PriceReport]:
        """Return the prices that orders would meet now: the last ones of the price feed."""
        found = await self._read(self._prices.read, self.slug, kind, symbols)
        return list(found.values())

    async def mark_price(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the mark price of the venue itself, in its own words."""
        return await self._live.mark_price(symbol, kind)

    async def open_interest(self, symbol: str, kind: MarketKind) -> Mapping[str, Any]:
        """Return the open interest at the venue itself, in its own words."""
        return await self._live.open_interest(symbol, kind)

    async def open_interest_history(
        self,
        symbol: str,
        kind: MarketKind,
        period: str,
        *,
        limit: int,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Return the history of the open interest at the venue itself, in its own words."""
        return await self._live.open_interest_history(symbol, kind, period, limit=limit, start=start, end=end)

    def price_stream(self, kind: MarketKind, symbols: Sequence[str]) -> AsyncIterator[PriceReport]:
        """Yield prices of the venue itself as they change."""
        return self._live.price_stream(kind, symbols)

    def private_stream(self, account: AccountAccess) -> AsyncIterator[PrivateEvent]:
        """Refuse: paper accounts are asked."""
        raise NotSupported("Paper accounts have no stream: ask for orders and fills.")

    async def close(self) -> None:
        """Wait for what is under way; the venue itself is closed by whoever uses it."""
        while tasks := [*self._batches, *self._late]:
            await asyncio.wait(tasks)

    @property
    def _live(self) -> Venue:
        return self._own_live or live_adapter(self.slug)


Waiting = tuple[Wish, "asyncio.Future[Answer]"]


def _unknown(error: Exception, count: int) -> list[Answer]:
    if not isinstance(error, DATABASE_AWAY):
        logger.error("Placing %s paper orders failed unexpectedly", count, exc_info=error)
    return [OutcomeUnknown(f"The paper books did not answer: {type(error).__name__}") for _ in range(count)]


@lru_cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return the threads of a process: few, for each of them may hold a connection to the database."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="paper")


async def in_thread(
    function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
) -> Result:
    """Run a function that waits for the database, and give its connection back."""

    def answered() -> Result:
        try:
            return function(*arguments, **options)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_threads(os.getpid()), answered)
