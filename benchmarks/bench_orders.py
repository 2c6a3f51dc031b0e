"""Orders: what the house adds to the venue's own time, and many accounts at once.

python -m benchmarks.bench_orders [--json] [--quick]

The exchange runs in a process of its own and answers without delay, so all time that passes is ours and the wire's.
Orders of many accounts go to the spot market, whose answers bring the trades: one request for each.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figures import machine, machine_line, percentile, table
from benchmarks.servers import ROOT, installation

if TYPE_CHECKING:  # models can be imported once Django is set up
    from markets.models import Market
    from orders.models import TradingAccount

TARGET_MS = 15.0
TARGET_CPU_MS = 0.35
ADDRESSES = ("BINANCE_SPOT_URL", "BINANCE_USDM_URL", "BINANCE_COINM_URL")
# How long placing 500 orders at a broker of 50-150 ms took other clients, seconds, measured earlier without a database.
PEERS = (
    ("aiohttp, 500 in flight", 0.25),
    ("ccxt async, a copy per account", 0.6),
    ("requests, 100 threads", 0.74),
    ("httpx async, 100 in flight", 6.6),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured: orders one after the other, and rounds of one order for each of some, and of many accounts.

    The rounds of many must stay below the weight that the spot market takes in a minute.
    """

    orders: int
    accounts: int
    rounds: int
    many: int
    rounds_of_many: int


FULL = Plan(orders=200, accounts=100, rounds=5, many=1000, rounds_of_many=4)
QUICK = Plan(orders=5, accounts=5, rounds=1, many=10, rounds_of_many=1)


def main() -> None:
    """Measure and print."""
    options = _options()
    with exchange(FULL.many) as (url, keys), installation() as copy:
        copy.set(**dict.fromkeys(ADDRESSES, url), LIVE_TRADING="true")
        copy.django()
        results = measure(QUICK if options.quick else FULL, keys)
    print(json.dumps(results) if options.json else report(results))


