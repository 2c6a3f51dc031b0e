"""Sound trades of a position of which another trade is set aside: as much is closed as the leader closed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from orders.models import Fill
from replication.engine import seen_events, seen_fills
from replication.engine.deciding import IN_DOUBT
from replication.engine.running import fan_out
from replication.engine.trades import SeenTrade, changes_of, changes_of_doubtful
from replication.models import Signal, TradeAside
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, trade
from replication.tests.test_trades import trade as seen
from replication.tests.watched_kit import did, follow_since, holds, push, tell, watched
from traders.models import TradeEvent

ONE, FAR = D(1), 20.0


def copied(start: Any, trades: list[SeenTrade], after: Any) -> Any:
    """Return what a copy holds that copies one to one."""
    quantity = start
    for change in changes_of(trades, after):
        if change.exits:
            assert change.fraction is not None
            quantity *= ONE - change.fraction
        elif not change.superseded:
            quantity += change.quantity
    return quantity


def story(*steps: tuple[Any, bool]) -> list[SeenTrade]:
    return [seen(signed, FAR * at, aside=aside) for at, (signed, aside) in enumerate(steps)]


def fractions(trades: list[SeenTrade], after: Any) -> list[Any]:
    return [change.fraction for change in changes_of(trades, D(after)) if change.exits]


def test_an_exit_closes_its_fraction_whatever_is_set_aside_after_it():
    assert fractions(story((-5, False), (5, True)), 10) == [D("0.5")]
    assert fractions(story((-5, False), (-5, True)), 0) == [D("0.5")]


def test_exits_around_one_that_is_set_aside_are_two():
    around = [seen(-2), seen(-3, 1, aside=True), seen(-2, 2)]
    assert fractions(around, 3) == [D("0.2"), D("0.4")]


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(1, 50), st.booleans(), st.booleans()), min_size=1, max_size=6),
    st.integers(0, 3),
)
def test_once_all_is_taken_up_a_copy_holds_what_its_leader_holds(start, moves, late):
    """Each is as large as what is held allows; those set aside come back, the oldest first."""
    position, trades = D(start), []
    for at, (size, buys, aside) in enumerate(moves):
        signed = D(size) if buys or not position else -min(D(size), position)
        position += signed
        trades.append(seen(signed, FAR * at, aside=aside))

    quantity = copied(D(start), trades, position)
    trades = [replace(each, known=not each.aside) for each in trades]
    waiting = [each for each in trades if each.aside]
    for back in (waiting[:late], waiting[late:]):
        ids = {each.fact_id for each in back}
        quantity = copied(quantity, [replace(t, aside=t.aside and t.fact_id not in ids) for t in trades], position)
        trades = [replace(t, aside=False, known=True) if t.fact_id in ids else t for t in trades]

    assert abs(quantity - position) < D("1e-9")


@given(st.integers(0, 20), st.integers(0, 20), st.lists(st.tuples(st.integers(-9, 9), st.booleans()), max_size=6))
def test_where_it_is_in_doubt_no_reading_closes_less(after, otherwise, moves):
    trades = story(*((D(signed), aside) for signed, aside in moves))
    never = [replace(each, signed=D(0)) if each.aside else each for each in trades]
    readings = [changes_of(trades, D(after)), changes_of(never, D(otherwise))]
    taken = changes_of_doubtful(trades, D(after), D(otherwise))

    assert [change.fact_ids for change in taken] == [change.fact_ids for change in readings[0]]
    for change in taken:
        same = [each for reading in readings for each in reading if each.fact_ids == change.fact_ids]
        assert all(change.does <= each.does for each in same)
        assert change.in_doubt == (len({each.does for each in same}) > 1)


@pytest.fixture
def bad(transactional_db, monkeypatch):
    """The ids of trades that cannot be taken up, to be filled."""
    price_is()
    found: set[int] = set()

    def breaking(read: Callable[..., SeenTrade]) -> Callable[..., SeenTrade]:
        def breaks(fact: Any, *values: Any, **named: Any) -> SeenTrade:
            if fact.id in found and not fact.aside:
                raise ValueError("nobody thought of this")
            return read(fact, *values, **named)

        return breaks

    for module in (seen_events, seen_fills):
        monkeypatch.setattr(module, "_trade", breaking(module._trade))
    return found


def comes_back(bad: set[int]) -> None:
    bad.clear()
    TradeAside.objects.update(again_at=timezone.now() - timedelta(seconds=1))
    fan_out()


def tell_bad(bad: set[int], leader: Any, *events: dict[str, Any], spoilt: str, **values: Any) -> None:
    """Tell trades of which that of one kind cannot be taken up."""
    known = set(TradeEvent.objects.values_list("pk", flat=True))
    push(leader, *events, **values)
    bad |= set(TradeEvent.objects.filter(kind=spoilt).exclude(pk__in=known).values_list("pk", flat=True))
    fan_out()


@pytest.mark.parametrize(("side", "later", "last"), [("BUY", "0.1", "0.4"), ("SELL", "0.3", "0")])
def test_of_an_account_an_exit_before_it_closes_its_part_and_both_come_out_right(bad, side, later, last):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.4")
    trade(account, "SELL", "0.1")
    order = trade(account, side, later)
    bad |= set(Fill.objects.filter(order=order).values_list("pk", flat=True))

    fan_out()
    assert (held(copy), TradeAside.objects.count()) == (D("0.3"), len(bad))

    comes_back(bad)
    assert held(copy) == D(last)


def test_of_a_watched_leader_the_smaller_fraction_is_closed_and_said_to_be_in_doubt(bad):
    """The report has either 0.4 after 0.2 of 0.4 were closed and opened again, or 0.4 after 0.2 of 0.6 were closed."""
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.6", ago=50), positions=[holds("0.6")], read=45)
    exit_, entry = did("CLOSE_LONG", "0.2", ago=30), did("OPEN_LONG", "0.2", ago=15)

    tell_bad(bad, leader, exit_, entry, spoilt="OPEN_LONG", positions=[holds("0.4")], read=1)

    assert held(copy) == D("0.4")
    assert (decision(copy).message, decision(copy).numbers["in_doubt"]) == (IN_DOUBT, True)
    assert D("0.33") < Signal.objects.latest("pk").fraction < D("0.34")


def test_of_a_leader_who_hides_positions_a_close_set_aside_makes_no_close_of_a_reduction(bad):
    leader = watched(positions_visible=False)
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.4", ago=40), read=35)
    tell_bad(bad, leader, did("CLOSE_LONG", "0.2", ago=30), spoilt="CLOSE_LONG", read=25)

    tell(leader, did("CLOSE_LONG", "0.2", ago=20), read=15)

    assert (held(copy), decision(copy).numbers["in_doubt"]) == (D("0.2"), True)


def test_an_amount_that_nobody_holds_changes_no_fraction(bad):
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.4", ago=50), positions=[holds("0.4")], read=45)
    exit_, absurd = did("CLOSE_LONG", "0.1", ago=30), did("OPEN_LONG", "9e28", ago=15)

    tell_bad(bad, leader, exit_, absurd, spoilt="OPEN_LONG", positions=[holds("0.3")], read=1)

    assert (held(copy), decision(copy).message) == (D("0.3"), "")
