"""Workers that are killed at any moment: each written order is at the venue exactly once, and in the books once.

The exchange loses one request in thirty, one answer in thirty, and garbles another, of orders and of questions.
CRASH_KILLS says how often workers are killed.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from markets.venues import registry
from markets.venues.base import Credentials
from orders.executor import timing
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute_due
from orders.models import Credential, Fill, Holding, Mode, Order, TradingAccount
from orders.services.rebuild import holdings_rebuild
from orders.states import OrderState
from orders.vault import credentials_of, seal
from tests.factories import make_account, make_market
from tests.simulators.binance import BinanceSimulator

ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("CRASH_KILLS", "20"))
LONGEST_LIFE = 40.0  # milliseconds after the worker has begun to trade
SECONDS_TO_SETTLE = 60.0 + KILLS * 0.3  # asking for the trades of an order costs a share of the budget
ADDRESSES = ("BINANCE_SPOT_URL", "BINANCE_USDM_URL", "BINANCE_COINM_URL")
PAUSE_SECONDS = 0.05
MOST_PATIENT = timedelta(seconds=1)  # between two questions; a minute would be waited for here
ACCOUNTS = 8  # each may place so many orders a minute

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exchange() -> Iterator[BinanceSimulator]:
    """An exchange in a process of its own."""
    command = [sys.executable, "-m", "tests.simulators.binance"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield BinanceSimulator.connect(_address(process))
        finally:
            process.terminate()


@pytest.fixture
def trading(exchange: BinanceSimulator, settings: Any) -> dict[str, str]:
    """Live accounts at the exchange; returns the environment of a worker that trades with them."""
    changed = {**dict.fromkeys(ADDRESSES, exchange.url), "LIVE_TRADING": True, "ORDER_SEND_WINDOW_SECONDS": 1}
    for name, value in changed.items():
        setattr(settings, name, value)
    registry.adapters_close()
    for kind in ("drop_after", "drop_before", "garbage"):
        exchange.fault(kind, method="POST", path="/fapi/v1/order", count=None, probability=0.03)
    for kind in ("unavailable_503", "drop_after", "garbage"):
        exchange.fault(kind, method="GET", path="/fapi/v1/", count=None, probability=0.03)
    make_market()
    for _ in range(ACCOUNTS):
        _open_account(exchange)
    return {
        **os.environ,
        **{name: str(value) for name, value in changed.items()},
        "DATABASE_URL": _database_url(),
        "DJANGO_SETTINGS_MODULE": "copytrade.settings",
        "LOG_LEVEL": "ERROR",
    }


def test_workers_killed_at_random_points_place_each_order_exactly_once(exchange, trading, monkeypatch):
    command = [sys.executable, "-m", "tests.crash_worker"]
    with subprocess.Popen(
        command, cwd=ROOT, env=trading, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as zygote:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        for _ in range(KILLS):
            print(random.uniform(0, LONGEST_LIFE), file=zygote.stdin, flush=True)
            assert zygote.stdout.readline().strip().isdigit(), "the worker did not start"
        zygote.stdin.close()
    interrupted = Counter(Order.objects.values_list("state", flat=True))

    monkeypatch.setattr(timing, "LONGEST_BACK_OFF", MOST_PATIENT)
    _settle()

    written = set(Order.objects.values_list("client_order_id", flat=True))
    accepted = Counter(row["client_id"] for row in exchange.placements() if not row["code"])
    assert set(accepted) == written
    assert set(accepted.values()) == {1}
    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}
    assert sum(interrupted[state] for state in ("PENDING", "SENDING", "UNKNOWN")) > KILLS / 10, interrupted
    assert Fill.objects.count() == len(written)
    assert holdings_rebuild() == []
    assert _positions(exchange) == {str(h.account.pk): h.quantity for h in Holding.objects.exclude(quantity=0)}


def _settle() -> None:
    """What a beat and another worker do afterwards, nothing by hand."""
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    _wait(_swept, deadline)


def _swept() -> bool:
    orders_execute_due()
    orders_check()
    return not Order.objects.exclude(state=OrderState.FILLED, check_at=None).exists()


def _wait(done: Callable[[], bool], deadline: float) -> None:
    while not done():
        assert time.monotonic() < deadline, Counter(
            Order.objects.values_list("state", "reason_code", "reason", "attempts", "checks", "check_at")
        )
        threading.Event().wait(PAUSE_SECONDS)  # orders in doubt are not asked about all the time


def _open_account(exchange: BinanceSimulator) -> TradingAccount:
    key = exchange.account()
    account = make_account(mode=Mode.LIVE, live_enabled=True)
    ciphertext, key_id = seal(Credentials(key.key, key.secret), account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint=key.key[-4:])
    return account


def _positions(exchange: BinanceSimulator) -> dict[str, Decimal]:
    ids = list(TradingAccount.objects.values_list("pk", flat=True))
    accounts = {keys.key: str(pk) for pk, keys in credentials_of(ids).items()}
    rows = [(row["key"], position) for row in exchange.accounts() for position in row["positions"]["usd_m"]]
    return {accounts[key]: Decimal(position["amount"]) for key, position in rows}


def _database_url() -> str:
    parts = connection.settings_dict
    return f"postgres://{parts['USER']}:{parts['PASSWORD']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline())["url"])
