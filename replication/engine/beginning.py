"""The first copies of a trade, from within the process that has stored it: they wait for no message.

One thread of each process does so, with a connection of its own. The workers are woken for all that it leaves.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection

from copytrade.lib.sql import run
from copytrade.lib.wake import wake
from orders.executor.rows import OrderRow
from orders.services.booking import Booked, awaits_copy
from replication.engine.collecting import account_collect
from replication.engine.running import FAN_OUT, fan_out_first

logger = logging.getLogger(__name__)

# The caller's own work would only take its time from the copies'; longer than this it waits for nobody.
LONGEST_WAIT_SECONDS = 0.1
LEADER = "SELECT trader_id FROM replication_leaderaccount WHERE account_id = %s"

_free = threading.Semaphore()
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="first-copies")


class FirstCopies:
    """Goes along with an order that others may copy, and begins the copies once its trades are stored."""

    wakes_copies = True

    def __init__(self) -> None:
        self._account: int | None = None
        self._leader: int | None = None

    def book(self, orders: Sequence[OrderRow], trades: Sequence[Booked]) -> None:
        """Write the signals of what there is to copy, unless somebody else is at it."""
        traded = {trade.order_id for trade in trades}
        for order in orders:
            if order.id in traded and awaits_copy(order):
                self._account = order.account_id
                self._leader = account_collect(account_id=order.account_id) if settings.COPY_AT_ONCE else None

    def go_on(self, order_ids: Sequence[int], *, booked: bool) -> None:
        """Begin; what was not booked with this has woken the workers itself."""
        if booked and self._account is not None:
            copies_begin(self._account, self._leader)


def copies_begin(account_id: int, leader: int | None = None) -> None:
    """Plan the first copies of what an account that leads has traded; return once their orders are on their way.

    With `leader` its signals are written already. What comes back of the orders is stored beside the caller's work.
    Where this process is busy with an earlier trade, the workers do it all. Must not run inside a transaction.
    """
    if not settings.COPY_AT_ONCE or not _free.acquire(blocking=False):
        wake(FAN_OUT)
        return
    begun = threading.Event()
    _thread.submit(_begin, account_id, leader, begun)
    begun.wait(LONGEST_WAIT_SECONDS)


def _begin(account_id: int, leader: int | None, begun: threading.Event) -> None:
    try:
        for pk in _leaders(account_id) if leader is None else [leader]:
            fan_out_first(pk, begun.set, collected=leader is not None)
    except Exception:
        logger.exception("The first copies of a trade are left to the workers")
        wake(FAN_OUT)
        connection.close()  # a broken one is replaced; a sound one stays, with the plans that PostgreSQL made for it
    finally:
        _free.release()


def _leaders(account_id: int) -> list[int]:
    return [pk for (pk,) in run(LEADER, [account_id])]
