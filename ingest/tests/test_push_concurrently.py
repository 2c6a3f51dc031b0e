"""Pushes at the same time, as n8n sends them."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from copytrade.accounts.authentication import KeyHolder
from ingest.services import Receipt, push_receive
from tests.payloads import body, encode, event, iso, position
from traders.models import LeadTrader, Position, SymbolAggregate, TradeEvent
from traders.services.rebuild import rebuild

pytestmark = pytest.mark.django_db(transaction=True)
HOLDER = KeyHolder("test", frozenset({"ingest"}), None)
SYMBOLS = [f"S{number}USDT" for number in range(12)]


def at_once(*jobs: Callable[[], Receipt]) -> list[Receipt]:
    """Run the jobs in threads that all start together; each closes its own connection."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Receipt]) -> Receipt:
        barrier.wait()
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def pushing(whole: dict[str, Any]) -> Callable[[], Receipt]:
    content = encode(whole)
    return lambda: push_receive(body=content, holder=HOLDER)


def totals() -> dict[str, tuple[int, int]]:
    return {row.symbol: (row.open_long_count, row.open_short_count) for row in SymbolAggregate.objects.all()}


def test_one_body_from_many_senders_is_stored_once():
    whole = body(positions=[position(symbol) for symbol in SYMBOLS], events=[event(amount=n + 1) for n in range(20)])

    receipts = at_once(*[pushing(whole)] * 6)

    assert sum(receipt.events_inserted for receipt in receipts) == 20
    assert sum(receipt.positions_inserted for receipt in receipts) == 12
    assert (LeadTrader.objects.count(), TradeEvent.objects.count()) == (1, 20)
    assert totals() == dict.fromkeys(SYMBOLS, (1, 0)) | {"BTCUSDT": (0, 0)}


def test_bodies_of_many_leaders_with_the_same_symbols_do_not_lock_each_other_out():
    def of_leader(number: int, order: list[str]) -> dict[str, Any]:
        fills = [event(symbol=symbol, amount=number + 1) for symbol in order]
        return body(lead=f"leader-{number}", positions=[position(symbol) for symbol in order], events=fills)

    orders = [SYMBOLS, SYMBOLS[::-1], SYMBOLS[6:] + SYMBOLS[:6]]
    jobs = [pushing(of_leader(number, orders[number % 3])) for number in range(8)]

    receipts = at_once(*jobs)

    assert sum(receipt.events_inserted for receipt in receipts) == 8 * 12
    assert totals() == dict.fromkeys(SYMBOLS, (8, 0))


def test_whatever_order_reports_arrive_in_the_newest_wins_and_totals_stay_right():
    now = timezone.now()
    reports = [
        body(fetched_at=iso(now - timedelta(seconds=age)), positions=[position(symbol) for symbol in SYMBOLS[:age]])
        for age in (3, 1, 7, 0, 5, 2)
    ]

    at_once(*map(pushing, reports))

    assert Position.objects.count() == 0
    before = totals()
    rebuild(now=timezone.now())
    assert totals() == before


def test_a_rebuild_in_the_middle_of_pushes_loses_nothing():
    def rebuilding() -> Receipt:
        rebuild(now=timezone.now())
        return pushing(body(lead="after"))()

    jobs = [
        pushing(body(lead=f"leader-{number}", positions=[position(symbol) for symbol in SYMBOLS], events=[event()]))
        for number in range(6)
    ]

    at_once(*jobs[:3], rebuilding, *jobs[3:])

    assert totals() == dict.fromkeys([*SYMBOLS, "BTCUSDT"], (6, 0)) | {"BTCUSDT": (0, 0)}