@contextmanager
def exchange(accounts: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a simulated exchange with so many accounts; yield its address and their keys."""
    command = [sys.executable, "-m", "tests.simulators.binance", "--accounts", str(accounts)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield told["url"], told["accounts"]
        finally:
            process.terminate()


def measure(plan: Plan, keys: list[dict[str, str]]) -> dict[str, Any]:
    """Place orders and return the figures."""
    from benchmarks.filler import postgres_version

    accounts, market = _open(keys[: plan.accounts], "binanceusdm")
    _place(accounts[:1], market)  # the first order of a process loads libraries and markets
    single = sorted(_place([accounts[number % len(accounts)]], market)["ms"] for number in range(plan.orders))
    together = [_place(accounts, market) for _ in range(plan.rounds)]
    many = _fan_out(plan, keys)
    return {
        "orders": plan.orders,
        "p50_ms": round(percentile(single, 50), 2),
        "p95_ms": round(percentile(single, 95), 2),
        "accounts": plan.accounts,
        "parallel_ms": round(median(each["ms"] for each in together), 1),
        "parallel_statements": max(each["statements"] for each in together),
        "many": plan.many,
        "many_ms": round(median(each["ms"] for each in many), 1),
        "many_cpu_ms_per_order": round(median(each["cpu_ms"] for each in many) / plan.many, 3),
        "many_statements": max(each["statements"] for each in many),
        "machine": machine(postgres_version()),
    }


def report(results: dict[str, Any]) -> str:
    """Return the figures as tables."""
    rows = [
        ("one order, written, sent, acknowledged and recorded: p50, ms", results["p50_ms"], TARGET_MS),
        ("the same, p95, ms", results["p95_ms"], ""),
        (f"{results['accounts']} accounts at once, all recorded, ms", results["parallel_ms"], ""),
        ("statements for all of them", results["parallel_statements"], ""),
        (f"{results['many']} accounts at once on spot, all recorded with their trades, ms", results["many_ms"], ""),
        ("own CPU for each of those orders, ms", results["many_cpu_ms_per_order"], TARGET_CPU_MS),
        ("statements for all of them", results["many_statements"], ""),
    ]
    return "\n".join(
        [
            table("Orders at a venue that answers at once", ("", "here", "target"), rows),
            table("Placing 500 orders at a broker of 50-150 ms, s", ("client alone", ""), PEERS),
            machine_line(results["machine"]),
        ]
    )


def _open(keys: list[dict[str, str]], venue: str) -> "tuple[list[TradingAccount], Market]":
    from copytrade.accounts.models import User
    from markets.models import Market
    from markets.services.refresh import markets_refresh
    from markets.venues.base import Credentials
    from orders.models import Credential, TradingAccount
    from orders.vault import seal

    markets_refresh(venue=venue)
    user = User.objects.create(username=f"trader at {venue}", email=f"{venue}@example.com")
    accounts = []
    for number, pair in enumerate(keys):
        account = TradingAccount.objects.create(
            user=user, name=f"Account {number}", venue=venue, mode="live", live_enabled=True
        )
        ciphertext, key_id = seal(Credentials(pair["key"], pair["secret"]), account.key)
        Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="", can_trade=True)
        accounts.append(account)
    return accounts, Market.objects.get(venue=venue, symbol="BTCUSDT")


def _fan_out(plan: Plan, keys: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Place rounds of one order for each of many accounts; the first round opens the connections and is not counted."""
    accounts, market = _open(keys[: plan.many], "binance")
    return [_place_many(accounts, market) for _ in range(plan.rounds_of_many + 1)][1:]


def _place_many(accounts: "list[TradingAccount]", market: "Market") -> dict[str, Any]:
    """Write one order for each account, send all; return milliseconds, own CPU and statements of the sending."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from markets.venues.vocabulary import OrderType, Side
    from orders.models import Origin
    from orders.services.placing import NewOrder, orders_execute, orders_write_many

    values: dict[str, Any] = {"market_id": market.pk, "origin": Origin.COPY, "side": Side.BUY}
    values |= {"type": OrderType.MARKET, "quantity": Decimal("0.001"), "send_within": timedelta(minutes=1)}
    written = orders_write_many([NewOrder(account_id=account.pk, **values) for account in accounts])
    ids = [pk for pk in written if pk is not None]
    started, cpu = time.perf_counter(), time.process_time()
    with CaptureQueriesContext(connection) as captured:
        orders_execute(ids)
    used = {"ms": time.perf_counter() - started, "cpu_ms": time.process_time() - cpu}
    _require_filled(ids)
    return {**{name: seconds * 1000 for name, seconds in used.items()}, "statements": len(captured)}


def _require_filled(ids: list[int]) -> None:
    from orders.models import Order

    orders = Order.objects.filter(pk__in=ids)
    if wrong := orders.exclude(state="FILLED").first():
        raise RuntimeError(f"Not all orders are filled: {wrong} {wrong.reason}")


def _place(accounts: "list[TradingAccount]", market: "Market") -> dict[str, Any]:
    """Write one order for each account, send all, and return the milliseconds and statements until all are stored."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from markets.venues.vocabulary import OrderType, Side
    from orders.executor.sending import orders_execute
    from orders.models import Origin
    from orders.services.placing import order_write

    values: dict[str, Any] = {"market": market, "origin": Origin.MANUAL, "side": Side.BUY, "type": OrderType.MARKET}
    several = len(accounts) > 1
    started = time.perf_counter()
    ids = [
        order_write(account=account, quantity=Decimal("0.001"), send_within=timedelta(minutes=1), **values).pk
        for account in accounts
    ]
    if several:  # how rows are written in bulk is not what is asked here
        started = time.perf_counter()
    with CaptureQueriesContext(connection) as captured:
        orders_execute(ids)
    milliseconds = (time.perf_counter() - started) * 1000
    _require_filled(ids)
    return {"ms": milliseconds, "statements": len(captured)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few orders, to see that it works")
    return parser.parse_args()


if __name__ == "__main__":
    main()
