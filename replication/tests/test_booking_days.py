"""What trades of a copy bring on which day, also where one becomes known after later ones."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.accounting import FillFact, Position, Terms, is_late
from replication.engine.booking import (
    Day,
    _recount,
    add_days,
    adjustment_fact,
    position_row,
    walk,
)
from replication.tests.kit import D

LINEAR = Terms(D(1), inverse=False, tracks_shorts=True, base_asset="BTC", settlement_asset="USDT")
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TODAY = START.date()


def fill(hours, side, quantity, price, fee="1", number="5"):
    time = START + timedelta(hours=hours)
    return FillFact(time, number, side == "BUY", D(price), D(quantity), D(fee), "USDT")


def brought(days):
    return {day: (sums.realized, sums.fees) for day, sums in days.items()}


def test_each_day_has_what_was_realised_and_paid_on_it():
    facts = [fill(0, "BUY", 2, 100), fill(1, "SELL", 1, 110), fill(24, "SELL", 1, 90)]
    position, days = walk(LINEAR, facts)

    assert (position.quantity, position.realized_pnl, position.fees) == (D(0), D(0), D(3))
    assert brought(days) == {TODAY: (10, 2), TODAY + timedelta(days=1): (-10, 1)}


def test_days_are_those_of_utc_and_an_adjustment_brings_nothing():
    night = datetime(2026, 1, 2, 4, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    bought = FillFact(night, "5", True, D(100), D(1), D(1), "USDT")
    adjusted = adjustment_fact(7, START + timedelta(days=3), D(0), D(0))

    assert brought(walk(LINEAR, [bought, adjusted])[1]) == {date(2026, 1, 1): (0, 1)}


def test_what_goes_on_from_a_position_brings_only_what_is_new():
    held = Position(quantity=D(1), cost=D(100), realized_pnl=D(50), fees=D(9))

    assert brought(walk(LINEAR, [fill(0, "SELL", 1, 110)], held)[1]) == {TODAY: (10, 1)}


def test_an_adjustment_comes_after_the_trades_of_its_moment():
    [trade] = [fill(0, "BUY", 1, 100, number="9" * 40)]

    assert trade.key < adjustment_fact(1, START, D(0), D(0)).key < adjustment_fact(2, START, D(0), D(0)).key
    assert adjustment_fact(9, START, D(0), D(0)).key < adjustment_fact(10, START, D(0), D(0)).key


@pytest.mark.parametrize(
    ("newest", "hours", "number", "late"),
    [(None, 0, "5", False), (1, 2, "1", False), (1, 1, "6", False), (1, 1, "4", True), (1, 0, "6", True)],
)
def test_a_trade_is_late_where_a_later_one_is_booked_already(newest, hours, number, late):
    booked = None if newest is None else fill(newest, "BUY", 1, 1).key

    assert is_late([fill(3, "BUY", 1, 1, number="9"), fill(hours, "BUY", 1, 1, number=number)], booked) is late


trades = st.lists(
    st.tuples(st.integers(0, 72), st.sampled_from(["BUY", "SELL"]), st.integers(1, 9), st.integers(50, 150)),
    min_size=1,
    max_size=8,
)


@given(trades, st.data())
def test_days_come_to_the_same_whichever_trades_became_known_late(rows, data):
    facts = [fill(hours, side, quantity, price, "1", str(n)) for n, (hours, side, quantity, price) in enumerate(rows)]
    late = data.draw(st.sets(st.sampled_from(range(len(facts))), min_size=1))
    first = [fact for number, fact in enumerate(facts) if number not in late]

    days = defaultdict[tuple[int, date], Day](Day)
    add_days(days, 1, walk(LINEAR, first)[1])
    position, more = _recount(LINEAR, facts, [facts[number] for number in late])
    add_days(days, 1, more)

    at_once, every = walk(LINEAR, facts)
    assert position == at_once
    sums = {day: (each.realized, each.fees) for (_, day), each in days.items()}
    assert sums == brought(every)


def test_a_late_trade_between_others_brings_what_it_changes_beside_what_its_owner_closed():
    bought, closed = fill(0, "BUY", 2, 100), adjustment_fact(7, START + timedelta(hours=1), D(0), D(0))
    late, sold = fill(2, "BUY", 1, 100), fill(3, "SELL", 1, 110)

    position, days = _recount(LINEAR, [bought, sold, late, closed], [late])

    assert (position.quantity, brought(days)) == (D(0), {TODAY: (10, 1)})


def test_a_trade_of_a_copy_with_itself_has_two_sides_of_which_one_may_come_late():
    sold, bought = fill(1, "SELL", 1, 100, number="7"), fill(1, "BUY", 1, 100, number="7")

    assert brought(_recount(LINEAR, [sold, bought], [bought])[1]) == {TODAY: (0, 1)}


@pytest.mark.parametrize(
    ("quantity", "over"), [("0", True), ("0.0009", True), ("-0.0009", True), ("0.001", False), ("-0.001", False)]
)
def test_what_is_less_than_a_step_is_told_to_be_over(quantity, over):
    row = position_row(1, Position(quantity=D(quantity)), None, START, D("0.001"))

    assert (row["to_tell"], row["last_time"], row["last_trade"]) == (over, None, "")


@pytest.mark.parametrize(("quantity", "over"), [("0", True), ("0.0009", False), ("-0.0009", False)])
def test_where_the_step_is_not_known_only_nothing_is_over(quantity, over):
    assert position_row(1, Position(quantity=D(quantity)), None, START, D(0))["to_tell"] is over
