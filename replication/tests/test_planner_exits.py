"""How a trade that reduces or closes becomes orders."""

from dataclasses import replace

import pytest

from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from replication.facts import OrderPlan
from replication.tests.planner_kit import (
    USD_M_RULES,
    D,
    after,
    decide,
    exit_of,
    market_of,
    state_of,
    terms_of,
    trade_of,
)
from replication.vocabulary import Action, CopyState, IntentState, MinimumPolicy, PositionWord, Reason


def held(quantity="1", **others):
    return state_of(held=D(quantity), **others)


def test_a_reduction_closes_the_same_part_as_the_leaders():
    decision = decide(exit_of("0.25"), state=held("0.8"))

    assert decision.orders == (
        OrderPlan(
            side=Side.SELL,
            position_side=PositionSide.BOTH,
            type=OrderType.MARKET,
            quantity=D("0.2"),
            worth=D(10_000),
            reduce_only=True,
        ),
    )
    assert (decision.exits, decision.wanted, decision.remainder) == (True, D("0.2"), D(0))


def test_the_ratio_of_the_copy_has_no_part_in_an_exit():
    """PITFALLS 14."""
    for ratio in ("0.1", "5"):
        assert decide(exit_of(), terms_of(ratio=D(ratio)), state=held("0.3")).quantity == D("0.3")


def test_a_short_position_is_bought_back():
    decision = decide(exit_of(side=PositionWord.SHORT), state=held(-2))

    assert (decision.orders[0].side, decision.quantity) == (Side.BUY, D(2))


def test_an_inverted_copy_closes_its_own_side():
    decision = decide(exit_of("0.5"), terms_of(inverted=True), state=held(-2))

    assert (decision.side, decision.orders[0].side, decision.quantity) == (PositionWord.SHORT, Side.BUY, D(1))


def test_hedging_accounts_and_spot_say_otherwise_what_only_closes():
    hedged = decide(exit_of(side=PositionWord.SHORT), market=market_of(hedge_mode=True), state=held(-1)).orders[0]
    spot = decide(exit_of(), market=market_of(MarketKind.SPOT), state=held()).orders[0]

    assert (hedged.position_side, hedged.reduce_only) == (PositionSide.SHORT, False)
    assert (spot.position_side, spot.reduce_only) == (PositionSide.BOTH, False)


def test_an_exit_needs_neither_funds_nor_a_price():
    """PITFALLS 13: a free balance of 0 does not keep anybody in a position."""
    decision = decide(exit_of(price=None), market=market_of(price=None), state=held(funds=D(0)))

    assert (decision.quantity, decision.worth) == (D(1), D(0))


def test_a_full_close_is_sent_however_small_it_is():
    """PITFALLS 13: below the smallest quantity and the smallest worth."""
    decision = decide(exit_of(), market=market_of(MarketKind.SPOT), state=held("0.00002"))

    assert decision.quantity == D("0.00002")


@pytest.mark.parametrize("remainder", ["0.4", "-0.4", "-7", "0"])
def test_a_full_close_is_everything_whatever_remained(remainder):
    decision = decide(exit_of(), state=held(remainder=D(remainder)))

    assert (decision.quantity, decision.remainder) == (D(1), D(0))


@pytest.mark.parametrize("policy", MinimumPolicy)
def test_small_reductions_are_owed_and_closed_with_the_next(policy):
    terms, market, state = terms_of(minimum_policy=policy), market_of(), held("0.01")
    first = decide(exit_of("0.05"), terms, market, state)
    second = decide(exit_of("0.1"), terms, market, after(state, first))

    assert (first.code, first.quantity, first.remainder) == (Reason.ACCUMULATED, D(0), D("-0.0005"))
    assert first.message == ("0.0005 of BTCUSDT is below the smallest order, 0.001; it is closed with the next exit.")
    assert (second.quantity, second.remainder) == (D("0.001"), D("-0.00045"))


def test_a_reduction_of_spot_below_the_smallest_worth_is_owed():
    decision = decide(exit_of("0.00008"), market=market_of(MarketKind.SPOT), state=held())

    assert (decision.code, decision.remainder) == (Reason.ACCUMULATED, D("-0.00008"))
    assert decision.numbers == {
        "wanted": "0.00008",
        "held": "1",
        "smallest_quantity": "0.00001",
        "smallest_worth": "5",
        "price": "50000",
    }


def test_the_second_partial_close_is_copied_too():
    """PITFALLS 20."""
    state = held("0.9")
    for fraction, left in (("0.333333333333", "0.6"), ("0.5", "0.3"), ("1", "0")):
        state = after(state, decide(exit_of(fraction), state=state))
        assert state.held == D(left)


def test_an_exit_where_nothing_is_held_says_so_and_shrinks_what_was_to_be_opened():
    half = decide(exit_of("0.5"), state=state_of(remainder=D("0.0008")))
    whole = decide(exit_of(), state=state_of(remainder=D("0.0008")))

    assert (half.code, half.remainder) == (Reason.NOTHING_HELD, D("0.0004"))
    assert (whole.code, whole.remainder) == (Reason.NOTHING_HELD, D(0))


