"""A copy that cannot be planned holds up no other one: it is passed over, told so, and shown at the desk."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from replication.engine import apart, planning
from replication.engine.running import fan_out
from replication.engine.storing import decisions_store
from replication.models import CopyAside, CopyIntent, Signal
from replication.services.copies import copy_stop
from replication.services.stopping import stopping_continue
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, settle, trade
from replication.tests.test_copying_concurrently import at_once
from tests.factories import make_staff

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def master():
    return make_master()


@pytest.fixture
def poison(monkeypatch):
    """Let the storing of a copy's decisions break; return those for which it does so, to be changed."""
    found: set[int] = set()

    def breaks(signal: Signal, decided: Any, *values: Any, **named: Any) -> Any:
        if found & {each.follower.copy_id for each in decided}:
            raise ValueError("nobody thought of this")
        return decisions_store(signal, decided, *values, **named)

    monkeypatch.setattr(planning, "decisions_store", breaks)
    return found


def later() -> None:
    """Let the pause pass, and the sweep come by."""
    CopyIntent.objects.update(updated_at=F("updated_at") - timedelta(minutes=1))
    settle()


def test_the_others_are_served_and_its_owner_reads_why(master, poison, monkeypatch, caplog):
    monkeypatch.setattr(planning, "FIRST_CHUNK", 4)
    monkeypatch.setattr(planning, "SECOND_CHUNK", 4)
    leader, account = master
    copies = [follow(leader) for _ in range(11)]
    bad, sound = [copies[0], copies[6]], [*copies[1:6], *copies[7:]]
    poison |= {copy.pk for copy in bad}

    lead(account, "BUY", "0.1")

    assert {held(copy) for copy in sound} == {D("0.1")}
    for copy in bad:
        told = decision(copy)
        assert (told.state, told.code, told.message) == ("skipped", "NOT_DECIDED", apart.NOT_DECIDED)
        assert f"Copy {copy.pk} cannot be planned at signal {told.signal_id}" in caplog.text
    signal = Signal.objects.get()
    assert (signal.state, signal.intents_count, CopyIntent.objects.count()) == ("done", 11, 11)
    assert {aside.copy_id for aside in CopyAside.objects.all()} == poison


def test_an_exit_waits_and_is_carried_out_once_it_can_be(master, poison):
    leader, account = master
    bad, sound = follow(leader), follow(leader)
    lead(account, "BUY", "0.4")
    poison.add(bad.pk)

    lead(account, "SELL", "0.1")
    later()

    assert (held(bad), held(sound)) == (D("0.4"), D("0.3"))
    told = decision(bad)
    assert (told.state, told.code, told.message, told.side) == ("waiting", "NOT_DECIDED", apart.TRIED_AGAIN, "LONG")
    assert CopyAside.objects.count() == 1
    poison.clear()
    later()
    assert held(bad) == D("0.3")


def test_a_close_takes_over_a_reduction_that_was_never_decided(master, poison):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.4")
    poison.add(copy.pk)
    lead(account, "SELL", "0.1")
    poison.clear()
    reduction = decision(copy)

    lead(account, "SELL", "0.3")
    settle()

    reduction.refresh_from_db()
    assert (reduction.code, held(copy)) == ("TAKEN_OVER", 0)


def test_a_copy_that_stops_is_not_kept_from_closing_by_it(master, poison):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.4")
    poison.add(copy.pk)
    lead(account, "SELL", "0.1")
    poison.clear()

    copy_stop(copy=copy, close=True, actor=copy.account.user)
    stopping_continue()
    fan_out()
    settle()
    stopping_continue()

    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", 0)


