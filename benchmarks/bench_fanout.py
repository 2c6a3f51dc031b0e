"""Fan-out: from a master's POST until each follower's fill is stored.

python -m benchmarks.bench_fanout [--json] [--quick] [--followers 500,2000]

A simulated exchange in a process of its own answers each order after 50 to 150 ms; every follower has an account and a
key of their own there. Web and workers are those of `make up`. A follower is served when the transaction that stores
and books the fill is committed. The exchange's own limits are lifted, there and here: they would stretch 10,000 orders
from one address over minutes.
"""

import argparse
import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from statistics import median
from typing import Any

from benchmarks.bench_orders import exchange
from benchmarks.crowd import Crowd, let_follow, make_crowd
from benchmarks.figures import machine, machine_line, percentile, table
from benchmarks.servers import Installation, installation
from tests.simulators.binance import BinanceSimulator

ADDRESSES = ("BINANCE_SPOT_URL", "BINANCE_USDM_URL", "BINANCE_COINM_URL")
FOLLOWERS = (1, 10, 100, 500, 2_000, 10_000)
WITH_ERRORS = (500, 2_000)
WORKERS = (1, 2)
LATENCY_MS = (50, 150)
# What the first follower waits for beyond the broker is seen where each order there takes the same time.
EVEN_LATENCY_MS = 100
FIRST_ROUNDS = 10
FIRST_FOLLOWERS = 10
FIRST_TARGET_MS = 40.0
OWN_TARGET_S = 2.0
OWN_ROUNDS = 5
PATIENCE_SECONDS = 180
LOOK_SECONDS = 0.1
ERRORS = 0.05
QUANTITY = "0.01"
UNLIMITED = "1000000000"
TARGETS = {500: 0.6, 10_000: 5.0}
# Seconds until all was stored, measured elsewhere: the seed's own code sends one order of 500 (it claims 30 s for all);
# a sketch of this design without claims, decisions and positions; the client alone.
PEERS = (
    ("a sketch of this design, 500", 0.32),
    ("a sketch of this design, 2,000", 0.71),
    ("a sketch of this design, 10,000", 2.35),
    ("sequential loop at 100 ms, 50", 5.0),
    ("the seed's claim, 500", 30.0),
)
SERVED = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(f.xmin)) FROM orders_fill f
    JOIN orders_order o ON o.id = f.order_id WHERE o.origin = 'copy' AND o.created_at >= %s
"""
# Of decisions, those that are open; an index holds them alone, so that to look costs nothing.
UNDER_WAY = """
    SELECT (SELECT count(*) FROM replication_copyintent WHERE state IN ('waiting', 'planned')),
        (SELECT coalesce(sum(intents_count), 0) FROM replication_signal WHERE detected_at >= %s)
"""
# Without this benchmark's own look, and PostgreSQL's own checks of foreign keys.
STATEMENTS = """
    SELECT sum(calls)::bigint FROM pg_stat_statements
    WHERE query NOT LIKE '%%SELECT (SELECT count(*) FROM replication_copyintent%%'
        AND query NOT LIKE 'SELECT %% FROM ONLY %%'
