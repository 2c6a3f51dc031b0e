"""What is read for planning in two looks, while somebody else changes it between them."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from markets.venues import registry
from orders.executor.findings import Finding, Source
from orders.models import Order, TradingAccount
from orders.services import closing, recording
from orders.services.closing import position_close
from orders.services.placing import orders_place
from orders.services.recording import findings_record
from replication.engine import by_hand, places, planning, vanished
from replication.engine.collecting import signals_collect
from replication.engine.deciding import scene_of
from replication.engine.loading import followers_load
from replication.engine.outcomes import Outcomes
from replication.engine.resuming import waiting_resume
from replication.engine.running import Courier, fan_out
from replication.engine.settling import orders_settle
from replication.models import Copy, CopyAdjustment, CopyIntent, LeaderAccount
from replication.services.copies import copy_stop
from replication.services.leading import leader_account_remove
from replication.services.stopping import stopping_continue
from replication.tests.fills_kit import fill_of
from replication.tests.kit import (
    VENUE,
    D,
    decision,
    follow,
    held,
    lead,
    make_master,
    price_is,
    send_nothing,
    settle,
    trade,
)
from tests.beside import beside, until_somebody_waits
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_a_close_by_hand_that_fills_while_an_exit_is_planned_is_not_sold_again(monkeypatch, pool):
    broker = replace(registry.capabilities("binanceusdm"), reduce_only=False)
    for module in (by_hand, places):
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
        load = followers_load
        patch.setattr(
            planning, "followers_load", lambda *values, **named: load(*values, **named)._replace(followers=[])
        )
        planned = planning.signal_plan_chunk()

    assert planned is not None
    assert (planned.copies, planned.more) == (0, True)
    fan_out()
    assert (held(first) == 0, held(second) > 0) == (True, True)


def test_a_position_that_is_opened_again_while_it_is_looked_for_is_closed_once(monkeypatch, pool):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    account.holdings.update(quantity=0, cost=0)  # a comparison with the venue has corrected it
    look = vanished._gone

    def opens_again(values: Mapping[str, datetime]) -> list[vanished.Gone]:
        monkeypatch.setattr(vanished, "_gone", look)
        gone = look(values)
        beside(pool, lambda: lead(account, "BUY", "0.3")).result(20)
        return gone

    monkeypatch.setattr(vanished, "_gone", opens_again)
    settle()

    assert held(copy) == D("0.3")


def canceled_by_hearsay(copy: Copy) -> Order:
    """Let the exit of a copy be taken for cancelled, so that it waits to be tried again."""
    orders = Order.objects.filter(account=copy.account, side="SELL")
    orders.update(state="CANCELED", venue_order_id="77", finished_at=timezone.now(), check_at=None)
    order = orders.get()
    orders_settle([order.pk])
    CopyIntent.objects.filter(state="waiting").update(updated_at=timezone.now() - timedelta(hours=1))
    return order


def test_a_late_fill_of_an_exit_that_is_tried_again_is_booked_and_not_written_off(monkeypatch):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "SELL", "0.1")
    order = canceled_by_hearsay(copy)
    findings_record([Finding(order.pk, Source.STREAM, timezone.now(), fills=(fill_of(order, 40_000),))])

    waiting_resume()  # another worker's sweep, or its owner's click, comes before the trade is booked
    assert (decision(copy).state, decision(copy).code) == ("waiting", "EARLIER_ORDER_OPEN")
    orders_settle()
    settle()

    position = copy.positions.get()
    assert (position.quantity, position.realized_pnl) == (0, -1_001)
    assert not CopyAdjustment.objects.exists()


def test_a_late_fill_of_a_part_of_an_exit_that_waits_again_leaves_the_rest_to_be_closed(monkeypatch):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "SELL", "0.1")
    order = canceled_by_hearsay(copy)
    TradingAccount.objects.filter(pk=copy.account_id).update(state="paused")
    waiting_resume()
    assert (decision(copy).state, decision(copy).code) == ("waiting", "ACCOUNT_PAUSED")

    findings_record([Finding(order.pk, Source.STREAM, timezone.now(), fills=(fill_of(order, 50_000, D("0.04")),))])
    settle()
    assert (decision(copy).state, copy.positions.get().remainder) == ("waiting", D("-0.06"))
    TradingAccount.objects.filter(pk=copy.account_id).update(state="active")
    CopyIntent.objects.filter(state="waiting").update(updated_at=timezone.now() - timedelta(hours=1))
    settle()

    assert (decision(copy).state, decision(copy).quantity) == ("filled", D("0.1"))
    assert (held(copy), copy.positions.get().remainder) == (D("0.1"), 0)


def test_a_trade_of_a_time_when_the_account_led_holds_up_no_exit():
    old, account = make_master()
    follow(old)
    trade(account, "BUY", "0.001")  # nobody takes it up any more
    leader_account_remove(led=LeaderAccount.objects.get(account=account), actor=account.user)
    settle()
    trade(account, "SELL", "0.001")
    leader, leads = make_master()
    copy = follow(leader, account)
    lead(leads, "BUY", "0.1")
    trade(account, "SELL", "0.05", origin="manual")

    lead(leads, "SELL", "0.1")

    assert (decision(copy).state, account.holdings.get().quantity) == ("filled", 0)


def test_the_end_of_a_copy_and_the_recording_of_its_orders_take_locks_in_one_order(monkeypatch, pool):
    ether = make_market(venue=VENUE, symbol="ETHUSDT", base_asset="ETH")
    price_is(2_000, ether)
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "SELL", "0.1")
    old = canceled_by_hearsay(copy)  # its exit waits for its next attempt
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "BUY", "1", market=ether)
    new = Order.objects.get(account=copy.account, market=ether)
    follows, locked, go_on = recording._follow, threading.Event(), threading.Event()

    def looks_long(*values: Any) -> None:
        locked.set()
        assert go_on.wait(20)
        follows(*values)

    monkeypatch.setattr(recording, "_follow", looks_long)
    late = Finding(old.pk, Source.STREAM, timezone.now(), fills=(fill_of(old, 40_000),))
    told = [late, Finding(new.pk, Source.STREAM, timezone.now())]
    records = beside(pool, lambda: findings_record(told, follow=Outcomes()))
    assert locked.wait(10)
    stops = beside(pool, lambda: copy_stop(copy=copy, close=False, actor=copy.account.user))
    until_somebody_waits(unless=stops)
    go_on.set()

    assert records.result(20) is True
    assert stops.result(20).state == "ended"
