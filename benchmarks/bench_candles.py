"""Candle sync: SQL statements and time for 4,000 candles, at a simulated exchange without latency of its own.

python -m benchmarks.bench_candles [--json] [--quick]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.figures import machine, machine_line, table
from benchmarks.servers import ROOT, Installation, installation

TARGET_STATEMENTS = 40
SEED_STATEMENTS, SEED_SECONDS = 24_004, 6.0
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
INTERVALS = ("1m", "15m", "1h", "4h", "1d")
MARKET_TYPES = ("spot", "usd_m")
PAGE = 100
CANDLES = len(SYMBOLS) * len(INTERVALS) * len(MARKET_TYPES) * PAGE
SETTINGS = {
    "TRADING_SYMBOLS": ",".join(SYMBOLS),
    "TRADING_INTERVALS": ",".join(INTERVALS),
    "TRADING_MARKET_TYPES": ",".join(MARKET_TYPES),
    "VENUE_TIMEOUT_SECONDS": "60",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How often the sync is measured, and how many pages of the past are fetched in the largest run."""

    rounds: int
    past_pages: int


FULL = Plan(rounds=7, past_pages=3)
QUICK = Plan(rounds=2, past_pages=1)


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else FULL
    with exchange() as addresses:
        os.environ.update({**SETTINGS, **addresses})
        with installation() as copy:
            results = measure(copy, plan)
    print(json.dumps(results) if options.json else _text(results, plan))


@contextmanager
def exchange() -> Iterator[dict[str, str]]:
    """Run the simulated exchange in a process of its own; give the variables that lead to it."""
    command = [sys.executable, "-m", "tests.simulators.binance", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            yield {f"BINANCE_{market}_URL": url for market in ("SPOT", "USDM", "COINM")}
        finally:
            process.terminate()


def measure(copy: Installation, plan: Plan) -> dict[str, Any]:
    """Return all figures."""
    copy.django()
    from benchmarks.filler import postgres_version

    results = measure_sync(plan)
    return {**results, "machine": machine(postgres_version())}


def measure_sync(plan: Plan) -> dict[str, Any]:
    """Return statements and seconds of a first run with 4,000 candles, of the next one, and of one with the past."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from markets.services.refresh import markets_refresh
    from markets.wanted import venues_wanted

    for venue in venues_wanted():
        markets_refresh(venue=venue)
    _forget()
    with CaptureQueriesContext(connection) as captured:
        _sync()
    first = [_first_run() for _ in range(plan.rounds)]
    with CaptureQueriesContext(connection) as repeated:
        _sync()
    again = [_timed_sync() for _ in range(plan.rounds)]
    seconds, candles = _timed_sync(page=1000, backfill_pages=plan.past_pages)
    return {
        "statements": len(captured),
        "seconds": round(median(seconds for seconds, _ in first), 3),
        "candles": first[0][1],
        "again": {"statements": len(repeated), "seconds": round(median(seconds for seconds, _ in again), 3)},
        "past": {"candles": candles, "seconds": round(seconds, 3)},
    }


def _first_run() -> tuple[float, int]:
    """Sync into empty tables; anything but 4,000 candles is a failure of the benchmark."""
    _forget()
    seconds, candles = _timed_sync()
    if candles != CANDLES:
        raise RuntimeError(f"{candles} candles were stored instead of {CANDLES}.")
    return seconds, candles


def _forget() -> None:
    from markets.models import Candle, CandleSeries

    Candle.objects.all().delete()
    CandleSeries.objects.all().delete()


def _sync(*, page: int = PAGE, backfill_pages: int = 0) -> int:
    from django.utils import timezone

    from markets.services.candles import candles_sync

    result = candles_sync(now=timezone.now(), page=page, backfill_pages=backfill_pages)
    if result.failed:
        raise RuntimeError(f"{result.failed} series failed.")
    return result.candles


def _timed_sync(**options: int) -> tuple[float, int]:
    started = time.perf_counter()
    candles = _sync(**options)
    return time.perf_counter() - started, candles


def _text(results: dict[str, Any], plan: Plan) -> str:
    again, past = results["again"], results["past"]
    rows = [
        ("statements", results["statements"], f"≤ {TARGET_STATEMENTS}", SEED_STATEMENTS),
        ("seconds", f"{results['seconds']:.2f}", "", f"{SEED_SECONDS:.2f}"),
        ("the next run, statements", again["statements"], "", SEED_STATEMENTS),
        ("the next run, seconds", f"{again['seconds']:.2f}", "", f"{SEED_SECONDS:.2f}"),
        (f"{past['candles']:,} older ones, seconds", f"{past['seconds']:.2f}", "", ""),
    ]
    title = f"{CANDLES:,} candles of {CANDLES // PAGE} series (medians of {plan.rounds} rounds)"
    return table(title, ("", "ours", "target", "the seed's own"), rows) + "\n" + machine_line(results["machine"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_candles", description="Measures candle sync.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it runs, not how fast")
    return parser.parse_args()


if __name__ == "__main__":
    main()
