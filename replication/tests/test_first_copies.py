"""Whoever stores a leader's order also sends the first copies of it, and leaves to the workers what it cannot do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from replication.engine import beginning, planning, running
from replication.engine.running import fan_out
from replication.models import CopyIntent
from replication.tests.callers import data, post
from replication.tests.kit import D, follow, held, make_master, price_is

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
    for module in (beginning, running):
        monkeypatch.setattr(module, "wake", tasks.append)
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
    assert woken == [running.FAN_OUT]
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
        patch.setattr(running, "leader_signals_collect", lambda **_: 1 / 0)
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
