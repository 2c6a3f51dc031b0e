"""The whole installation while what a fan-out needs fails: each follower gets each order exactly once, nothing by hand.

Valkey is wiped in the middle of one fan-out and PostgreSQL killed in the middle of the next, while the exchange loses
answers to orders that it has accepted. FAN_OUT_FOLLOWERS says how many follow.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import redis
import requests

from copytrade.ops.runtime.envfile import read_env
from tests.fan_out_scene import (
    FOLLOWERS,
    TRADES,
    Exchange,
    all_served,
    assert_served_once,
    exchange_for,
)
from tests.test_faults import Installation, installation, wait_until

LATENCY = "100:400"  # milliseconds; so long that what fails does so while orders are out
SECONDS_TO_SERVE = 90.0
ORDERS = "/api/v3/order"
LOST = 0.05
FEW_CANDLES = {"TRADING_SYMBOLS": "BTCUSDT", "TRADING_INTERVALS": "1d", "TRADING_MARKET_TYPES": "spot"}
OPEN_CROWD = """
import json, pathlib
from tests.fan_out_scene import open_crowd
folder = pathlib.Path({folder!r})
crowd = open_crowd(json.loads((folder / "keys.json").read_text()))
(folder / "api_key").write_text(crowd.api_key)
"""


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """An exchange that accepts one order in twenty and does not answer."""
    with exchange_for(FOLLOWERS, latency=LATENCY) as exchange:
        spared = exchange.keys[0]["key"]
        exchange.simulator.fault(
            "drop_after", method="POST", path=ORDERS, count=None, probability=LOST, spared_key=spared
        )
        yield exchange


def test_whatever_fails_in_a_fan_out_each_follower_is_served_exactly_once(tmp_path: Path, exchange: Exchange) -> None:
    with installation(tmp_path, **exchange.variables, **FEW_CANDLES) as running:
        api_key, coins = _open_crowd(running, exchange), exchange.coins()

        with _in_the_middle(running, exchange, api_key, "BUY"):
            _wipe_valkey(running)
        _wait_until_served(running, 1)
        with _in_the_middle(running, exchange, api_key, "SELL"):
            running.kill("postgres")
        _wait_until_served(running, 2)

        assert_served_once(running.query, exchange, coins, len(TRADES))
        assert exchange.simulator.faults()[0]["hits"], "no answer was lost"


def _open_crowd(running: Installation, exchange: Exchange) -> str:
    (running.folder / "keys.json").write_text(json.dumps(exchange.keys))
    running.manage("shell", "-c", OPEN_CROWD.format(folder=str(running.folder)))
    return (running.folder / "api_key").read_text()


@contextmanager
def _in_the_middle(running: Installation, exchange: Exchange, api_key: str, side: str) -> Iterator[None]:
    """Let the master trade; within this some followers have their order, and others do not."""
    placed = partial(_placed, exchange, side)
    response = requests.post(
        f"http://127.0.0.1:{running.port}/api/orders/place",
        json={"symbol": "BTCUSDT", "side": side, "order_type": "MARKET", "quantity": str(TRADES[side])},
        headers={"X-API-Key": api_key},
        timeout=30,
    )
    assert response.status_code == 201, response.text
    wait_until(lambda: placed() > FOLLOWERS / 10, SECONDS_TO_SERVE, "the first orders of followers")
    assert placed() < FOLLOWERS
    yield


def _placed(exchange: Exchange, side: str) -> int:
    return sum(row["side"] == side and not row["code"] for row in exchange.simulator.placements())


def _wipe_valkey(running: Installation) -> None:
    with redis.Redis.from_url(read_env(running.folder / "var" / "runtime.env")["REDIS_URL"]) as client:
        client.flushall()


def _wait_until_served(running: Installation, trades: int) -> None:
    def look() -> str:
        return str(Counter(running.query("SELECT state, reason_code FROM orders_order")))

    try:
        wait_until(lambda: all_served(running.query, trades), SECONDS_TO_SERVE, "all followers served")
    except AssertionError:
        raise AssertionError(f"{look()}\n{running.output()}") from None
