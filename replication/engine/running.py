"""From facts to filled orders: what a worker does when it is woken."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial

from celery import current_app
from kombu.exceptions import OperationalError

from copytrade.lib.database import DATABASE_AWAY
from orders.executor.sending import orders_execute
from orders.services.pricing import prices_bring
from replication.engine.collecting import signals_collect
from replication.engine.planning import Planned, SignalFailed, signal_plan_chunk
from replication.engine.settling import orders_settle, signals_finish, waiting_resume
from replication.engine.vanished import vanished_signals

logger = logging.getLogger(__name__)

EXECUTE = "replication.execute"
ORDERS_HERE = 100  # so few are sent at once; of more, the workers take tasks of this size or more
LARGEST_TASK = 500
MOST_ROUNDS = 10_000


def fan_out() -> None:
    """Turn all that waits into orders and have them sent: of small signals here, of large ones by all workers."""
    signals_collect()
    failed: set[int] = set()
    for _ in range(MOST_ROUNDS):
        try:
            planned = signal_plan_chunk(without=failed)
        except SignalFailed as error:
            logger.exception("Leader %s is left out until the next sweep", error.trader_id)
            failed.add(error.trader_id)
            continue
        if planned is None:
            break
        _carry(planned)
    signals_finish()


def chunk_execute(order_ids: Sequence[int]) -> None:
    """Send orders of copies, and those that were waiting for them; judge each batch as soon as it is recorded."""
    waiting = list(order_ids)
    while waiting:
        freed: list[int] = []
        prices_bring(waiting)
        orders_execute(waiting, recorded=partial(_settle, freed))
        waiting = freed


def sweep() -> None:
    """Find what a lost message left behind: facts, signals, trades, and decisions that wait."""
    for step in (vanished_signals, fan_out, _settle_all, _resume_all, signals_finish):
        try:
            step()
        except DATABASE_AWAY:
            raise
        except Exception:  # what one step stumbles over must not keep the others from their work
            logger.exception("A step of the sweep failed: %s", step.__name__)


def _settle_all() -> None:
    chunk_execute(orders_settle())


def _resume_all() -> None:
    chunk_execute(waiting_resume())


def _settle(freed: list[int], order_ids: Sequence[int]) -> None:
    freed += orders_settle(order_ids)


def _carry(planned: Planned) -> None:
    if not planned.more and planned.copies <= ORDERS_HERE:
        chunk_execute([pk for ids in planned.orders.values() for pk in ids])
        return
    for ids in planned.orders.values():
        for chunk in _chunks(ids):
            _send(chunk)


def _chunks(ids: Sequence[int]) -> Iterable[list[int]]:
    """Split orders so that two workers share them: each costs time before its venue is waited for."""
    size = min(max(len(ids) // 2, ORDERS_HERE), LARGEST_TASK)
    for start in range(0, len(ids), size):
        yield list(ids[start : start + size])


def _send(order_ids: list[int]) -> None:
    try:
        current_app.send_task(EXECUTE, [order_ids])
    except (OperationalError, OSError) as error:
        logger.warning("Redis does not answer; the sweep sends these %s orders: %r", len(order_ids), error)
