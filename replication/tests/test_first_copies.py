"""Whoever stores a leader's order also sends the first copies of it, and leaves to the workers what it cannot do."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from orders.executor.findings import Source
from orders.models import Fill, Order
from orders.services import recording
from orders.services.reports import reports_record
from replication.engine import beginning, collecting, planning, running
from replication.engine.running import fan_out
from replication.models import CopyIntent, Signal
from replication.tests.callers import data, post
from replication.tests.kit import D, follow, held, make_master, price_is
from replication.tests.test_copying_own_accounts import fill_told, resting
from tests.beside import beside, until_somebody_waits
from traders.models import LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]
PLACE = "/api/orders/place"
BUY: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", "quantity": 0.01}


class Here:
    """Does what it is given in the caller's thread, at once."""

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        work(*arguments)


@pytest.fixture(autouse=True)
def _prices(settings):
    price_is()
    settings.COPY_AT_ONCE = True


@pytest.fixture
def woken(monkeypatch) -> list[str]:
    """What the workers are woken for."""
    tasks: list[str] = []

    def wake(task: str, *, times: int = 1) -> None:
        tasks.extend([task] * times)

    for module in (beginning, running):
        monkeypatch.setattr(module, "wake", wake)
    return tasks


@pytest.fixture
def here(monkeypatch, woken) -> None:
    monkeypatch.setattr(beginning, "_thread", Here())


@pytest.fixture
def thread(monkeypatch) -> Iterator[ThreadPoolExecutor]:
    """The real thing, whose connection ends with the test."""
    with ThreadPoolExecutor(max_workers=1) as threads:
        monkeypatch.setattr(beginning, "_thread", threads)
        yield threads
        threads.submit(connections.close_all).result()


@pytest.mark.usefixtures("here")
def test_a_masters_order_is_copied_before_it_is_answered(woken):
    leader, account = make_master()
    copies = [follow(leader) for _ in range(3)]

    order = data(post(account.user, PLACE, BUY), 201)

    assert order["is_master_order"]
    assert {held(copy) for copy in copies} == {D("0.01")}
    assert woken == []


def test_a_thread_of_its_own_stores_what_comes_back(thread, woken):
    leader, account = make_master()
    copy = follow(leader)

    data(post(account.user, PLACE, BUY), 201)
    thread.submit(int).result()

    assert held(copy) == D("0.01")
    assert CopyIntent.objects.get().state == "filled"


@pytest.mark.usefixtures("here")
def test_an_order_that_turns_a_position_is_copied_whole(woken):
    leader, account = make_master()
    copy = follow(leader)
    data(post(account.user, PLACE, BUY), 201)

    data(post(account.user, PLACE, {**BUY, "side": "SELL", "quantity": 0.03}), 201)
    fan_out()

    assert (held(copy), held(copy, "SHORT")) == (D(0), D("-0.02"))


@pytest.mark.usefixtures("here")
def test_a_signal_that_was_just_written_is_taken_without_asking_for_it_first(woken):
    leader, account = make_master()
    follow(leader)
    with CaptureQueriesContext(connection) as asked:
        data(post(account.user, PLACE, BUY), 201)

    waiting = "FROM replication_signal s WHERE state = 'pending'"
    about_signals = [query["sql"] for query in asked if waiting in query["sql"]]
    assert ["FOR UPDATE" in statement for statement in about_signals] == [True, False]


@pytest.mark.usefixtures("here")
def test_the_signal_is_written_with_the_trade_itself(woken, monkeypatch):
    monkeypatch.setattr(beginning, "copies_begin", lambda *_: None)  # as if the process had ended
    leader, account = make_master()
    follow(leader)

    data(post(account.user, PLACE, BUY), 201)

    assert Signal.objects.get().state == "pending"
    assert not Fill.objects.filter(awaits_copy=True).exists()


@pytest.mark.usefixtures("woken")
def test_a_leader_whom_somebody_holds_keeps_no_trade_waiting(thread):
    leader, account = make_master()
    copy = follow(leader)
    with ThreadPoolExecutor(max_workers=1) as other:
        with transaction.atomic():
            LeadTrader.objects.select_for_update(no_key=True).get(pk=leader.pk)
            placed = other.submit(post, account.user, PLACE, BUY)
            data(placed.result(20), 201)
            assert (Fill.objects.get().awaits_copy, Signal.objects.count()) == (True, 0)
        thread.submit(int).result()
        other.submit(connections.close_all).result()

    assert held(copy) == D("0.01")


