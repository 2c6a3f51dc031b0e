"""A watched leader's trades are done for those who follow: opens, increases, reductions, closes, turns, each once."""

import pytest

from orders.models import Order
from replication.models import CopyIntent, Signal
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def actions() -> list[str]:
    return list(Signal.objects.order_by("pk").values_list("action", flat=True))


def test_an_opening_trade_is_copied():
    leader = watched()
    copy = follow_since(leader, ratio=D("0.5"))

    tell(leader, did("OPEN_LONG", "0.2"), positions=[holds("0.2")])

    assert held(copy) == D("0.1"), decision(copy).message
    signal = Signal.objects.get()
    assert (signal.action, signal.source, signal.state) == ("OPEN", "event", "done")
    assert signal.parts.get().event == leader.events.get()


def test_an_increase_is_copied_as_one():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.2", ago=30), positions=[holds("0.2")], read=20)

    tell(leader, did("OPEN_LONG", "0.1"), positions=[holds("0.3")])

    assert held(copy) == D("0.3")
    assert actions() == ["OPEN", "INCREASE"]


def test_a_reduction_closes_the_fraction_that_the_leader_closed():
    leader = watched()
    copy = follow_since(leader, ratio=D(2))
    tell(leader, did("OPEN_LONG", "0.2", ago=30), positions=[holds("0.2")], read=20)

    tell(leader, did("CLOSE_LONG", "0.05"), positions=[holds("0.15")])

    assert held(copy) == D("0.3")
    assert Signal.objects.latest("pk").fraction == D("0.25")


def test_two_partial_closes_are_both_copied_and_the_last_one_leaves_nothing():
    """PITFALLS 5 and 20."""
    leader = watched()
    copy = follow_since(leader, ratio=D("0.5"))
    tell(leader, did("OPEN_LONG", "0.4", ago=50), positions=[holds("0.4")], read=40)

    tell(leader, did("CLOSE_LONG", "0.1", ago=35), positions=[holds("0.3")], read=30)
    assert held(copy) == D("0.15")
    tell(leader, did("CLOSE_LONG", "0.1", ago=25), positions=[holds("0.2")], read=20)
    assert held(copy) == D("0.1")
    tell(leader, did("CLOSE_LONG", "0.2"), positions=[])

    assert held(copy) == 0
    assert actions() == ["OPEN", "REDUCE", "REDUCE", "CLOSE"]


def test_a_short_position_is_copied_and_closed():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_SHORT", "0.2", ago=30), positions=[holds("-0.2", side="SHORT")], read=20)
    assert held(copy, "SHORT") == D("-0.2")

    tell(leader, did("CLOSE_SHORT", "0.2"), positions=[])

    assert held(copy, "SHORT") == 0


def test_an_inverted_copy_goes_the_other_way_and_closes_with_the_leader():
    leader = watched()
    copy = follow_since(leader, inverted=True)
    tell(leader, did("OPEN_LONG", "0.2", ago=30), positions=[holds("0.2")], read=20)
    assert held(copy, "SHORT") == D("-0.2")

    tell(leader, did("CLOSE_LONG", "0.1", ago=10), positions=[holds("0.1")], read=5)
    assert held(copy, "SHORT") == D("-0.1")
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[])

    assert held(copy, "SHORT") == 0


def test_a_turn_is_an_exit_and_then_an_entry():
    """PITFALLS 19."""
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.1", ago=30), positions=[holds("0.1")], read=20)

    tell(
        leader,
        did("CLOSE_LONG", "0.1", ago=5),
        did("OPEN_SHORT", "0.2", ago=5),
        positions=[holds("-0.2", side="SHORT")],
    )
    settle()

    assert (held(copy), held(copy, "SHORT")) == (0, D("-0.2"))
    assert copy.account.holdings.get().quantity == D("-0.2")


def test_several_trades_in_one_report_are_copied_in_their_order():
    leader = watched()
    copy = follow_since(leader)

    tell(
        leader,
        did("CLOSE_LONG", "0.1", ago=20),
        did("OPEN_LONG", "0.3", ago=5),
        did("OPEN_LONG", "0.4", ago=40),
        positions=[holds("0.6")],
    )
    settle()

    assert actions() == ["OPEN", "REDUCE", "INCREASE"]
    assert Signal.objects.get(action="REDUCE").fraction == D("0.25")
    assert held(copy) == D("0.6")


def test_a_burst_of_orders_is_copied_whole():
    """PITFALLS 20."""
    leader = watched()
    copy = follow_since(leader)

    tell(leader, *(did("OPEN_LONG", "0.01", ago=30 - number / 10) for number in range(50)), positions=[holds("0.5")])

    assert held(copy) == D("0.5")
    assert Signal.objects.count() == 1
    assert Signal.objects.get().parts.count() == 50


def test_the_same_history_told_again_is_copied_once():
    """PITFALLS 5."""
    leader = watched()
    copy = follow_since(leader)
    history = [did("OPEN_LONG", "0.2", ago=30), did("CLOSE_LONG", "0.1", ago=20)]
    tell(leader, *history, positions=[holds("0.1")], read=15)
    settle()

    for read in (10, 5, 0):
        tell(leader, *history, positions=[holds("0.1")], read=read)
    settle()

    assert held(copy) == D("0.1")
    assert (Signal.objects.count(), CopyIntent.objects.count(), Order.objects.count()) == (2, 2, 2)


def test_two_symbols_are_two_positions():
    leader = watched()
    copy = follow_since(leader)

    tell(leader, did("OPEN_LONG", "0.2"), did("OPEN_LONG", "5", symbol="NOSUCHUSDT"), positions=[holds("0.2")])

    assert held(copy) == D("0.2")
    skipped = CopyIntent.objects.get(signal__symbol="NOSUCHUSDT")
    assert (skipped.state, skipped.code) == ("skipped", "SYMBOL_UNMAPPED")
    assert "NOSUCHUSDT" in skipped.message


def test_a_trade_of_a_leader_whom_nobody_copies_waits_for_nobody():
    leader = watched()

    tell(leader, did("OPEN_LONG", "0.2"), positions=[holds("0.2")])

    assert not Signal.objects.exists()
    assert not leader.events.filter(awaits_copy=True).exists()