def test_among_those_that_wait_at_a_signal_one_holds_up_no_other(master, poison, monkeypatch):
    """An entry that cannot be decided about is over, since exits of its position wait behind it."""
    leader, account = master
    bad, *sound = [follow(leader, max_signal_age_seconds=600) for _ in range(5)]
    trade(account, "BUY", "0.1")
    fan_out()
    lead(account, "SELL", "0.05")
    CopyIntent.objects.filter(exits=True).update(state="waiting", quantity=0, filled_quantity=0, attempts=1)
    lead(account, "BUY", "0.2")
    entries = CopyIntent.objects.filter(signal=Signal.objects.latest("pk"))
    assert set(entries.values_list("state", flat=True)) == {"waiting"}
    CopyIntent.objects.filter(exits=True).update(state="skipped")
    poison.add(bad.pk)

    settle()

    assert {held(copy) for copy in sound} == {D("0.25")}
    assert (decision(bad).state, decision(bad).code) == ("skipped", "NOT_DECIDED")
    assert CopyAside.objects.get().copy == bad


def test_where_not_even_a_decision_can_be_written_the_signal_goes_on_and_staff_see_it(
    master, poison, monkeypatch, client: Client
):
    leader, account = master
    bad, sound = follow(leader), follow(leader)
    poison.add(bad.pk)
    monkeypatch.setattr(apart, "decision_messages", lambda *_: 1 // 0)

    lead(account, "BUY", "0.1")

    assert held(sound) == D("0.1")
    assert not CopyIntent.objects.filter(copy=bad).exists()
    client.force_login(make_staff())
    shown = client.get("/admin/replication/copyaside/", {"q": leader.nickname}).content.decode()
    assert "nobody thought of this" in shown
    assert f"#{bad.pk}" in shown
    assert client.get(f"/admin/replication/copyaside/{CopyAside.objects.get().pk}/change/").status_code == 200


def test_a_signal_that_can_be_planned_for_nobody_waits_and_is_then_passed_over_whole(master, monkeypatch):
    leader, account = master
    copies = [follow(leader) for _ in range(3)]
    trade(account, "BUY", "0.1")

    with monkeypatch.context() as patch:
        patch.setattr(planning, "scene_of", lambda *_: 1 // 0)
        fan_out()
        assert not CopyIntent.objects.exists()
        Signal.objects.update(detected_at=timezone.now() - apart.LONGEST_WAIT)
        fan_out()
    lead(account, "BUY", "0.2")

    assert {held(copy) for copy in copies} == {D("0.2")}
    assert CopyIntent.objects.filter(code="NOT_DECIDED", state="skipped").count() == 3
    assert CopyAside.objects.get().copy is None


def test_a_round_passes_over_so_many_and_leaves_the_rest_to_the_next(master, poison, monkeypatch):
    monkeypatch.setattr(apart, "MOST_PASSED", 1)
    leader, account = master
    bad, worse, sound = (follow(leader) for _ in range(3))
    poison |= {bad.pk, worse.pk}

    lead(account, "BUY", "0.1")
    assert CopyIntent.objects.count() == 1
    fan_out()

    assert held(sound) == D("0.1")


def test_workers_beside_each_other_pass_over_the_same_one(master, poison, monkeypatch):
    monkeypatch.setattr(planning, "FIRST_CHUNK", 3)
    monkeypatch.setattr(planning, "SECOND_CHUNK", 3)
    leader, account = master
    copies = [follow(leader) for _ in range(7)]
    poison.add(copies[4].pk)
    trade(account, "BUY", "0.1")

    at_once(fan_out, fan_out)
    settle()

    assert [held(copy) for copy in copies] == [D("0.1")] * 4 + [0] + [D("0.1")] * 2
    assert CopyIntent.objects.filter(code="NOT_DECIDED").count() == 1
    assert CopyIntent.objects.count() == 7


def test_what_fails_once_only_passes_over_nobody(master, monkeypatch):
    leader, account = master
    copies = [follow(leader) for _ in range(3)]
    trade(account, "BUY", "0.1")
    failing = iter([True, True])
    plan = planning.signal_plan_copies

    def stumbles(*values: Any) -> Any:
        return 1 // 0 if next(failing, False) else plan(*values)

    monkeypatch.setattr(planning, "signal_plan_copies", stumbles)
    fan_out()

    assert {held(copy) for copy in copies} == {D("0.1")}
    assert not CopyAside.objects.exists()