@pytest.mark.usefixtures("here")
def test_where_no_signal_can_be_written_the_trade_is_stored_and_the_workers_are_woken(monkeypatch, woken, caplog):
    recorded: list[str] = []
    monkeypatch.setattr(recording, "wake_on_commit", recorded.append)
    leader, account = make_master()
    follow(leader)
    with monkeypatch.context() as patch:
        patch.setattr(collecting, "fill_books", lambda *_, **__: 1 / 0)
        order = data(post(account.user, PLACE, BUY), 201)

    assert order["status"] == "EXECUTED"
    assert Fill.objects.get().awaits_copy
    assert (recorded, woken) == ([running.FAN_OUT], [])
    assert "booked later" in caplog.text


@pytest.mark.usefixtures("here")
def test_an_account_that_nobody_copies_begins_nothing(woken):
    _, account = make_master()
    data(post(account.user, PLACE, BUY), 201)
    assert (Order.objects.count(), woken) == (1, [])


@pytest.mark.usefixtures("here")
def test_more_copies_than_the_first_are_left_to_the_workers(woken, monkeypatch):
    monkeypatch.setattr(planning, "FIRST_CHUNK", 2)
    leader, account = make_master()
    copies = [follow(leader) for _ in range(3)]

    data(post(account.user, PLACE, BUY), 201)

    assert [held(copy) for copy in copies] == [D("0.01"), D("0.01"), D(0)]
    assert woken == [running.FAN_OUT] * 2
    fan_out()
    assert held(copies[2]) == D("0.01")


@pytest.mark.usefixtures("here")
def test_while_an_earlier_trade_is_copied_the_workers_do_it_all(woken):
    leader, account = make_master()
    copy = follow(leader)

    with beginning._free:
        data(post(account.user, PLACE, BUY), 201)

    assert (held(copy), woken) == (D(0), [running.FAN_OUT])


@pytest.mark.usefixtures("here")
def test_where_it_fails_the_master_is_answered_and_the_workers_are_woken(woken, monkeypatch, caplog):
    leader, account = make_master()
    copy = follow(leader)
    with monkeypatch.context() as patch:
        patch.setattr(running, "signal_plan_chunk", lambda **_: 1 / 0)
        data(post(account.user, PLACE, BUY), 201)

    assert woken == [running.FAN_OUT]
    assert "The first copies of a trade are left to the workers" in caplog.text
    running.sweep()
    assert held(copy) == D("0.01")
    assert beginning._free.acquire(blocking=False)
    beginning._free.release()


def test_where_it_is_switched_off_the_workers_do_it_all(woken, settings):
    settings.COPY_AT_ONCE = False
    leader, account = make_master()
    copy = follow(leader)

    data(post(account.user, PLACE, BUY), 201)

    assert (held(copy), woken) == (D(0), [running.FAN_OUT])


@pytest.mark.usefixtures("here", "woken")
def test_a_trade_whose_signal_takes_up_others_waits_for_nobody_who_records_those(monkeypatch, pool):
    leader, account = make_master()
    copy = follow(leader)
    order = resting(account, "0.4")
    order.refresh_from_db()
    reports_record(account=account, orders=[], fills=[fill_told(order, "0.1", number=1)], source=Source.STREAM)
    books, locked, go_on = recording._book, threading.Event(), threading.Event()
    streaming: threading.Thread | None = None

    def looks_long(*values: Any, **named: Any) -> Any:
        if threading.current_thread() is streaming:
            locked.set()
            assert go_on.wait(20)
        return books(*values, **named)

    def second_part() -> None:
        nonlocal streaming
        streaming = threading.current_thread()
        reports_record(account=account, orders=[], fills=[fill_told(order, "0.1", number=2)], source=Source.STREAM)

    monkeypatch.setattr(recording, "_book", looks_long)
    streams = beside(pool, second_part)
    assert locked.wait(10)
    placed = beside(pool, lambda: post(account.user, PLACE, BUY))
    until_somebody_waits(unless=placed)
    go_on.set()
    streams.result(20)

    assert data(placed.result(20), 201)["status"] == "EXECUTED"
    fan_out()
    assert held(copy) == D("0.21")


@pytest.mark.usefixtures("woken")
def test_the_master_is_answered_once_the_first_copies_have_left(thread, monkeypatch):
    begun: list[bool] = []
    begin = beginning._begin

    def watched(account: int, leader: int | None, event: threading.Event) -> None:
        begin(account, leader, event)
        begun.append(event.is_set())

    monkeypatch.setattr(beginning, "_begin", watched)
    leader, account = make_master()
    follow(leader)

    data(post(account.user, PLACE, BUY), 201)
    thread.submit(int).result()

    assert begun == [True]
