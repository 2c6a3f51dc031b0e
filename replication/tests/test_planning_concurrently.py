"""What is read for planning in two looks, while somebody else changes it between them."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from markets.venues import registry
from orders.models import Order
from orders.services import closing
from orders.services.closing import position_close
from orders.services.placing import orders_place
from replication.engine import by_hand, deciding, planning
from replication.engine.collecting import signals_collect
from replication.engine.deciding import scene_of
from replication.engine.running import Courier, fan_out
from replication.services.copies import copy_stop
from replication.services.stopping import stopping_continue
from replication.tests.beside_kit import beside, until_somebody_waits
from replication.tests.kit import follow, held, lead, make_master, price_is, settle, trade

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_a_close_by_hand_that_fills_while_an_exit_is_planned_is_not_sold_again(monkeypatch, pool):
    broker = replace(registry.capabilities("binanceusdm"), reduce_only=False)
    for module in (by_hand, deciding):
        monkeypatch.setattr(module, "capabilities", lambda *_, **__: broker)
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    with monkeypatch.context() as patch:
        patch.setattr(closing, "orders_place", lambda _: None)
        close = position_close(user=copy.account.user, holding=copy.account.holdings.get())
    trade(account, "SELL", "0.2")

    def fills_meanwhile(*values: Any) -> Any:
        monkeypatch.setattr(planning, "scene_of", scene_of)
        beside(pool, lambda: orders_place([close.pk])).result(20)
        return scene_of(*values)

    monkeypatch.setattr(planning, "scene_of", fills_meanwhile)
    fan_out()
    settle()

    assert (held(copy), copy.account.holdings.get().quantity) == (0, 0)
    sold = Order.objects.filter(account=copy.account, side="SELL", filled_quantity__gt=0)
    assert [order.origin for order in sold] == ["manual"]


def plan_one_copy(leader_id: int) -> None:
    courier = Courier()
    planned = planning.signal_plan_chunk(most={leader_id: 1})
    if planned is not None and planned.taken is not None:
        courier.send_taken(planned.taken)
    courier.finish()


def test_a_copy_does_not_move_up_unlocked_for_one_that_ends_meanwhile(monkeypatch, pool):
    leader, account = make_master()
    first, second = follow(leader), follow(leader)
    trade(account, "BUY", "0.1")
    signals_collect()
    stopped, commit, loaded, go_on = (threading.Event() for _ in range(4))

    def stops_first() -> None:
        with transaction.atomic():
            copy_stop(copy=first, close=False, actor=first.account.user)
            stopped.set()
            assert commit.wait(20)

    def looks_long(*values: Any) -> Any:
        loaded.set()
        assert go_on.wait(20)
        return scene_of(*values)

    monkeypatch.setattr(planning, "scene_of", looks_long)
    ends = beside(pool, stops_first)
    assert stopped.wait(10)
    plans = beside(pool, lambda: plan_one_copy(leader.pk))
    until_somebody_waits()
    commit.set()
    ends.result(20)
    assert loaded.wait(10)
    stops = beside(pool, lambda: copy_stop(copy=second, close=True, actor=second.account.user))
    until_somebody_waits(unless=stops)
    go_on.set()
    for job in (plans, stops):
        job.result(20)
    monkeypatch.undo()
    for _ in range(2):
        fan_out()
        settle()
        stopping_continue()

    second.refresh_from_db()
    assert (second.state, held(second)) == ("ended", 0)


def test_a_signal_goes_on_behind_copies_that_ended_while_their_accounts_were_waited_for(monkeypatch):
    monkeypatch.setattr(planning, "FIRST_CHUNK", 1)
    leader, account = make_master()
    first, second = follow(leader), follow(leader)
    trade(account, "BUY", "0.1")
    signals_collect()
    with monkeypatch.context() as patch:
        load = planning.followers_load
        patch.setattr(
            planning, "followers_load", lambda *values, **named: load(*values, **named)._replace(followers=[])
        )
        planned = planning.signal_plan_chunk()

    assert planned is not None
    assert (planned.copies, planned.more) == (0, True)
    fan_out()
    assert (held(first) == 0, held(second) > 0) == (True, True)