def test_where_nothing_is_held_nothing_is_owed():
    for trade in (exit_of("0.5"), exit_of()):
        assert decide(trade, state=state_of(remainder=D("-0.4"))).remainder == 0


def test_what_is_held_on_the_other_side_is_not_closed():
    for side, other in ((PositionWord.LONG, -1), (PositionWord.SHORT, 1)):
        assert decide(exit_of(side=side), state=held(other)).code == Reason.NOTHING_HELD


@pytest.mark.parametrize(("fraction", "quantity", "kept"), [("1.5", "1", "0"), ("-0.5", "0", "0.0008")])
def test_a_fraction_is_between_nothing_and_all(fraction, quantity, kept):
    trade = trade_of(Action.REDUCE, fraction=D(fraction))

    assert decide(trade, state=held()).quantity == D(quantity)
    assert decide(trade, state=state_of(remainder=D("0.0008"))).remainder == D(kept)


def test_a_close_is_all_whatever_fraction_it_names():
    assert decide(trade_of(Action.CLOSE, fraction=D("0.5")), state=held()).quantity == 1


def test_an_exit_that_is_too_small_names_the_smallest_market_order():
    rules = replace(USD_M_RULES, market_quantity_min=D("0.005"))
    decision = decide(exit_of("0.004"), market=market_of(filters=rules), state=held())

    assert decision.message == "0.004 of BTCUSDT is below the smallest order, 0.005; it is closed with the next exit."


def test_a_spot_market_has_no_sides():
    order = decide(exit_of(), market=market_of(MarketKind.SPOT, hedge_mode=True), state=held()).orders[0]

    assert order.position_side == PositionSide.BOTH


def test_what_an_exit_is_worth_and_leaves_fits_a_column():
    long = D("0.123456789012345678901234567891")
    for trade, quantity in ((exit_of(long), "0.9"), (exit_of(long), "0.0001"), (exit_of(), "0.9")):
        decision = decide(
            trade, market=market_of(price=50_000 + long), state=held(quantity, remainder=D("-0.000000000000000000001"))
        )
        for amount in (decision.wanted, decision.remainder, decision.worth):
            assert amount is not None
            assert -int(amount.as_tuple().exponent) <= 30


def test_an_exit_of_an_ended_copy_is_not_followed_and_of_a_stopping_one_is():
    assert decide(exit_of(), terms_of(state=CopyState.ENDED), state=held()).code == Reason.COPY_ENDED
    assert decide(exit_of(), terms_of(state=CopyState.STOPPING), state=held()).quantity == 1
    assert decide(exit_of(), terms_of(state=CopyState.PAUSED), state=held()).quantity == 1


def test_more_than_the_largest_order_is_split():
    decision = decide(exit_of(), state=held("250.0005"), market=market_of(MarketKind.USD_M))

    assert [order.quantity for order in decision.orders] == [120, 120, 10]
    assert all(order.reduce_only for order in decision.orders)


def test_an_exit_without_a_fraction_closes_all():
    assert decide(trade_of(Action.REDUCE), state=held()).quantity == 1


def test_less_than_one_step_cannot_be_sold_and_says_so():
    """Fees on spot are taken out of the coins, which leaves dust that no order can sell."""
    decision = decide(exit_of(), market=market_of(MarketKind.SPOT), state=held("0.000001"))

    assert (decision.state, decision.code) == (IntentState.SKIPPED, Reason.BELOW_MINIMUM)
    assert decision.message == ("The 0.000001 of BTCUSDT that is held is less than one step of the market, 0.00001.")
    assert decision.numbers == {"held": "0.000001", "step": "0.00001"}


def test_a_step_of_market_orders_that_is_coarser_is_the_one_that_is_told():
    rules = replace(USD_M_RULES, market_quantity_step=D("0.1"))
    decision = decide(exit_of(), market=market_of(filters=rules), state=held("0.05"))

    assert decision.message == "The 0.05 of BTCUSDT that is held is less than one step of the market, 0.1."


def test_a_full_close_of_spot_sells_what_is_on_the_steps():
    decision = decide(exit_of(), market=market_of(MarketKind.SPOT), state=held("0.999123456"))

    assert decision.quantity == D("0.99912")


def test_a_market_that_is_said_to_be_closed_does_not_hold_an_exit_back():
    assert decide(exit_of(), market=market_of(trading=False), state=held()).quantity == 1


def test_a_turn_of_the_leader_closes_the_one_side_and_opens_the_other():
    """PITFALLS 19: the exit only reduces, the entry does not."""
    close = decide(exit_of(), state=held())
    turned = decide(trade_of(side=PositionWord.SHORT, quantity=2))

    assert [(order.side, order.reduce_only) for order in (*close.orders, *turned.orders)] == [
        (Side.SELL, True),
        (Side.SELL, False),
    ]
