"""The simulator in a process of its own."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.simulators.binance import ApiAccount, BinanceSimulator
from tests.simulators.tests.client import FAPI, Client

ROOT = Path(__file__).resolve().parents[3]
STOP_SECONDS = 10


def test_it_runs_by_itself_and_ends_cleanly() -> None:
    command = [sys.executable, "-m", "tests.simulators.binance", "--port", "0", "--latency", "50:60", "--accounts", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            told = json.loads(process.stdout.readline())
            exchange = BinanceSimulator.connect(told["url"])
            assert exchange.ws_url == told["ws_url"]
            assert [row["key"] for row in exchange.accounts()] == [row["key"] for row in told["accounts"]]
            row = told["accounts"][0]
            with Client(exchange, ApiAccount(row["key"], row["secret"], 0)) as client:
                started = time.monotonic()
                client.public(f"{FAPI}ping")
                assert time.monotonic() - started >= 0.05
                assert client.market(FAPI, "BTCUSDT", "BUY", "0.01")["status"] == "FILLED"
                with client.listen():
                    process.send_signal(signal.SIGTERM)
                    assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()


def test_two_of_them_share_nothing(exchange: BinanceSimulator) -> None:
    with BinanceSimulator(accounts=3) as other:
        other.price("usd_m", "BTCUSDT", "12345")
        assert other.url != exchange.url
        assert len(other.accounts()) == 3
        assert exchange.price("usd_m", "BTCUSDT") == 76915
