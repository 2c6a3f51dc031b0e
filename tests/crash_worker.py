"""A worker that is killed again and again: `python -m tests.crash_worker` forks it anew after each end.

It writes orders, sends them and asks about them without a pause, so that wherever the kill falls, something is between
"written", "sent" and "recorded". Forking spares the imports, which would take a hundred times longer than a life.
Standard input brings one line per kill: the milliseconds that this life may last. Standard output answers with the
number of the ended process.
"""

import os
import random
import signal
import sys
import time
from datetime import timedelta

import django

django.setup()

from markets.models import Market  # noqa: E402  (Django has to be set up first)
from markets.venues import registry  # noqa: E402
from markets.venues.vocabulary import OrderType, Side  # noqa: E402
from orders.executor import checking  # noqa: E402
from orders.executor.checking import orders_check  # noqa: E402
from orders.executor.sending import orders_execute, orders_execute_due  # noqa: E402
from orders.models import Origin, TradingAccount  # noqa: E402
from orders.services.placing import order_write  # noqa: E402

VENUE = "binanceusdm"
LEASE = timedelta(seconds=3)  # how long what a killed worker was asking about is left to it
ENOUGH = 10_000  # attempts: a thousand kills are more than any order would meet in its life


def work(ready: int) -> None:
    """Trade until the end comes."""
    accounts = list(TradingAccount.objects.all())
    market = Market.objects.get(venue=VENUE, symbol="BTCUSDT")
    registry.adapter(VENUE)
    os.write(ready, b".")
    while True:
        order = order_write(
            account=random.choice(accounts),
            market=market,
            origin=Origin.MANUAL,
            side=random.choice(list(Side)),
            type=OrderType.MARKET,
            quantity=market.quantity_min,
            send_within=timedelta(hours=1),
            attempts_allowed=ENOUGH,
        )
        if random.random() < 0.7:
            orders_execute([order.pk])
        else:
            orders_execute_due()
        orders_check()


def live(milliseconds: float) -> int:
    """Fork a worker, let it live so long, kill it; return its process id."""
    heard, ready = os.pipe()
    child = os.fork()
    if not child:
        os.close(heard)
        work(ready)
    os.close(ready)
    os.read(heard, 1)
    os.close(heard)
    time.sleep(milliseconds / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return child


def main() -> None:
    """Live and die once per line."""
    import ccxt.async_support  # noqa: F401 - the children have it from here

    checking.LEASE = LEASE
    for line in sys.stdin:
        sys.stdout.write(f"{live(float(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
