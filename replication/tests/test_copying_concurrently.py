"""Many workers at once: each trade is copied once, nothing is stuck, nobody locks another out."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Count

from copytrade.lib.sql import run
from orders.models import Fill, Order
from orders.tests.conftest import prove
from replication.engine import loading, outcomes, planning, running
from replication.engine.collecting import signals_collect
from replication.engine.load_statements import LOCK, load_statement
from replication.engine.loading import followers_load
from replication.engine.running import fan_out, sweep
from replication.engine.settling import orders_settle
from replication.models import CopyIntent, CopyPosition, Signal, SignalPart
from replication.services.copies import copy_stop
from replication.services.rebuild import copies_rebuild
from replication.services.stopping import stopping_continue
from replication.tests.kit import D, follow, held, make_master, paper_account, price_is, settle, trade
from replication.tests.watched_kit import did, follow_since, holds, push, watched

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs in threads that all start together; each closes its own connection."""
    barrier = threading.Barrier(len(jobs))

    def alone(job: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(alone, jobs))


def everything_once(copies: int, signals: int) -> None:
    assert Signal.objects.count() == signals
    assert CopyIntent.objects.count() == Order.objects.filter(origin="copy").count() == copies * signals
    assert not Order.objects.values("cause_id").exclude(cause_id=None).annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert not Fill.objects.filter(awaits_copy=True).exists()
    assert set(Signal.objects.values_list("state", flat=True)) == {"done"}


def test_workers_beside_each_other_copy_each_trade_once():
    leader, account = make_master()
    copies = [follow(leader) for _ in range(6)]
    for _ in range(4):
        trade(account, "BUY", "0.01")

    at_once(fan_out, fan_out, sweep, sweep)
    settle()

    assert {held(copy) for copy in copies} == {D("0.04")}
    everything_once(6, 4)
    assert SignalPart.objects.count() == Fill.objects.filter(account=account).count()
    assert copies_rebuild().positions == []


def test_exits_and_entries_of_two_leaders_of_one_account_lock_nobody_out():
    follower = paper_account()
    masters = [make_master() for _ in range(2)]
    copies = [follow(leader, follower) for leader, _ in masters]
    for side, quantity in [("BUY", "0.04"), ("SELL", "0.01"), ("BUY", "0.02"), ("SELL", "0.05")]:
        for _, account in masters:
            trade(account, side, quantity)

    for _ in range(2):
        at_once(fan_out, sweep, sweep)
    settle()

    assert [held(copy) for copy in copies] == [0, 0]
    assert follower.holdings.get().quantity == 0
    assert not CopyIntent.objects.filter(state__in=["waiting", "planned"]).exists()
    assert copies_rebuild().days == []


def test_a_push_and_the_engine_at_once_lose_nothing():
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    total = 6

    def pushing(number: int) -> Callable[[], None]:
        event = did("OPEN_LONG", "0.01", ago=300 - number * 15)
        return lambda: push(leader, event, positions=[holds("0.06")], read=10 - number)

    at_once(*(pushing(number) for number in range(total)), fan_out, sweep)
    settle()

    assert held(copy) == D("0.06")
    assert SignalPart.objects.count() == total


def test_a_stop_from_two_places_closes_once():
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")
    fan_out()

    def stop() -> None:
        copy_stop(copy=copy, close=True, actor=copy.account.user)

    at_once(stop, stop, sweep)
    at_once(fan_out, stopping_continue, sweep)
    settle()
    stopping_continue()

    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", 0)
    assert Order.objects.filter(account=copy.account).count() == 2


def test_a_worker_that_dies_after_planning_leaves_its_orders_to_the_sweep(monkeypatch):
    """PITFALLS 23."""
    leader, account = make_master()
    copies = [follow(leader) for _ in range(3)]
    trade(account, "BUY", "0.01")

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(running.Courier, "send_taken", dies)
        with pytest.raises(SystemExit):
            fan_out()
    assert CopyIntent.objects.filter(state="planned").count() == 3
    for order in Order.objects.filter(state="SENDING"):
        prove(order)  # after the send window it is asked whether any of them arrived
    from orders.tasks import sweep as orders_sweep

    orders_sweep()
    settle()

    assert {held(copy) for copy in copies} == {D("0.01")}
    everything_once(3, 1)


