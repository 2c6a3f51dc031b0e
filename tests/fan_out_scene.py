"""A master and followers with keys of their own at an exchange, and what has to be true once everybody is served."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.crowd import Crowd, let_follow, make_crowd
from tests.simulators.binance import BinanceSimulator

ROOT = Path(__file__).parents[1]
FOLLOWERS = int(os.environ.get("FAN_OUT_FOLLOWERS", "100"))
TRADES = {"BUY": Decimal("0.01"), "SELL": Decimal("0.00999")}  # the fee is taken out of the coins bought
SENT = "SELECT client_order_id, state, attempts FROM orders_order WHERE origin = 'copy'"
DECIDED = "SELECT state, code, count(*) FROM replication_copyintent GROUP BY 1, 2"
OPEN = """
    SELECT (SELECT count(*) FROM replication_signal WHERE state <> 'done')
        + (SELECT count(*) FROM replication_copyintent WHERE state IN ('waiting', 'planned'))
        + (SELECT count(*) FROM orders_order
            WHERE check_at IS NOT NULL OR state NOT IN ('FILLED', 'CANCELED', 'EXPIRED', 'REJECTED', 'FAILED'))
        + (SELECT count(*) FROM orders_fill WHERE awaits_copy)
"""
SIGNALS = "SELECT count(*) FROM replication_signal"
COPIED = """
    SELECT u.username, trim_scale(sum(p.quantity)) FROM replication_copyposition p
    JOIN replication_copy c ON c.id = p.copy_id JOIN orders_tradingaccount a ON a.id = c.account_id
    JOIN accounts_user u ON u.id = a.user_id GROUP BY u.username
"""
HELD = """
    SELECT u.username, trim_scale(sum(h.quantity)) FROM orders_holding h
    JOIN orders_tradingaccount a ON a.id = h.account_id JOIN accounts_user u ON u.id = a.user_id GROUP BY u.username
"""
Query = Callable[[str], list[Any]]
Keys = Sequence[dict[str, str]]


@dataclass(frozen=True)
class Exchange:
    """An exchange in a process of its own; the first of its keys is the master's, the others are the followers'."""

    simulator: BinanceSimulator
    keys: Keys

    @property
    def variables(self) -> dict[str, str]:
        """What tells an installation to trade there; its limits would stretch a fan-out over minutes."""
        url, sockets = self.simulator.url, self.simulator.ws_url
        return {
            "BINANCE_SPOT_URL": url,
            "BINANCE_USDM_URL": url,
            "BINANCE_COINM_URL": url,
            "BINANCE_SPOT_STREAM_URL": sockets,
            "BINANCE_USDM_STREAM_URL": f"{sockets}/fstream",
            "BINANCE_COINM_STREAM_URL": f"{sockets}/dstream",
            "BINANCE_SPOT_WS_API_URL": f"{sockets}/ws-api/v3",
            "BINANCE_SPOT_WEIGHT_LIMIT": "1000000000",
            "LIVE_TRADING": "true",
            "ORDER_SEND_WINDOW_SECONDS": "1",
        }

    def coins(self) -> dict[str, Decimal]:
        """Return what each account has of the coin that is traded, by its key."""
        return {row["key"]: Decimal(row["balances"]["spot"]["BTC"]) for row in self.simulator.accounts()}


@contextmanager
def exchange_for(followers: int, *, latency: str) -> Iterator[Exchange]:
    """Run an exchange with an account for the master and for each follower."""
    options = ("--accounts", str(followers + 1), "--latency", latency)
    command = [sys.executable, "-m", "tests.simulators.binance", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            simulator = BinanceSimulator.connect(told["url"])
            simulator.limits(enforce=False)
            yield Exchange(simulator, told["accounts"])
        finally:
            process.terminate()


def open_crowd(keys: Keys) -> Crowd:
    """Let everybody with a key but the first one follow the first."""
    crowd = make_crowd(keys)
    let_follow(crowd, crowd.followers)
    return crowd


def all_served(query: Query, trades: int) -> bool:
    """Return whether so many trades of the master are through: decisions and orders are final, fills are booked."""
    return query(SIGNALS)[0][0] >= trades and not query(OPEN)[0][0]


def assert_served_once(query: Query, exchange: Exchange, before: Mapping[str, Decimal], trades: int) -> None:
    """Show that each follower has exactly one order for each trade at the exchange, and here what it brought.

    An exit that could not be sent in time is given up where the venue would sell more than is held, and decided anew.
    """
    followers = len(exchange.keys) - 1
    assert query(DECIDED) == [("filled", "", followers * trades)]
    orders = {name: state for name, state, _ in query(SENT)}
    assert set(orders.values()) <= {"FILLED", "FAILED"}, Counter(orders.values())
    sent = [name for name, state in orders.items() if state == "FILLED"]
    assert len(sent) == followers * trades, Counter(orders.values())
    master = exchange.keys[0]["key"]
    accepted = [row for row in exchange.simulator.placements() if not row["code"] and row["key"] != master]
    assert Counter(row["client_id"] for row in accepted) == Counter(sent)
    assert Counter(row["key"] for row in accepted) == {each["key"]: trades for each in exchange.keys[1:]}

    after = exchange.coins()
    bought = {f"trader{number}": after[each["key"]] - before[each["key"]] for number, each in enumerate(exchange.keys)}
    held, copied = dict(query(HELD)), dict(query(COPIED))
    assert held == bought, {name: (held.get(name), quantity) for name, quantity in bought.items()}
    assert copied == {name: quantity for name, quantity in held.items() if name != "trader0"}
