"""A leader's trades into changes: grouped as decisions, late ones counted for what later ones have left of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replication.engine.trades import LONGEST_GAP, SeenTrade, changes_of
from replication.vocabulary import PositionWord

START = datetime(2026, 1, 1, tzinfo=UTC)
D: Any = Decimal
LONG, SHORT = PositionWord.LONG, PositionWord.SHORT
_numbers = count(1)


def trade(signed, at=0.0, *, side=LONG, known=False, **values):
    time = START + timedelta(seconds=at)
    return SeenTrade(
        **{
            "fact_id": next(_numbers),
            "symbol": "BTCUSDT",
            "side": side,
            "signed": D(signed),
            "unit": D(1),
            "price": D(100),
            "time": time,
            "detected_at": time,
            "known": known,
            **values,
        }
    )


def told(trades, after, **values):
    return [
        (change.action.value, change.quantity, change.fraction) for change in changes_of(trades, D(after), **values)
    ]


def test_trades_close_together_are_one_change():
    assert told([trade(1), trade(2, 1), trade(3, 2)], 6) == [("OPEN", 6, None)]


def test_the_price_of_several_trades_is_that_of_all_their_coins():
    """A fee in coins is no part of what was traded: twice as much was bought as the position grew by."""
    trades = [trade(1, price=D(100)), trade(1, 1, price=D(106), gross=D(2))]
    [change] = changes_of(trades, D(2))
    assert (change.quantity, change.price) == (D(3), D(104))


def test_a_change_tells_coins_whatever_the_trades_are_counted_in():
    [grown] = changes_of([trade(3, unit=D("0.01"))], D(5))
    [shrunk] = changes_of([trade(1, side=None, unit=D("0.01"))], D(-3))
    assert (grown.quantity, grown.position_before) == (D("0.03"), D("0.02"))
    assert (shrunk.quantity, shrunk.position_before, shrunk.fraction) == (D("0.01"), D("0.04"), D("0.25"))


def test_several_trades_were_detected_with_the_first_of_them_that_was():
    first, second = trade(1, detected_at=START + timedelta(seconds=9)), trade(1, 1)
    assert changes_of([first, second], D(2))[0].detected_at == second.detected_at


def test_a_position_that_the_leader_does_not_show_is_told_to_be_more_than_is_held():
    assert [change.shown for change in changes_of([trade(2), trade(1, 20)], D(2))] == [False, True]
    assert not changes_of([trade(2), trade(1, 1)], D(2))[0].shown
    assert changes_of([trade(2, side=None)], D(1))[0].shown


def test_the_side_of_a_hedging_leader_that_is_short_grows_and_shrinks_as_the_long_one_does():
    for side in (LONG, SHORT):
        trades = [trade(4, side=side), trade(-1, 20, side=side), trade(-3, 40, side=side)]
        changes = changes_of(trades, D(0))
        assert [change.side for change in changes] == [side] * 3
        assert told(trades, 0) == [("OPEN", 4, None), ("REDUCE", 1, D("0.25")), ("CLOSE", 3, 1)]


def test_trades_as_far_apart_as_those_of_one_order_may_be_are_one():
    assert told([trade(1), trade(2, LONGEST_GAP.total_seconds())], 3) == [("OPEN", 3, None)]


def test_trades_far_apart_are_two():
    apart = LONGEST_GAP.total_seconds() + 1
    assert told([trade(1), trade(2, apart)], 3) == [("OPEN", 1, None), ("INCREASE", 2, None)]


def test_orders_are_told_apart():
    assert told([trade(1, order_id=1), trade(2, order_id=2)], 3) == [("OPEN", 1, None), ("INCREASE", 2, None)]


def test_exits_in_a_row_close_what_they_close_together():
    [change] = changes_of([trade(-1), trade(-1, 1)], D(2))
    assert (change.action.value, change.quantity, change.fraction) == ("REDUCE", D(2), D("0.5"))


def test_exits_in_a_row_of_which_the_last_one_closes_are_a_close():
    assert told([trade(-1), trade(-3, 1)], 0) == [("CLOSE", 4, 1)]


def test_closes_in_a_row_are_as_many():
    """Whoever closes what nobody knew of closes it each time."""
    assert told([trade(-1), trade(-2, 1)], -2) == [("CLOSE", 1, 1), ("CLOSE", 2, 1)]


def test_what_follows_a_close_is_another_position():
    assert told([trade(1), trade(-1, 1), trade(2, 2)], 2) == [("OPEN", 1, None), ("CLOSE", 1, 1), ("OPEN", 2, None)]


def test_a_turn_in_one_way_mode_is_two_changes_of_one_fact():
    first, second = changes_of([trade(-3, side=None)], D(-2))
    assert (first.action.value, first.side, first.quantity) == ("CLOSE", LONG, D(1))
    assert (second.action.value, second.side, second.quantity) == ("OPEN", SHORT, D(2))
    assert first.fact_ids == second.fact_ids


def test_closing_what_nobody_knew_of_closes_all():
    for side in (LONG, SHORT):
        [change] = changes_of([trade(-1, side=side)], D(-1))
        assert (change.action.value, change.side, change.quantity, change.fraction) == ("CLOSE", side, D(1), D(1))
        assert change.position_before == 0


def test_what_is_less_than_a_step_is_nothing():
    assert told([trade("-0.9995")], "0.0005") == [("REDUCE", D("0.9995"), D("0.9995"))]
    assert told([trade("-0.9995")], "0.0005", step=D("0.001")) == [("CLOSE", D("0.9995"), 1)]
    assert told([trade("0.9995", side=None)], "-0.0005", step=D("0.001")) == [("CLOSE", D("0.9995"), 1)]
    assert told([trade("-0.999")], "0.001", step=D("0.001")) == [("REDUCE", D("0.999"), D("0.999"))]


def test_fees_in_coins_are_no_part_of_what_was_ordered():
    bought = trade("0.00999", gross=D("0.01"), net=D("0.00999"), order_id=1, order_quantity=D("0.01"))
    [change] = changes_of([bought], D("0.00999"))
    assert (change.quantity, change.order_share) == (D("0.01"), D(1))
    assert change.price == bought.price


def test_a_part_of_an_order_knows_its_share():
    assert changes_of([trade(1, order_id=1, order_quantity=D(4))], D(1))[0].order_share == D("0.25")
    assert changes_of([trade(-1, order_id=1, order_quantity=D(4))], D(1))[0].order_share is None
    assert changes_of([trade(4, order_id=1, order_quantity=D(3))], D(4))[0].order_share == 1
    assert changes_of([trade(1, order_id=1, order_quantity=D("0.5"))], D(1))[0].order_share == 1
    turned = changes_of([trade(-4, side=None, order_id=1, order_quantity=D(4))], D(-1))
    assert [change.order_share for change in turned] == [None, 1]


def test_a_late_entry_that_was_closed_since_is_superseded():
    [change] = changes_of([trade(1), trade(-1, 20, known=True)], D(0))
    assert (change.action, change.superseded) == ("OPEN", True)


def test_a_late_exit_of_what_was_closed_since_concerns_nobody():
    assert changes_of([trade(-1, 5), trade(-1, 20, known=True)], D(0)) == []


def test_a_late_entry_counts_for_what_is_left_of_it():
    assert told([trade(2), trade(-1, 20, known=True)], 1) == [("OPEN", 1, None)]


def test_a_late_exit_closes_now_what_it_would_have_closed_then():
    assert round(told([trade(-1, 5), trade(1, 20, known=True)], 2)[0][2], 20) == round(D(1) / 3, 20)
    assert told([trade(-1, 5), trade("-0.5", 20, known=True)], "0.5")[0][2] == D("0.5")


amounts = st.decimals("0.01", 100, places=2)
histories = st.lists(st.tuples(amounts, st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(histories)
def test_a_follower_has_what_the_leader_has_whenever_each_trade_became_known(history):
    """One to one: those in time are copied when they happen, the others all together at the end."""
    leader, follower = D(0), D(0)
    every, late = [], set()
    for number, (amount, opens, comes_late) in enumerate(history):
        made = trade(amount if opens or not leader else -min(amount, leader), number * 20)
        leader += made.signed
        every.append(made)
        if comes_late:
            late.add(made.fact_id)
        else:
            follower = followed(follower, [made], leader)

    told_late = [replace(each, known=each.fact_id not in late) for each in every]
    follower = followed(follower, told_late, leader)

    assert abs(follower - leader) < D("1e-20")


def followed(held, trades, after):
    for change in changes_of(trades, after):
        if not change.superseded:
            held = held + change.quantity if change.fraction is None else held * (1 - change.fraction)
    return held
