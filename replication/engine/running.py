"""From facts to filled orders: what a worker does when it is woken."""

import logging
import time
from collections.abc import Callable, Sequence

from copytrade.lib.database import DATABASE_AWAY
from copytrade.lib.wake import wake
from orders.executor.claiming import Claims, Taken, taken_open
from orders.executor.sending import Carrier
from orders.services.pricing import prices_bring
from replication.engine.apart import Detour
from replication.engine.collecting import leader_signals_collect, signals_collect
from replication.engine.outcomes import Outcomes
from replication.engine.planning import Planned, SignalFailed, signal_plan_chunk
from replication.engine.resuming import waiting_resume
from replication.engine.settling import orders_settle, signals_finish
from replication.engine.vanished import vanished_signals
from replication.services.flags import leaders_unmark
from replication.services.withdrawing import paused_leaders_take_back

logger = logging.getLogger(__name__)

FAN_OUT = "replication.fan_out"
# After so long a worker leaves the rest to another task, so that those which wait in its queue have their turn.
LONGEST_ROUND_SECONDS = 20.0


def fan_out(*, wait: bool = True) -> None:
    """Turn all that waits into orders and send them; the workers share what large signals bring.

    Each plans some copies and sends their orders; while those are out it plans the next. It stores what comes back
    before it waits (with `wait`) for another worker's turn at a signal.
    """
    courier = Courier()
    try:
        _plan_and_send(courier, wait=wait)
    finally:
        courier.finish()  # what is out is stored, whatever the planning stumbled over
    signals_finish()


def _plan_and_send(courier: "Courier", *, wait: bool) -> None:
    detour, ends = Detour(), time.monotonic() + LONGEST_ROUND_SECONDS
    while True:
        signals_collect()
        courier.make_room()
        try:
            planned = signal_plan_chunk(without=detour.left_out, wait=wait and not courier.busy, most=detour.most)
        except SignalFailed as error:
            detour.go_round(error)
        else:
            if planned is not None:
                _carry(courier, planned)
                if planned.more:
                    wake(FAN_OUT)
            elif courier.busy:
                courier.store()
            else:
                return
        if time.monotonic() > ends:
            wake(FAN_OUT)
            return


def fan_out_first(leader: int, begun: Callable[[], None], *, collected: bool) -> None:
    """Plan the first copies of what a leader traded and send their orders, then say so; store what comes back.

    `collected`: signals of it are written already. Where there are more copies, they are left to the workers, which are
    woken. `begun` is called once the first orders have left, or none will; more than once perhaps.
    """
    courier = Courier(begun)
    try:
        expected = collected or leader_signals_collect(trader_id=leader) > 0
        while (planned := signal_plan_chunk(leader=leader, expected=expected)) is not None:
            expected = False
            _carry(courier, planned)
            if planned.more:
                wake(FAN_OUT, times=2)  # one plans, another is ready for its turn; who plans on wakes the others
                break
    finally:
        if not courier.busy:
            begun()
        courier.finish()
    signals_finish()


def chunk_execute(order_ids: Sequence[int]) -> None:
    """Send orders of copies, and those that were waiting for them; judge each batch as it is recorded."""
    courier = Courier()
    courier.send(order_ids)
    courier.finish()


class Courier:
    """Orders of copies on their way. What waited for those that are final follows them.

    `under_way` is called as `Carrier` says.
    """

    def __init__(self, under_way: Callable[[], None] = lambda: None) -> None:
        self._outcomes = Outcomes()
        self._carrier = Carrier(self._outcomes, under_way)

    @property
    def busy(self) -> bool:
        """Whether orders are on their way, or may leave now."""
        return self._carrier.busy or bool(self._outcomes.freed)

    def send(self, order_ids: Sequence[int]) -> None:
        """Send orders that nobody has taken yet, while those from before are out."""
        if order_ids:
            prices_bring(order_ids)
            self._carrier.carry(order_ids)

    def send_taken(self, taken: Taken) -> None:
        """Send orders that are this worker's already: at once, since their time has begun.

        Only those on paper wait for prices, which they need.
        """
        live, on_paper = taken.parted()
        self._take(live)
        if on_paper.rows:
            _prices_bring([row.id for row in on_paper.rows])
            self._take(on_paper)

    def make_room(self) -> None:
        """Store what has come, and wait until so little is out that more may be planned."""
        self._carrier.store_received()
        self._carrier.make_room()
        self._send_freed()

    def store(self) -> None:
        """Wait for what comes next of what is out, and store it; send what waited for it."""
        if self._carrier.busy:
            self._carrier.store()
        self._send_freed()

    def finish(self) -> None:
        """Store all that still comes."""
        while self.busy:
            self.store()

    def _take(self, taken: Taken) -> None:
        self._carrier.take(Claims(taken_open(taken), []))

    def _send_freed(self) -> None:
        freed, self._outcomes.freed = self._outcomes.freed, []
        self.send(freed)


def sweep() -> None:
    """Find what a lost message left behind: facts, signals, trades, and decisions that wait."""
    first, last = (vanished_signals, paused_leaders_take_back), (signals_finish, leaders_unmark)
    for step in (*first, _fan_out_at_once, _settle_all, _resume_all, *last):
        try:
            step()
        except DATABASE_AWAY:
            raise
        except Exception:  # what one step stumbles over must not keep the others from their work
            logger.exception("A step of the sweep failed: %s", step.__name__)


def _fan_out_at_once() -> None:
    fan_out(wait=False)


def _settle_all() -> None:
    chunk_execute(orders_settle())


def _resume_all() -> None:
    chunk_execute(waiting_resume())


def _carry(courier: Courier, planned: Planned) -> None:
    if planned.taken is not None:
        courier.send_taken(planned.taken)
    courier.send(planned.waiting)


def _prices_bring(order_ids: Sequence[int]) -> None:
    try:
        prices_bring(order_ids)
    except DATABASE_AWAY:
        raise
    except Exception:  # without them the paper books open nothing, and say so
        logger.exception("Prices for %s paper orders cannot be brought", len(order_ids))
