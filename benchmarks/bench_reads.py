"""Reads with a million fills stored: their SQL statements and how long they take over HTTP.

python -m benchmarks.bench_reads [--json] [--quick]
"""

import argparse
import json
import time
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from statistics import median
from typing import Any

from benchmarks.figures import machine, machine_line, percentile, table
from benchmarks.reports import SYMBOLS, lead_id
from benchmarks.servers import Installation, installation
from copytrade.ops.runtime.network import LOOPBACK

TARGET_MS = 10.0  # the 95th percentile of these reads
TARGETED = ("/symbols", "/traders/top")
SLOW_STATEMENT_MS = 2.0
TRIES = 5
FIGURES = ("sql", "p50", "p95", "p99")
WARM_UP = 20
FEW, MANY = "limit=5", "limit=200"  # rows of a page: both have to take the same statements
BUSY_LEADER = lead_id(1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many fills are stored, and how often each address is read."""

    leaders: int
    events: int
    requests: int


FULL = Plan(leaders=600, events=1_000_000, requests=300)
QUICK = Plan(leaders=20, events=2_000, requests=20)


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else FULL
    with installation() as copy:
        results = measure(copy, plan)
    print(json.dumps(results) if options.json else _text(results, plan))


def measure(copy: Installation, plan: Plan) -> dict[str, Any]:
    """Return all figures."""
    copy.django()
    from benchmarks.filler import fill, postgres_version

    started = time.perf_counter()
    rows = fill(leaders=plan.leaders, symbols=len(SYMBOLS), events=plan.events)
    filled = time.perf_counter() - started
    copy.start_web()
    reads = {path: _read(copy.port, path, plan.requests) for path in [*_api_paths(), *_pages(copy.port)]}
    return {
        "reads": reads,
        "missed": [path for path, read in reads.items() if path.startswith(TARGETED) and read["p95_ms"] > TARGET_MS],
        "slow_statements": [plan for path in reads for plan in _slow_plans(path)],
        "rows": rows,
        "filled_in_seconds": round(filled, 1),
        "machine": machine(postgres_version()),
    }


def _api_paths() -> list[str]:
    leader = f"/traders/{BUSY_LEADER}"
    return [
        "/symbols",
        *(f"/traders/top?range={days}d" for days in (7, 30, 90)),
        "/symbols/BTCUSDT/feed",
        f"/symbols/BTCUSDT/feed?cursor={_cursor_two_months_back('BTCUSDT')}",
        f"/symbols/{SYMBOLS[-1]}/feed",
        leader,
        f"{leader}/positions",
        f"{leader}/events",
        f"{leader}/history",
    ]


def _pages(port: int) -> list[str]:
    """Return those pages that this version has."""
    pages = ["/", "/leaders/", f"/leaders/binance/{BUSY_LEADER}/"]
    return [page for page in pages if _status(port, page) == 200]


def _cursor_two_months_back(symbol: str) -> str:
    """Return the cursor of a page far behind the first one."""
    from django.utils import timezone

    from copytrade.lib.api.paging import Cursor
    from traders.models import TradeEvent

    old = TradeEvent.objects.filter(symbol=symbol, event_time__lt=timezone.now() - timedelta(days=60))
    event = old.order_by("-event_time", "-pk")[0]
    return Cursor(event.event_time, event.pk).encode()


def _read(port: int, path: str, requests: int) -> dict[str, Any]:
    """Read an address again and again over one connection."""
    from benchmarks.statements import statements_of

    connection = HTTPConnection(LOOPBACK, port)
    for _ in range(WARM_UP):
        _get(connection, path)
    seconds = sorted(_get(connection, path) for _ in range(requests))
    connection.close()
    mark = "&" if "?" in path else "?"
    return {
        "statements": sorted({len(statements_of(f"{path}{mark}{limit}")) for limit in (FEW, MANY)}),
        "sql_ms": round(median(_sql_ms(path) for _ in range(TRIES)), 1),
        **{f"p{percent}_ms": round(percentile(seconds, percent) * 1000, 1) for percent in (50, 95, 99)},
    }


def _get(connection: HTTPConnection, path: str) -> float:
    """Return the seconds that a request takes; anything but 200 is a failure of the benchmark."""
    started = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:500]!r}")
    return time.perf_counter() - started


def _status(port: int, path: str) -> int:
    connection = HTTPConnection(LOOPBACK, port)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def _sql_ms(path: str) -> float:
    from benchmarks.statements import statements_of

    return sum(statement.seconds for statement in statements_of(path)) * 1000


def _slow_plans(path: str) -> list[str]:
    """Return the plans of those statements of a read that an index or another query would have to mend."""
    from benchmarks.statements import plan_of, statements_of

    tries = [statements_of(path) for _ in range(TRIES)]
    fastest = [min(same, key=lambda statement: statement.seconds) for same in zip(*tries, strict=True)]
    slow = [statement for statement in fastest if statement.seconds * 1000 > SLOW_STATEMENT_MS]
    return [f"{_short(path)}\n{plan_of(statement)}" for statement in slow]


def _text(results: dict[str, Any], plan: Plan) -> str:
    rows = [
        (_short(path), _numbers(read["statements"]), *(read[f"{name}_ms"] for name in FIGURES), _target(path))
        for path, read in results["reads"].items()
    ]
    title = (
        f"Reads with {plan.events:,} fills of {plan.leaders} leaders stored "
        f"({plan.requests} requests each, one after the other; statements for 5 and for 200 rows)"
    )
    headings = ("GET", "statements", "SQL, ms", "p50, ms", "p95, ms", "p99, ms", "p95 target")
    return "\n".join([table(title, headings, rows), *results["slow_statements"], machine_line(results["machine"])])


def _target(path: str) -> str:
    return f"≤ {TARGET_MS:.0f}" if path.startswith(TARGETED) else ""


def _short(path: str) -> str:
    """Return the address without the digits of a cursor."""
    before, cursor, _ = path.partition("cursor=")
    return f"{before}{cursor}…" if cursor else path


def _numbers(counts: list[int]) -> str:
    return " and ".join(map(str, counts))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_reads", description="Measures reads.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    return parser.parse_args()


if __name__ == "__main__":
    main()
