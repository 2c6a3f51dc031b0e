"""Workers that are killed in the middle of a fan-out: each follower gets the order exactly once, nothing by hand.

One of the two processes of a worker's pool is killed, as by the kernel where memory runs out, and the worker goes on
with another; in between the whole worker is killed. The process that takes the master's order is killed while it sends
the first copies. FAN_OUT_FOLLOWERS says how many follow, FAN_OUT_KILLS how often something is killed, FAN_OUT_SEED
when. More than a hundred kills take longer than entries may wait to be sent.
"""

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import cycle, islice
from typing import Any

import pytest
from django.db import connection

from copytrade.celery import app
from copytrade.lib.sql import run
from copytrade.lib.wake import wake
from markets.venues import registry
from orders.models import OrderEvent, Origin
from orders.services.rebuild import holdings_rebuild
from replication.services.rebuild import Wrong, copies_rebuild
from tests.fan_out_scene import (
    FOLLOWERS,
    OPEN,
    ROOT,
    SIGNALS,
    TRADES,
    Exchange,
    all_served,
    assert_served_once,
    exchange_for,
    open_crowd,
)
from tests.test_faults import wait_until

KILLS = int(os.environ.get("FAN_OUT_KILLS", "6"))
SEED = int(os.environ.get("FAN_OUT_SEED", "1"))
LONGEST_LIFE = 150.0  # milliseconds, once orders are out: as long as the exchange takes for one
SECONDS_TO_SETTLE = 60.0 + KILLS
SWEEPS = ("replication.sweep", "orders.sweep")
VICTIMS = ("worker", "process")  # by turns: one trade begins with the one, the next with the other
SENDING = "SELECT count(*) FROM orders_order WHERE origin = 'copy' AND state = 'SENDING'"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exchange(settings: Any) -> Iterator[Exchange]:
    """An exchange where everybody follows the master, live."""
    with exchange_for(FOLLOWERS, latency="50:150") as exchange:
        for name, value in exchange.variables.items():
            setattr(settings, name, int(value) if value.isdigit() else value)
        settings.LIVE_TRADING = True
        registry.adapters_close()
        open_crowd(exchange.keys)
        yield exchange
        registry.adapters_close()


@pytest.fixture
def workers(exchange: Exchange) -> Iterator["subprocess.Popen[str]"]:
    """A worker at the queue of copies; each line kills it or a process of its pool, which is replaced."""
    with _run(exchange, "tests.fan_out_worker") as process:
        assert _answer(process) == "ready"
        yield process
        process.communicate()
    assert process.returncode == 0, "a worker ended with its process"


def test_workers_killed_in_a_fan_out_serve_each_follower_exactly_once(exchange, workers):
    """PITFALLS 21 and 23."""
    chance, coins, in_the_middle = random.Random(SEED), exchange.coins(), Counter[str]()
    victims = cycle(VICTIMS)
    for trades, side in enumerate(TRADES, start=1):
        _trade(exchange, side, trades)
        for victim in islice(victims, KILLS // len(TRADES)):
            for task in SWEEPS:
                app.send_task(task)
            wait_until(partial(_sends_in_time, trades), SECONDS_TO_SETTLE, "orders under way")
            soon = chance.uniform(0, LONGEST_LIFE) if in_the_middle[victim] else 0.0
            in_the_middle[victim] += _kill(workers, victim, soon)

    wait_until(_swept, SECONDS_TO_SETTLE, "all followers served")

    assert_served_once(run, exchange, coins, len(TRADES))
    assert all(in_the_middle[victim] for victim in VICTIMS)  # some kills left work under way
    assert OrderEvent.objects.filter(order__origin=Origin.COPY, source="poll").exists(), "no kill fell upon a sending"
    assert copies_rebuild() == Wrong([], [])
    assert holdings_rebuild() == []


def _trade(exchange: Exchange, side: str, trades: int) -> None:
    """Let the master trade, and kill the process that took the order while it sends the first copies."""
    with _run(exchange, "tests.fan_out_trader", side, str(TRADES[side]), COPY_AT_ONCE="true") as process:
        wait_until(partial(_sends_in_time, trades), SECONDS_TO_SETTLE, "first copies under way")
        process.kill()


def _run(exchange: Exchange, module: str, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        **exchange.variables,
        "DATABASE_URL": _database_url(),
        "DJANGO_SETTINGS_MODULE": "copytrade.settings",
        "LOG_LEVEL": "ERROR",
        **variables,
    }
    command, pipe = [sys.executable, "-m", module, *arguments], subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)


def _sends(trades: int) -> bool:
    """Return whether orders are out, or nothing is left to do."""
    return run(SIGNALS)[0][0] >= trades and (bool(run(SENDING)[0][0]) or all_served(run, trades))


def _sends_in_time(trades: int) -> bool:
    """Do as `_sends`; where all followers wait for what is in doubt of the trade before, the sweep asks about it."""
    if _sends(trades):
        return True
    _beat()
    return False


def _swept() -> bool:
    """Return whether nothing is left to do."""
    _beat()
    return all_served(run, len(TRADES))


def _beat() -> None:
    """Do as the beat, only more often."""
    for task in SWEEPS:
        wake(task)


def _kill(workers: "subprocess.Popen[str]", victim: str, milliseconds: float) -> bool:
    """Kill a worker or a process of its pool, so soon; return whether anything was under way."""
    assert workers.stdin is not None
    print(victim, milliseconds, file=workers.stdin, flush=True)
    assert _answer(workers).isdigit(), "the worker did not start"
    return bool(run(OPEN)[0][0])


def _answer(workers: "subprocess.Popen[str]") -> str:
    assert workers.stdout is not None
    return workers.stdout.readline().strip()


def _database_url() -> str:
    parts = connection.settings_dict
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"