"""


@dataclass(frozen=True)
class Run:
    """One fan-out. Times are seconds from the POST; `errors` is the share of orders that the exchange spoiled."""

    followers: int
    workers: int
    first_s: float
    p50_s: float
    p99_s: float
    last_s: float
    all_final_s: float
    orders_at_broker: int
    orders_filled: int
    statements: int
    cpu_ms_per_follower: float
    errors: float = 0.0


def main() -> None:
    """Measure and print."""
    options = _options()
    wanted = [int(text) for text in options.followers.split(",")] if options.followers else list(FOLLOWERS)
    if options.quick:
        wanted = [1, 20]
    with exchange(max(wanted) + 1) as (url, keys), installation(**_postgres()) as copy:
        copy.set(**dict.fromkeys(ADDRESSES, url), LIVE_TRADING="true", BINANCE_SPOT_WEIGHT_LIMIT=UNLIMITED)
        copy.set(ORDER_RATE_LIMIT_MAX=UNLIMITED)
        copy.django()
        results = measure(copy, BinanceSimulator.connect(url), make_crowd(keys), wanted, quick=options.quick)
    print(json.dumps(results) if options.json else report(results))


def _postgres() -> dict[str, str]:
    return {"shared_preload_libraries": "pg_stat_statements", "track_commit_timestamp": "on"}


def measure(
    copy: Installation, broker: BinanceSimulator, crowd: Crowd, wanted: list[int], *, quick: bool
) -> dict[str, Any]:
    """Let followers follow, the master trade, and watch; return all figures."""
    from benchmarks.filler import postgres_version
    from copytrade.lib.sql import run

    run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    broker.limits(enforce=False)
    copy.start_web()
    copy.start_beat()  # it finds what is left over where the exchange fails
    runs = []
    for workers in WORKERS:
        copy.start_executor(workers)
        broker.latency(*LATENCY_MS)
        _fan_out(copy, broker, crowd, min(wanted[-1], 100), workers)  # each process loads its libraries once
        runs += [_fan_out(copy, broker, crowd, followers, workers) for followers in wanted]
        if workers == WORKERS[-1] and not quick:
            for kind in ("drop_after", "unavailable_503"):
                spoiled = {"probability": ERRORS / 2, "count": None, "spared_key": crowd.venue_key}
                broker.fault(kind, method="POST", path="/api/v3/order", **spoiled)
            runs += [
                _fan_out(copy, broker, crowd, followers, workers, errors=ERRORS)
                for followers in WITH_ERRORS
                if followers <= crowd.followers
            ]
            broker.clear_faults()
        if workers == WORKERS[-1]:
            first = _first(copy, broker, crowd, min(wanted[-1], FIRST_FOLLOWERS), workers, 1 if quick else FIRST_ROUNDS)
            overhead = _overhead(copy, broker, crowd, wanted[-1], workers, 1 if quick else OWN_ROUNDS)
        copy.stop_executor()
    return {
        "runs": [asdict(each) for each in runs],
        "first_over_broker_ms": first,
        "overhead": asdict(overhead),
        "machine": machine(postgres_version()),
    }


def _first(
    copy: Installation, broker: BinanceSimulator, crowd: Crowd, followers: int, workers: int, rounds: int
) -> float:
    """Return the median of what the first follower's fill takes beyond the broker's own time for two orders, ms."""
    broker.latency(EVEN_LATENCY_MS, EVEN_LATENCY_MS)
    let_follow(crowd, followers)
    beyond: list[float] = []
    for side in ("BUY", "SELL") * rounds:
        run = _trade(copy, broker, crowd, followers, workers, side, 0.0)
        masters, first = broker.counts()["seconds"][:2]
        beyond.append(run.first_s - masters - first)
    return round(median(beyond) * 1000, 1)


def _overhead(
    copy: Installation, broker: BinanceSimulator, crowd: Crowd, followers: int, workers: int, rounds: int
) -> Run:
    """Return the run in the middle of some where the exchange answers at once."""
    broker.latency(0, 0)
    runs = [_fan_out(copy, broker, crowd, followers, workers) for _ in range(rounds)]
    return sorted(runs, key=lambda run: run.last_s)[rounds // 2]


def _fan_out(
    copy: Installation, broker: BinanceSimulator, crowd: Crowd, followers: int, workers: int, *, errors: float = 0.0
) -> Run:
    """Let so many follow and the master buy, and wait until everything is final; then let the master sell again."""
    let_follow(crowd, followers)
    broker.clear_journal()
    run = _trade(copy, broker, crowd, followers, workers, "BUY", errors)
    _trade(copy, broker, crowd, followers, workers, "SELL", errors)
    return run


def _trade(
    copy: Installation, broker: BinanceSimulator, crowd: Crowd, followers: int, workers: int, side: str, errors: float
) -> Run:
    from copytrade.lib.sql import run

    run("SELECT pg_stat_statements_reset()")
    broker.clear_journal()
    with closing(HTTPConnection("127.0.0.1", copy.port, timeout=30)) as client:
        client.connect()
        cpu, began, clock = copy.cpu_seconds().get("executor", 0.0), datetime.now(UTC), time.time()
        _post(client, crowd, side)
    final_at = _wait(began, followers)
    statements = run(STATEMENTS)
    served = sorted(float(moment) - clock for (moment,) in run(SERVED, [began]))
    used = copy.cpu_seconds().get("executor", 0.0) - cpu
    copies = broker.counts()["client_ids"]
    return Run(
        followers=followers,
        workers=workers,
        first_s=round(served[0], 3),
        p50_s=round(percentile(served, 50), 3),
        p99_s=round(percentile(served, 99), 3),
        last_s=round(served[-1], 3),
        all_final_s=round(final_at - clock, 3),
        orders_at_broker=sum(copies.values()) - 1,  # one is the master's own
        orders_filled=len(served),
        statements=int(statements[0][0]),
        cpu_ms_per_follower=round(used * 1000 / followers, 3),
        errors=errors,
    )


def _post(client: HTTPConnection, crowd: Crowd, side: str) -> None:
    body = {"symbol": "BTCUSDT", "side": side, "order_type": "MARKET", "quantity": QUANTITY}
    headers = {"X-API-Key": crowd.api_key, "Content-Type": "application/json"}
    client.request("POST", "/api/orders/place", json.dumps(body), headers)
    answer = client.getresponse()
    if answer.status != 201:
        raise RuntimeError(f"The master's order was answered with {answer.status}: {answer.read()!r}")


def _wait(began: datetime, followers: int) -> float:
    """Wait until each follower's decision is final; return when that was seen."""
    from copytrade.lib.sql import run

    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        under_way, decided = run(UNDER_WAY, [began])[0]
        if decided >= followers and not under_way:
            return time.time()
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"After {PATIENCE_SECONDS} s {under_way} of {decided} decisions are not final.")


def report(results: dict[str, Any]) -> str:
    """Return the figures as tables."""
    headings = (
        *("followers", "workers", "errors", "first s", "p50 s", "p99 s", "last s", "target"),
        *("orders", "SQL", "ms CPU"),
    )
    rows = [_row(run) for run in results["runs"]]
    title = "From the master's POST to followers' fills stored; the exchange answers in 50 to 150 ms"
    return "\n".join(
        [
            table(title, headings, rows),
            table(
                "The first follower's fill stored, beyond the two orders at the broker",
                ("ms", "target"),
                [(results["first_over_broker_ms"], FIRST_TARGET_MS)],
            ),
            table("The exchange answers at once: our own time", headings, [_row(results["overhead"], OWN_TARGET_S)]),
            table("Others, until the last one, s", ("", ""), PEERS),
            machine_line(results["machine"]),
        ]
    )


def _row(run: dict[str, Any], own_target: float | None = None) -> tuple[object, ...]:
    share = f"{run['errors']:.0%}" if run["errors"] else ""
    times = [f"{run[name]:.3f}" for name in ("first_s", "p50_s", "p99_s", "last_s")]
    target = own_target or TARGETS.get(int(run["followers"])) or ""
    figures = (run["orders_at_broker"], run["statements"], f"{run['cpu_ms_per_follower']:.2f}")
    return (run["followers"], run["workers"], share, *times, str(target), *figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few followers, to see that it works")
    parser.add_argument("--followers", default="", help="how many, separated by commas")
    return parser.parse_args()


if __name__ == "__main__":
    main()