def test_a_worker_that_dies_while_planning_leaves_nothing_half_done(monkeypatch):
    leader, account = make_master()
    follow(leader)
    trade(account, "BUY", "0.01")

    def dies(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(planning, "_advance", dies)
        with pytest.raises(SystemExit):
            fan_out()
    assert (CopyIntent.objects.count(), Order.objects.filter(origin="copy").count()) == (0, 0)

    settle()

    everything_once(1, 1)


def test_what_cannot_be_booked_with_the_order_is_left_to_the_sweep(monkeypatch, caplog):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.01")

    def dies(*_: Any) -> None:
        raise RuntimeError("no room in the books")

    with monkeypatch.context() as patch:
        patch.setattr(outcomes, "decisions_settle", dies)
        patch.setattr(outcomes, "orders_settle", dies)
        fan_out()
    assert held(copy) == 0
    assert "no room" in caplog.text

    settle()

    assert held(copy) == D("0.01")
    everything_once(1, 1)


def test_a_leader_whose_signal_cannot_be_planned_holds_up_no_other(monkeypatch):
    (one, first), (two, second) = make_master(), make_master()
    stuck, sound = follow(one), follow(two)
    trade(first, "BUY", "0.01")
    trade(second, "BUY", "0.01")
    load = followers_load

    def breaks(signal: Signal, *values: Any, **named: Any) -> Any:
        if signal.trader_id == one.pk:
            raise ValueError("nobody thought of this")
        return load(signal, *values, **named)

    with monkeypatch.context() as patch:
        patch.setattr(planning, "followers_load", breaks)
        fan_out()
    assert (held(stuck), held(sound)) == (0, D("0.01"))

    fan_out()

    assert held(stuck) == D("0.01")


def test_signals_of_one_leader_are_planned_in_their_order_whoever_comes_first():
    leader, account = make_master()
    copy = follow(leader)
    for side in ("BUY", "SELL", "BUY", "SELL"):
        trade(account, side, "0.01")
        signals_collect()

    at_once(fan_out, fan_out, fan_out)
    settle()

    planned = list(Signal.objects.order_by("planned_at").values_list("pk", flat=True))
    assert planned == sorted(planned)
    assert held(copy) == 0
    assert set(CopyIntent.objects.values_list("state", flat=True)) == {"filled"}


def test_trades_that_come_out_of_order_are_booked_as_if_they_had_not():
    """The sums are those of the facts in their own order, whichever was stored first."""
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.02")
    fan_out()
    price_is(51_000)
    trade(account, "SELL", "0.02")
    fan_out()
    price_is(50_000)
    trade(account, "BUY", "0.01")
    fan_out()
    kept = summed()
    CopyPosition.objects.update(quantity=0, cost=0, realized_pnl=0, fees=0, last_time=None, last_trade="")
    copy.days.all().delete()

    Fill.objects.filter(account=copy.account).update(awaits_copy=True)
    for order in Order.objects.filter(account=copy.account).order_by("-pk"):
        orders_settle([order.pk])

    assert summed() == kept
    wrong = copies_rebuild()
    assert (wrong.positions, wrong.days) == ([], [])


def summed() -> Any:
    position = CopyPosition.objects.get()
    [day] = position.copy.days.all()
    return (position.quantity, position.cost, position.realized_pnl, position.fees, day.realized_pnl, day.fees)


def test_sums_of_days_are_exact_to_the_last_digit():
    leader, account = make_master()
    copy = follow(leader, ratio=D("0.7"))
    trade(account, "BUY", "0.3")
    fan_out()
    price_is("51234.5")
    for quantity in ("0.07", "0.11"):
        trade(account, "SELL", quantity)
        fan_out()

    assert copy.days.get().realized_pnl == copy.positions.get().realized_pnl
    assert copies_rebuild().days == []


def test_an_exit_that_is_planned_while_its_entry_is_being_stored_closes_it(monkeypatch):
    """What is held and what is under way are read at one moment: between two, the fill would be neither."""
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")
    signals_collect()
    planned = planning.signal_plan_chunk()
    assert planned is not None
    trade(account, "SELL", "0.1")
    signals_collect()
    statements: list[str] = []
    load = load_statement(exits=True, parts=False)

    def store_first(statement: str, parameters: Any = ()) -> Any:
        statements.append(statement)
        if statement == load:
            at_once(lambda: carry(planned.taken))
        return run(statement, parameters)

    def carry(taken: Any) -> None:
        courier = running.Courier()
        courier.send_taken(taken)
        courier.finish()

    with monkeypatch.context() as patch:
        patch.setattr(loading, "run", store_first)
        fan_out()
    settle()

    assert statements == [LOCK, load]
    assert held(copy) == 0
    everything_once(1, 2)


def test_another_workers_turn_is_waited_for_a_second_at_most(monkeypatch):
    leader, account = make_master()
    copy = follow(leader)
    trade(account, "BUY", "0.1")
    signals_collect()
    monkeypatch.setattr(planning, "LONGEST_TURN", "SET LOCAL lock_timeout = '50ms'")

    with transaction.atomic():
        Signal.objects.select_for_update().get()
        at_once(fan_out)
        assert not CopyIntent.objects.exists()

    fan_out()
    assert held(copy) == D("0.1")


def test_a_worker_leaves_the_rest_to_another_task_after_a_while(monkeypatch):
    leader, account = make_master()
    copies = [follow(leader) for _ in range(3)]
    trade(account, "BUY", "0.01")
    monkeypatch.setattr(planning, "FIRST_CHUNK", 1)
    monkeypatch.setattr(planning, "SECOND_CHUNK", 1)
    monkeypatch.setattr(running, "LONGEST_ROUND_SECONDS", 0.0)
    woken: list[str] = []
    monkeypatch.setattr(running, "wake", woken.append)

    fan_out()

    assert (CopyIntent.objects.count(), set(woken)) == (1, {running.FAN_OUT})
    assert held(copies[0]) == D("0.01")
    fan_out()
    fan_out()
    assert {held(copy) for copy in copies} == {D("0.01")}
