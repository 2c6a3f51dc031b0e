"""A trade that cannot be taken up holds up no other: it is set aside, shown at the desk, and tried again."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Fill
from replication.engine import asides, collecting
from replication.engine.asides import Fact, facts_part
from replication.engine.collecting import leader_collect, signals_collect
from replication.engine.vanished import vanished_signals
from replication.models import LeaderAccount, Signal, TradeAside
from replication.tests.kit import D, follow, price_is
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from replication.vocabulary import SignalSource
from tests.factories import (
    make_account,
    make_event,
    make_fill,
    make_freshness,
    make_leader,
    make_market,
    make_order,
    make_position,
    make_staff,
)
from traders.models import LeaderStatus, LeadTrader, TradeEvent

HUGE = D("9e29")  # as much as a column takes; the position before it was closed is more


@pytest.fixture
def leader(db):
    """A copied leader of whom a report shows so much of one symbol that its trades cannot be counted."""
    leader = make_leader(is_copied=True)
    make_freshness(leader)
    make_position(leader, symbol="SOLUSDT", size=HUGE)
    return leader


def poison(leader, **values):
    return waits(leader, kind="CLOSE_LONG", symbol="SOLUSDT", amount=HUGE, **values)


def waits(leader, *, ago=60.0, **values):
    return make_event(leader, awaits_copy=True, event_time=timezone.now() - timedelta(seconds=ago), **values)


def told():
    return list(Signal.objects.order_by("pk").values_list("symbol", flat=True))


def due():
    TradeAside.objects.update(again_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_the_good_trades_around_it_are_copied():
    for symbol in ("BTCUSDT", "ETHUSDT"):
        price_is(market=make_market(venue="binanceusdm", symbol=symbol, base_asset=symbol[:3]))
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)

    tell(
        leader,
        did("OPEN_LONG", "0.1", ago=60),
        did("CLOSE_LONG", HUGE, ago=40, symbol="SOLUSDT"),
        did("OPEN_LONG", "0.2", ago=20, symbol="ETHUSDT"),
        positions=[holds("0.1"), holds("0.2", symbol="ETHUSDT"), holds(HUGE, symbol="SOLUSDT")],
    )

    assert TradeAside.objects.filter(event__symbol="SOLUSDT").count() == TradeAside.objects.count() == 1
    assert {row.leader_symbol: row.quantity for row in copy.positions.all()} == {
        "BTCUSDT": D("0.1"),
        "ETHUSDT": D("0.2"),
    }


def test_one_among_many_is_found_and_said(leader, caplog):
    for number in range(5):
        waits(leader, ago=200 - number * 20)
    bad = poison(leader, ago=110)

    assert signals_collect() == 5

    assert told() == ["BTCUSDT"] * 5
    aside = TradeAside.objects.get()
    assert (aside.trader, aside.event, aside.attempts) == (leader, bad, 1)
    assert "numeric field overflow" in aside.error
    assert f"event {bad.pk} is set aside" in caplog.text
    assert list(TradeEvent.objects.filter(awaits_copy=True)) == [bad]


def test_a_trade_of_an_account_that_leads_is_set_aside_as_well(db):
    leader, account = make_leader(is_copied=True), make_account()
    LeaderAccount.objects.create(trader=leader, account=account)
    coins = make_market(venue="binancecoinm")
    bad = make_fill(make_order(account=account, market=coins), price=D("1e-30"), awaits_copy=True)
    make_fill(make_order(account=account), awaits_copy=True)

    assert signals_collect() == 1

    assert TradeAside.objects.get().fill == bad
    assert list(Fill.objects.filter(awaits_copy=True)) == [bad]


def test_it_is_not_looked_at_all_the_time(leader, django_assert_num_queries):
    poison(leader)
    signals_collect()

    with django_assert_num_queries(1):
        assert signals_collect() == 0
    waits(leader)

    assert signals_collect() == 1
    assert TradeAside.objects.get().attempts == 1


def test_each_time_it_waits_longer_up_to_an_hour(leader):
    poison(leader)
    waited = []
    for _ in range(9):
        signals_collect()
        aside = TradeAside.objects.get()
        waited.append(round((aside.again_at - timezone.now()).total_seconds() / 60))
        due()

    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert aside.attempts == 9


def test_once_it_can_be_taken_up_it_is(leader):
    poison(leader)
    signals_collect()
    leader.positions.update(size=0)
    due()

    assert signals_collect() == 1

    assert not TradeAside.objects.exists()
    assert not TradeEvent.objects.filter(awaits_copy=True).exists()


def test_of_two_that_fail_only_together_the_earlier_is_taken_up(leader):
    """Each is as large as a column takes, and they are one decision."""
    leader.positions.all().delete()
    first = waits(leader, ago=60, amount=HUGE)
    second = waits(leader, ago=59, amount=HUGE)

    assert signals_collect() == 1

    assert Signal.objects.get().parts.get().event == first
    assert TradeAside.objects.get().event == second


def test_where_there_is_much_of_it_the_next_sweep_goes_on(leader, monkeypatch):
    monkeypatch.setattr(asides, "MOST_TRIES", 3)
    bad = [poison(leader, ago=ago) for ago in (90, 70, 50)]
    good = waits(leader, ago=10)

    for _ in range(4):
        signals_collect()

    assert {aside.event for aside in TradeAside.objects.all()} == set(bad)
    assert Signal.objects.get().parts.get().event == good


def test_what_happened_once_only_sets_nothing_aside(leader, monkeypatch):
    waits(leader)
    monkeypatch.setattr(collecting, "leader_collect", lambda **_: 1 // 0)

    assert signals_collect() == 1

    assert not TradeAside.objects.exists()


def test_another_leader_is_not_concerned(leader):
    poison(leader)
    other = make_leader(is_copied=True)
    waits(other)

    assert signals_collect() == 1
    assert leader_collect(trader_id=other.pk) == 0


def test_what_waits_apart_keeps_nobody_from_seeing_that_a_position_is_gone(leader):
    LeadTrader.objects.update(status=LeaderStatus.APPROVED)
    leader.refresh_from_db()
    copy = follow(leader, make_account())
    copy.positions.create(
        market=make_market(),
        side="LONG",
        leader_symbol="BTCUSDT",
        leader_side="LONG",
        quantity=D("0.1"),
        leader_opened_at=timezone.now() - timedelta(hours=1),
    )
    poison(leader)
    assert vanished_signals() == 0

    signals_collect()

    assert vanished_signals() == 1
    assert Signal.objects.get().source == SignalSource.FLAT


def test_staff_see_it_at_the_desk(leader, client: Client):
    poison(leader)
    signals_collect()
    client.force_login(make_staff())

    shown = client.get("/admin/replication/tradeaside/", {"q": leader.nickname}).content.decode()

    assert "overflow" in shown
    assert "SOLUSDT" in shown
    assert client.get(f"/admin/replication/tradeaside/{TradeAside.objects.get().pk}/change/").status_code == 200


@given(st.lists(st.booleans(), max_size=25))
def test_what_fails_alone_and_nothing_else_is_told_apart(fine):
    facts = [Fact(SignalSource.EVENT, number) for number in range(len(fine))]
    bad = {fact for fact, is_fine in zip(facts, fine, strict=True) if not is_fine}

    def fails(some):
        return ValueError() if bad & set(some) else None

    parted = facts_part(facts, fails)

    assert set(parted.unsound) <= bad
    assert {*parted.sound, *parted.unsound, *parted.unreached} == set(facts)
    assert parted.sound == sorted(set(parted.sound) - bad)
    assert parted.unsound or not bad
    assert not parted.unreached or len(bad) > 5
