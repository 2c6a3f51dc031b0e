"""Listening to the private streams of all live accounts: one process for all of them.

The streams run on the venue loop and put what they hear into one queue; this thread stores it in batches. After each
(re)connect the account is compared with its venue, so that nothing that happened in between is missing.
"""

import asyncio
import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import cast

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from markets.venues.base import AccountAccess, FillReport, OrderReport, PrivateEvent, StreamConnected
from markets.venues.errors import AuthFailed, RateLimited, VenueError
from markets.venues.loop import submit
from markets.venues.registry import adapter, adapters_close, capabilities, venues
from orders.access import accesses_of
from orders.executor.findings import Source
from orders.models import AccountState, Mode, TradingAccount
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record

logger = logging.getLogger(__name__)

LOOK_FOR_ACCOUNTS_SECONDS = 5.0
LARGEST_BATCH = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that an account was told."""

    account_id: int
    event: PrivateEvent


class Watch:
    """The streams of all accounts that have one; `run` returns when `stop` is set."""

    def __init__(self, stop: threading.Event, *, look_every: float = LOOK_FOR_ACCOUNTS_SECONDS) -> None:
        self._stop = stop
        self._look_every = look_every
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._streams: dict[int, Future[None]] = {}
        self._accounts: dict[int, TradingAccount] = {}
        self._comparing = ThreadPoolExecutor(max_workers=4, thread_name_prefix="reconcile")

    def run(self) -> None:
        """Listen until told to stop; a database that is away is waited for."""
        next_look = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() >= next_look:
                    self._look_for_accounts()
                    next_look = time.monotonic() + self._look_every
                self._store(self._next_batch(timeout=0.5))
            except DATABASE_AWAY as error:
                logger.warning("The database does not answer; the streams go on: %s", error)
                close_old_connections()
                self._compare_all()
                self._stop.wait(1)
        self._end()

    def _look_for_accounts(self) -> None:
        close_old_connections()
        self._accounts = {account.pk: account for account in self._wanted()}
        for pk in self._streams.keys() - self._accounts.keys():
            self._streams.pop(pk).cancel()
        fresh = [account for pk, account in self._accounts.items() if pk not in self._streams]
        accesses = accesses_of(fresh)
        for account in fresh:
            if account.pk in accesses:
                self._streams[account.pk] = submit(
                    _listen(account.pk, account.venue, accesses[account.pk], self._heard)
                )

    def _wanted(self) -> list[TradingAccount]:
        if not settings.LIVE_TRADING:
            return []
        rows = TradingAccount.objects.filter(mode=Mode.LIVE, live_enabled=True, state=AccountState.ACTIVE)
        return [account for account in rows if account.venue in venues() and capabilities(account.venue).private_stream]

    def _next_batch(self, *, timeout: float) -> list[Heard]:
        batch: list[Heard] = []
        try:
            batch.append(self._heard.get(timeout=timeout))
            while len(batch) < LARGEST_BATCH:
                batch.append(self._heard.get_nowait())
        except Empty:
            pass
        return batch

    def _store(self, batch: list[Heard]) -> None:
        by_account: dict[int, list[PrivateEvent]] = defaultdict(list)
        for heard in batch:
            by_account[heard.account_id].append(heard.event)
        for pk, events in by_account.items():
            account = self._accounts.get(pk)
            if account is None:
                continue
            orders = [event for event in events if isinstance(event, OrderReport)]
            fills = [event for event in events if isinstance(event, FillReport)]
            if orders or fills:
                reports_record(account=account, orders=orders, fills=fills, source=Source.STREAM)
            if any(isinstance(event, StreamConnected) for event in events):
                self._comparing.submit(_compare, account)

    def _compare_all(self) -> None:
        """What was heard and could not be stored is asked for again."""
        for pk in self._accounts:
            self._heard.put(Heard(pk, StreamConnected(time=timezone.now())))

    def _end(self) -> None:
        for stream in self._streams.values():
            stream.cancel()
        self._store(self._next_batch(timeout=0.0))
        self._comparing.shutdown(wait=True, cancel_futures=True)
        adapters_close()


def _compare(account: TradingAccount) -> None:
    try:
        account_reconcile(account=account, trigger="stream")
    except DATABASE_AWAY as error:
        logger.warning("Account %s could not be compared with its venue: %s", account.pk, error)
    finally:
        close_old_connections()


async def _listen(account_id: int, venue: str, access: AccountAccess, heard: "SimpleQueue[Heard]") -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            stream = cast("AsyncGenerator[PrivateEvent]", adapter(venue).private_stream(access))
            async with aclosing(stream) as events:
                async for event in events:
                    heard.put(Heard(account_id, event))
                    pause = FIRST_PAUSE
        except AuthFailed as error:
            logger.warning("Account %s: %s", account_id, error.message)
            pause = LONGEST_PAUSE
        except RateLimited as error:
            pause = max(pause, (error.until - timezone.now()).total_seconds())
        except VenueError as error:
            logger.info("The stream of account %s ended: %s", account_id, error.message)
        except Exception:
            logger.exception("The stream of account %s failed unexpectedly", account_id)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once
        pause = min(pause * 2, LONGEST_PAUSE)
