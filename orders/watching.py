"""Listening to the private streams of all live accounts: one process for all of them.

The streams run on the venue loop and put what they hear into one queue; this thread stores it in batches. After each
(re)connect the account is compared with its venue, so that nothing that happened in between is missing. Accounts that
lead and have no stream now, or never have one, are compared every few seconds instead: their owners may trade at the
venue itself, and copies take no entry that is old.
"""

import asyncio
import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import NamedTuple, cast

from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q
from django.utils import timezone

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.loop import submit
from markets.venues.base import AccountAccess, FillReport, OrderReport, PrivateEvent, StreamConnected
from markets.venues.errors import AuthFailed, RateLimited, VenueError
from markets.venues.registry import adapter, adapters_close, capabilities, venues
from orders.access import accesses_of
from orders.executor.findings import Source
from orders.models import AccountState, Mode, TradingAccount
from orders.polling import Polls
from orders.services.reconcile import account_poll, account_reconcile
from orders.services.reports import reports_record

logger = logging.getLogger(__name__)

LOOK_FOR_ACCOUNTS_SECONDS = 5.0
LARGEST_BATCH = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
LONG_ENOUGH = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that an account was told."""

    account_id: int
    event: PrivateEvent


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream, which version of the account's key it runs with, and whether it is connected."""

    key: datetime
    running: "Future[None]"
    is_connected: threading.Event


class Compared(NamedTuple):
    """What came of a comparison: whether it need not be done again at once, and whether the venue answered."""

    done: bool
    well: bool


class Watch:
    """The streams of all accounts that have one, and the polls of others that lead; `run` ends when `stop` is set."""

    def __init__(self, stop: threading.Event, *, look_every: float = LOOK_FOR_ACCOUNTS_SECONDS) -> None:
        self._stop = stop
        self._look_every = look_every
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._streams: dict[int, Stream] = {}
        self._accounts: dict[int, TradingAccount] = {}
        # Accounts that must be compared with their venue; one leaves only when that has succeeded.
        self._to_compare: set[int] = set()
        self._comparing: dict[int, Future[Compared]] = {}
        self._polls = Polls()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="reconcile")
        # Accounts that lead wait for no others.
        self._pool_of_leaders = ThreadPoolExecutor(max_workers=8, thread_name_prefix="poll")

    def run(self) -> None:
        """Listen until told to stop; a database that is away is waited for."""
        next_look = 0.0
        while not self._stop.is_set():
            batch: list[Heard] = []
            try:
                if time.monotonic() >= next_look:
                    self._look_for_accounts()
                    next_look = time.monotonic() + self._look_every
                batch = self._next_batch(timeout=0.5)
                self._store(batch)
                self._compare()
            except DATABASE_AWAY as error:
                logger.warning("The database does not answer; the streams go on: %s", error)
                close_old_connections()
                self._to_compare |= {heard.account_id for heard in batch}  # what is not stored is asked for again
                self._stop.wait(1)
        self._end()

    def _look_for_accounts(self) -> None:
        close_old_connections()
        self._accounts = {account.pk: account for account in self._wanted()}
        keys = {pk: account.credential.updated_at for pk, account in self._accounts.items()}
        for pk in [pk for pk, stream in self._streams.items() if keys.get(pk) != stream.key]:
            self._streams.pop(pk).running.cancel()
        fresh = [account for pk, account in self._accounts.items() if pk not in self._streams and _has_stream(account)]
        accesses = accesses_of(fresh)
        for account in fresh:
            if access := accesses.get(account.pk):
                is_connected = threading.Event()
                running = submit(_listen(account.pk, account.venue, access, self._heard, is_connected))
                self._streams[account.pk] = Stream(keys[account.pk], running, is_connected)

    def _wanted(self) -> list[TradingAccount]:
        """Accounts that a person paused are listened to as well: their orders and positions live on.

        Those that lead need no switch to be on: who only trades at the venue itself lets nothing be sent from here.
        """
        who = Q(is_led=True) | Q(live_enabled=True) if settings.LIVE_TRADING else Q(is_led=True)
        states = (AccountState.ACTIVE, AccountState.PAUSED)
        rows = TradingAccount.objects.filter(who, mode=Mode.LIVE, state__in=states)
        rows = rows.filter(credential__isnull=False, venue__in=list(venues())).select_related("credential")
        return [account for account in rows if account.is_led or _has_stream(account)]

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
                self._to_compare.add(pk)

    def _compare(self) -> None:
        now = time.monotonic()
        for pk in [pk for pk, future in self._comparing.items() if future.done()]:
            compared = self._comparing.pop(pk).result()
            self._polls.asked(pk, well=compared.well, now=now)
            if not compared.done:
                self._to_compare.add(pk)
        for pk in (self._to_compare & self._accounts.keys()) - self._comparing.keys():
            self._to_compare.discard(pk)
            self._begin(pk, polled=False)
        for pk in self._polls.due(self._polled(), now=now):
            if pk not in self._comparing:
                self._begin(pk, polled=True)

    def _begin(self, pk: int, *, polled: bool) -> None:
        account = self._accounts[pk]
        pool = self._pool_of_leaders if account.is_led else self._pool
        self._comparing[pk] = pool.submit(_compare, account, polled=polled)

    def _polled(self) -> set[int]:
        """Return the accounts that lead and of which nothing is told now."""
        told = {pk for pk, stream in self._streams.items() if stream.is_connected.is_set()}
        return {pk for pk, account in self._accounts.items() if account.is_led} - told

    def _end(self) -> None:
        for stream in self._streams.values():
            stream.running.cancel()
        with suppress(*DATABASE_AWAY):  # a comparison at the next start brings it
            self._store(self._next_batch(timeout=0.0))
        for pool in (self._pool, self._pool_of_leaders):
            pool.shutdown(wait=True, cancel_futures=True)
        adapters_close()


def _has_stream(account: TradingAccount) -> bool:
    return capabilities(account.venue).private_stream


def _compare(account: TradingAccount, *, polled: bool) -> Compared:
    """Compare an account with its venue, whose refusal is in the report."""
    try:
        report = account_poll(account=account) if polled else account_reconcile(account=account, trigger="stream")
        return Compared(done=True, well=not report.error)
    except DATABASE_AWAY as error:
        logger.warning("Account %s could not be compared with its venue: %s", account.pk, error)
        return Compared(done=False, well=False)
    except Exception:  # noqa: BLE001 - it is in the log already, and must not end the streams of all others
        return Compared(done=True, well=False)
    finally:
        close_old_connections()


async def _listen(
    account_id: int, venue: str, access: AccountAccess, heard: "SimpleQueue[Heard]", is_connected: threading.Event
) -> None:
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            stream = cast("AsyncGenerator[PrivateEvent]", adapter(venue).private_stream(access))
            async with aclosing(stream) as events:
                async for event in events:
                    heard.put(Heard(account_id, event))
                    is_connected.set()  # it says so before all else
        except AuthFailed as error:
            logger.warning("Account %s: %s", account_id, error.message)
            pause = LONGEST_PAUSE
        except RateLimited as error:
            pause = max(pause, (error.until - timezone.now()).total_seconds())
        except VenueError as error:
            logger.info("The stream of account %s ended: %s", account_id, error.message)
        except Exception:
            logger.exception("The stream of account %s failed unexpectedly", account_id)
        finally:
            is_connected.clear()
        if time.monotonic() - began > LONG_ENOUGH:  # connecting alone is no success
            pause = FIRST_PAUSE
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once
        pause = min(pause * 2, LONGEST_PAUSE)
