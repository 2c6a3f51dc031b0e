"""What trades did to a leader's position."""

from decimal import Decimal, localcontext
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from replication.moves import moves_of, walk_back
from replication.vocabulary import Action, PositionWord

D = Decimal
LONG, SHORT = PositionWord.LONG, PositionWord.SHORT
amounts = st.decimals(-1000, 1000, places=8)


def told(before, signed, **side):
    return [(move.action, move.side, move.quantity, move.fraction) for move in moves_of(D(before), D(signed), **side)]


def test_the_first_trade_opens_and_the_next_increases():
    assert told(0, 2) == [(Action.OPEN, LONG, 2, None)]
    assert told(0, -2) == [(Action.OPEN, SHORT, 2, None)]
    assert told(-2, -1) == [(Action.INCREASE, SHORT, 1, None)]


def test_an_exit_tells_which_part_of_the_position_it_closed():
    assert told(4, -1) == [(Action.REDUCE, LONG, 1, D("0.25"))]
    assert told(-4, 4) == [(Action.CLOSE, SHORT, 4, 1)]


def test_a_turn_closes_all_and_opens_the_other_side():
    """PITFALLS 19."""
    assert told(1, -3) == [(Action.CLOSE, LONG, 1, 1), (Action.OPEN, SHORT, 2, None)]
    assert told(-1, "1.5") == [(Action.CLOSE, SHORT, 1, 1), (Action.OPEN, LONG, D("0.5"), None)]
    assert [move.position_before for move in moves_of(D(1), D(-3))] == [1, 0]


def test_the_side_of_a_hedging_account_never_turns():
    assert told(1, -3, hedge_side=LONG) == [(Action.CLOSE, LONG, 1, 1)]
    assert told(-2, 1, hedge_side=SHORT) == [(Action.REDUCE, SHORT, 1, D("0.5"))]
    assert told(-2, -1, hedge_side=SHORT) == [(Action.INCREASE, SHORT, 1, None)]
    assert told(0, 1, hedge_side=LONG) == [(Action.OPEN, LONG, 1, None)]


def test_selling_what_a_hedging_account_does_not_hold_does_nothing():
    assert told(0, -1, hedge_side=LONG) == []
    assert told(0, 1, hedge_side=SHORT) == []


def test_dust_that_remains_or_goes_beyond_is_a_close():
    assert told(1, "-0.9999999999") == [(Action.CLOSE, LONG, D("0.9999999999"), 1)]
    assert told(1, "-1.0000000001") == [(Action.CLOSE, LONG, 1, 1)]
    assert told(1, "-0.999") == [(Action.REDUCE, LONG, D("0.999"), D("0.999"))]


def test_nothing_traded_is_no_move():
    for before in (-1, 0, 1):
        for side in (None, LONG, SHORT):
            assert told(before, 0, hedge_side=side) == []


def test_walking_back_finds_what_was_held_before_each_trade():
    assert walk_back(D(2), [D(1), D(3), D(-2)]) == [(D(0), D(1)), (D(1), D(4)), (D(4), D(2))]
    assert walk_back(D(5), []) == []


@given(amounts, st.lists(amounts, max_size=8))
def test_walking_back_and_forth_meets(after, signed):
    steps = walk_back(after, signed)

    assert [later - before for before, later in steps] == signed
    assert all(one[1] == other[0] for one, other in pairwise(steps))
    assert not steps or steps[-1][1] == after


@given(amounts, amounts)
def test_moves_of_a_one_way_position_add_up_to_the_trade(before, signed):
    position = before
    for move in moves_of(before, signed):
        way = 1 if move.side == LONG else -1
        position += way * (-move.quantity if move.fraction is not None else move.quantity)
        assert move.quantity > 0
        assert move.fraction is None or 0 < move.fraction <= 1

    assert abs(position - (before + signed)) <= abs(before) * D("1e-9")


@given(amounts, amounts, st.sampled_from(PositionWord))
def test_a_hedging_side_stays_on_its_side(before, signed, side):
    held = before if (before > 0) == (side == LONG) else D(0)
    for move in moves_of(before, signed, hedge_side=side):
        assert move.side == side
        assert move.fraction is None or move.quantity <= abs(held)


@given(st.decimals("0.001", 1000, places=8), st.lists(st.decimals("0.01", "0.9", places=4), max_size=6))
def test_fractions_lead_from_one_position_to_the_next(position, parts):
    with localcontext(prec=60):
        for part in parts:
            (move,) = moves_of(position, -position * part)
            assert move.fraction == part
            position -= move.quantity
