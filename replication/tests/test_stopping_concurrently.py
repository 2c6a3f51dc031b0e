"""Stopping a copy while it is planned for, or another one begins: nothing is opened after it, nobody is forgotten."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from orders.models import Order, TradingAccount
from replication.engine import planning
from replication.engine.collecting import signals_collect
from replication.engine.deciding import scene_of
from replication.engine.running import Courier, fan_out
from replication.models import Copy, CopyIntent
from replication.services import stopping
from replication.services.copies import copy_stop
from replication.services.stopping import stopping_continue
from replication.tests.kit import D, follow, held, make_master, paper_account, price_is, settle, trade
from tests.beside import beside, until_somebody_waits

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def while_planned(monkeypatch, pool):
    """Let something begin while an entry is being planned, which is done once that waits for it."""
    loaded, go_on = threading.Event(), threading.Event()

    def looks_long(*values: Any) -> Any:
        loaded.set()
        assert go_on.wait(20)
        return scene_of(*values)

    def begin(job: Callable[[], Any]) -> Any:
        monkeypatch.setattr(planning, "scene_of", looks_long)
        planned = beside(pool, fan_out)
        assert loaded.wait(10)
        begun = beside(pool, job)
        try:
            until_somebody_waits()
        finally:
            go_on.set()
        planned.result(20)
        return begun.result(20)

    return begin


def test_a_stop_while_an_entry_is_planned_closes_that_as_well(while_planned):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")

    stopped = while_planned(lambda: copy_stop(copy=copy, close=True, actor=copy.account.user))
    assert stopped.state == "stopping"
    for _ in range(2):
        fan_out()
        settle()
        stopping_continue()

    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", 0)
    orders = Order.objects.filter(account=copy.account).order_by("pk")
    assert list(orders.values_list("side", flat=True)) == ["BUY", "SELL"]


def test_an_entry_that_fills_while_a_stop_looks_is_closed_as_well(monkeypatch, pool):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")
    signals_collect()
    planned, look = planning.signal_plan_chunk(), stopping._given_up
    assert planned is not None
    taken = planned.taken
    assert taken is not None

    def fills_meanwhile(copy: Copy) -> set[int | None]:
        monkeypatch.undo()
        courier = Courier()
        courier.send_taken(taken)
        beside(pool, courier.finish).result(20)
        return look(copy)

    stopped = copy_stop(copy=copy, close=True, actor=copy.account.user)
    monkeypatch.setattr(stopping, "_given_up", fills_meanwhile)
    stopping.stopping_continue()

    assert (stopped.state, held(copy)) == ("stopping", D("0.1"))
    stopping.stopping_continue()
    fan_out()
    stopping.stopping_continue()
    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", 0)


def test_a_stop_that_keeps_all_comes_after_what_is_being_planned(while_planned):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")

    stopped = while_planned(lambda: copy_stop(copy=copy, close=False, actor=copy.account.user))

    assert stopped.state == "ended"
    assert CopyIntent.objects.get().planned_at < stopped.ended_at


@pytest.mark.parametrize("close", [True, False])
def test_what_is_planned_while_a_copy_is_stopped_opens_nothing(pool, close):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")

    with transaction.atomic():
        copy_stop(copy=copy, close=close, actor=copy.account.user)
        planned = beside(pool, fan_out)
        until_somebody_waits()
    planned.result(20)

    assert not Order.objects.filter(account=copy.account).exists()
    assert set(CopyIntent.objects.values_list("code", flat=True)) <= {"COPY_ENDED"}


def test_a_leader_whom_one_leaves_while_another_comes_stays_marked(pool):
    leader, account = make_master()
    last, newcomer = follow(leader), paper_account()

    with transaction.atomic():
        copy_stop(copy=last, close=False, actor=last.account.user)
        begun = beside(pool, lambda: follow(leader, newcomer))
        until_somebody_waits()
    begun.result(20)

    leader.refresh_from_db()
    account.refresh_from_db()
    assert set(Copy.objects.values_list("state", flat=True)) == {"ended", "active"}
    assert (leader.is_copied, account.is_led) == (True, True)


def test_the_end_of_the_last_copy_waits_for_nobody_who_holds_the_leaders_account(pool):
    """Whoever locks many accounts takes them in their order, and so would wait for this one in turn."""
    leader, account = make_master()
    copy = follow(leader)
    with transaction.atomic():
        TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        stopped = beside(pool, lambda: copy_stop(copy=copy, close=False, actor=copy.account.user)).result(10)
        assert stopped.state == "ended"

    settle()

    account.refresh_from_db()
    assert not account.is_led


def test_an_account_stays_marked_for_whoever_follows_next():
    leader, account = make_master()
    first = follow(leader)
    copy_stop(copy=first, close=False, actor=first.account.user)
    follow(leader)

    settle()

    account.refresh_from_db()
    assert account.is_led
