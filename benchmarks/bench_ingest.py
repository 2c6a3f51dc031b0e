"""Pushes: their SQL statements, how many a second the web process stores, and what ten times the rows change.

python -m benchmarks.bench_ingest [--json] [--quick]
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from benchmarks.figures import machine, machine_line, table
from benchmarks.load import Round, Size, senders
from benchmarks.servers import Installation, installation

TARGETS = {"100+10": 15, "500+20": 15, "replay": 10}
SEED = {"100+10": 326, "500+20": 1396, "replay": 225}
TARGET_PER_SECOND, SEED_PER_SECOND = 120.0, 4.8
GROWTH = 10
DETAILS = {
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "web_cpu_ms": "CPU of the web process for each, ms",
    "postgres_cpu_ms": "CPU of PostgreSQL for each, ms",
}
# Sketches that only validate and write 50 fills and 50 positions, 8 senders, one server process, measured earlier;
# a range is given by its middle.
PEERS = (
    ("Fastify + pg, one statement with unnest", 450.0),
    ("msgspec + one statement with unnest, no more than that", 267.0),
    ("Django REST framework + bulk_create", 36.0),
    ("Fastify + Prisma createMany", 14.0),
    ("Fastify + Prisma, a statement per row (the seed's stack)", 12.0),
    ("Django REST framework, a statement per row", 1.5),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured; `symbols`, `events`: of the rows that are there before."""

    size: Size
    symbols: int
    events: int
    rounds: int
    pushes: int


FULL = Plan(
    size=Size(senders=8, leaders=600, events=20, positions=15), symbols=60, events=100_000, rounds=5, pushes=100
)
QUICK = Plan(size=Size(senders=2, leaders=20, events=20, positions=15), symbols=60, events=2_000, rounds=2, pushes=10)


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

    rows = fill(leaders=plan.size.leaders, symbols=plan.symbols, events=plan.events)
    copy.start_web()
    counts, small = count_statements(copy.ingest_key), throughput(copy, plan, plan.size)
    as_peers = throughput(copy, plan, replace(plan.size, events=50, positions=50))
    more = fill(leaders=plan.size.leaders * GROWTH, symbols=plan.symbols * GROWTH, events=plan.events * (GROWTH - 1))
    more_counts, large = count_statements(copy.ingest_key), throughput(copy, plan, plan.size)
    return {
        "statements": counts["environment"],
        "statements_with_database_key": counts["database"],
        **small,
        "rows": rows,
        "ten_times_the_rows": {"statements": more_counts["environment"], **large, "rows": more},
        "fifty_events_and_positions": as_peers,
        "machine": machine(postgres_version()),
    }


def count_statements(environment_key: str) -> dict[str, dict[str, int]]:
    """Return the statements of pushes with the key of the environment, and with one of the database."""
    from benchmarks.statements import count_pushes
    from copytrade.accounts.models import Scope
    from copytrade.accounts.services import api_key_create

    _, database_key = api_key_create(name="Benchmark", scopes=[Scope.INGEST])
    return {"environment": count_pushes(environment_key), "database": count_pushes(database_key)}


def throughput(copy: Installation, plan: Plan, size: Size) -> dict[str, float]:
    """Return medians of several rounds; the first, which every leader takes part in, is not counted."""
    with senders(copy.port, copy.ingest_key, size) as load:
        load.round(-(-size.leaders // size.senders))
        before = copy.cpu_seconds()
        rounds = [load.round(plan.pushes) for _ in range(plan.rounds)]
        after = copy.cpu_seconds()
    pushes = plan.rounds * plan.pushes * size.senders
    cpu = {f"{name}_cpu_ms": round((after[name] - before[name]) / pushes * 1000, 1) for name in ("web", "postgres")}
    return {**_medians(rounds), **cpu}


def _medians(rounds: Sequence[Round]) -> dict[str, float]:
    return {
        "ingests_per_second": round(median(result.per_second for result in rounds), 1),
        "p50_ms": round(median(result.p50_ms for result in rounds), 1),
        "p99_ms": round(median(result.p99_ms for result in rounds), 1),
    }


def _text(results: dict[str, Any], plan: Plan) -> str:
    return "\n".join([_statement_table(results), _speed_table(results, plan), _peers_table(results), _foot(results)])


def _statement_table(results: dict[str, Any]) -> str:
    more = results["ten_times_the_rows"]["statements"]
    by_key = results["statements_with_database_key"]
    rows = [
        (name, count, by_key[name], more[name], f"≤ {TARGETS[name]}", SEED[name])
        for name, count in results["statements"].items()
    ]
    headings = ("fills + positions", "ours", "database key", "10x the rows", "target", "the seed's own")
    return table("SQL statements of a push", headings, rows)


def _speed_table(results: dict[str, Any], plan: Plan) -> str:
    size, more = plan.size, results["ten_times_the_rows"]
    rows = [
        (
            "pushes a second",
            results["ingests_per_second"],
            more["ingests_per_second"],
            f"≥ {TARGET_PER_SECOND:.0f}",
            SEED_PER_SECOND,
        ),
        *((label, results[name], more[name], "", "") for name, label in DETAILS.items()),
    ]
    title = (
        f"{size.senders} senders, {size.events} fills + {size.positions} positions, {size.leaders} leaders present "
        f"(medians of {plan.rounds} rounds of {plan.pushes * size.senders} pushes)"
    )
    return table(title, ("", "ours", "10x the rows", "target", "the seed's own"), rows)


def _peers_table(results: dict[str, Any]) -> str:
    ours = ("CopyTrade", results["fifty_events_and_positions"]["ingests_per_second"])
    return table("50 fills + 50 positions, others are sketches", ("", "pushes a second"), [ours, *PEERS])


def _foot(results: dict[str, Any]) -> str:
    few, many = results["rows"], results["ten_times_the_rows"]["rows"]
    return table("Rows", ("", "", "10x"), [(name, few[name], many[name]) for name in few]) + (
        "\n" + machine_line(results["machine"])
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_ingest", description="Measures pushes.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    return parser.parse_args()


if __name__ == "__main__":
    main()
