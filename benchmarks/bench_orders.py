"""Orders: what the house adds to the venue's own time, and many accounts at once.

python -m benchmarks.bench_orders [--json] [--quick]

The exchange runs in a process of its own and answers without delay, so all time that passes is ours and the wire's.
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
    """What is measured: orders one after the other, and rounds of one order for each account at once."""

    orders: int
    accounts: int
    rounds: int


FULL = Plan(orders=200, accounts=100, rounds=5)
QUICK = Plan(orders=5, accounts=5, rounds=1)


def main() -> None:
    """Measure and print."""
    options = _options()
    with exchange(FULL.accounts) as (url, keys), installation() as copy:
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

    accounts, market = _open(keys[: plan.accounts])
    _place(accounts[:1], market)  # the first order of a process loads libraries and markets
    single = sorted(_place([accounts[number % len(accounts)]], market)["ms"] for number in range(plan.orders))
    together = [_place(accounts, market) for _ in range(plan.rounds)]
    return {
        "orders": plan.orders,
        "p50_ms": round(percentile(single, 50), 2),
        "p95_ms": round(percentile(single, 95), 2),
        "accounts": plan.accounts,
        "parallel_ms": round(median(each["ms"] for each in together), 1),
        "parallel_statements": max(each["statements"] for each in together),
        "machine": machine(postgres_version()),
    }


def report(results: dict[str, Any]) -> str:
    """Return the figures as tables."""
    rows = [
        ("one order, written, sent, acknowledged and recorded: p50, ms", results["p50_ms"], TARGET_MS),
        ("the same, p95, ms", results["p95_ms"], ""),
        (f"{results['accounts']} accounts at once, all recorded, ms", results["parallel_ms"], ""),
        ("statements for all of them", results["parallel_statements"], ""),
    ]
    return "\n".join(
        [
            table("Orders at a venue that answers at once", ("", "here", "target"), rows),
            table("Placing 500 orders at a broker of 50-150 ms, s", ("client alone", ""), PEERS),
            machine_line(results["machine"]),
        ]
    )


def _open(keys: list[dict[str, str]]) -> "tuple[list[TradingAccount], Market]":
    from copytrade.accounts.models import User
    from markets.models import Market
    from markets.services.refresh import markets_refresh
    from markets.venues.base import Credentials
    from orders.models import Credential, TradingAccount
    from orders.vault import seal

    markets_refresh(venue="binanceusdm")
    user = User.objects.create(username="trader", email="trader@example.com")
    accounts = []
    for number, pair in enumerate(keys):
        account = TradingAccount.objects.create(
            user=user, name=f"Account {number}", venue="binanceusdm", mode="live", live_enabled=True
        )
        ciphertext, key_id = seal(Credentials(pair["key"], pair["secret"]), account.key)
        Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="", can_trade=True)
        accounts.append(account)
    return accounts, Market.objects.get(venue="binanceusdm", symbol="BTCUSDT")


def _place(accounts: "list[TradingAccount]", market: "Market") -> dict[str, Any]:
    """Write one order for each account, send all, and return the milliseconds and statements until all are stored."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from markets.venues.vocabulary import OrderType, Side
    from orders.executor.sending import orders_execute
    from orders.models import Order, Origin
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
    states = set(Order.objects.filter(pk__in=ids).values_list("state", flat=True))
    if states != {"FILLED"}:
        raise RuntimeError(f"Orders are {states}: {Order.objects.filter(pk__in=ids).exclude(reason='').first()}")
    return {"ms": milliseconds, "statements": len(captured)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few orders, to see that it works")
    return parser.parse_args()


if __name__ == "__main__":
    main()
