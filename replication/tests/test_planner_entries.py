"""How a trade that opens or increases becomes an order."""

import json
from dataclasses import replace

import pytest
from msgspec.structs import replace as struct_replace

from markets.filters import Filters
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, TimeInForce
from replication.facts import OrderPlan
from replication.planner import plan
from replication.tests.planner_kit import (
    NOW,
    SPOT_RULES,
    USD_M_RULES,
    D,
    after,
    decide,
    market_of,
    state_of,
    terms_of,
    trade_of,
)
from replication.vocabulary import EXITS, Action, IntentState, MinimumPolicy, PositionWord, Reason, Strategy

ACCUMULATE = {"minimum_policy": MinimumPolicy.ACCUMULATE}


def test_without_a_slippage_limit_an_entry_is_a_market_order():
    decision = decide(trade_of(quantity="0.5"))

    assert decision.state == IntentState.PLANNED
    assert decision.orders == (
        OrderPlan(
            side=Side.BUY,
            position_side=PositionSide.BOTH,
            type=OrderType.MARKET,
            quantity=D("0.5"),
            worth=D(25_000),
        ),
    )
    assert (decision.wanted, decision.remainder, decision.caps, decision.message) == (D("0.5"), D(0), (), "")


def test_with_a_slippage_limit_it_is_an_ioc_limit_at_the_leaders_price_and_what_is_allowed():
    terms = terms_of(max_slippage_percent=D("0.5"))
    bought = decide(trade_of(price=50_000), terms).orders[0]
    sold = decide(trade_of(price=50_000, side=PositionWord.SHORT), terms).orders[0]

    assert (bought.type, bought.time_in_force, bought.price) == (OrderType.LIMIT, TimeInForce.IOC, D(50_250))
    assert (sold.side, sold.price) == (Side.SELL, D(49_750))


def test_the_limit_is_rounded_to_the_safe_side_of_the_tick():
    terms = terms_of(max_slippage_percent=D("0.123"))

    assert decide(trade_of(price="49999.9"), terms).orders[0].price == D("50061.3")  # 50,061.399877
    assert decide(trade_of(price="49999.9", side=PositionWord.SHORT), terms).orders[0].price == D("49938.5")


def test_the_limit_stays_within_the_band_that_the_venue_takes():
    terms = terms_of(max_slippage_percent=D(10))

    assert decide(terms=terms, market=market_of(price=D(50_000))).orders[0].price == 52_500
    assert decide(trade_of(side=PositionWord.SHORT), terms).orders[0].price == 47_500


@pytest.mark.parametrize(("leaders", "limit"), [(None, "50500"), (0, "50500"), (49_990, "50489.9")])
def test_the_limit_is_from_the_markets_price_where_the_leaders_is_not_known(leaders, limit):
    assert decide(trade_of(price=leaders), terms_of(max_slippage_percent=D(1))).orders[0].price == D(limit)


def test_the_limit_of_what_costs_less_than_one_is_a_limit_still():
    market = market_of(filters=replace(SPOT_RULES, price_tick=D("0.0001")), price=D("0.502"))
    order = decide(trade_of(price="0.5", quantity=100), terms_of(max_slippage_percent=D(1)), market).orders[0]

    assert (order.type, order.price) == (OrderType.LIMIT, D("0.505"))


@pytest.mark.parametrize(
    ("quantity", "limits", "taken", "limited"),
    [("0.57", {}, "0.5", "0.57"), (200, {}, "120", "200"), (1, {"max_order": D(5_700)}, "0.5", "0.57")],
)
def test_steps_and_bounds_are_those_of_the_kind_of_order_that_is_sent(quantity, limits, taken, limited):
    market = market_of(filters=replace(USD_M_RULES, market_quantity_step=D("0.1")), price=D(10_000))
    for percent, expected in ((None, taken), (D(1), limited)):
        terms = terms_of(max_slippage_percent=percent, **limits)
        decision = decide(trade_of(quantity=quantity, price=10_000), terms, market, state_of(funds=None))
        assert decision.quantity == D(expected)


def test_a_seller_who_allows_any_price_sends_a_market_order():
    market = market_of(filters=SPOT_RULES)

    order = decide(trade_of(side=PositionWord.SHORT), terms_of(max_slippage_percent=D(100)), market).orders
    assert order == ()  # slippage of 100 % leaves nothing of the funds to spend
    free = decide(
        trade_of(side=PositionWord.SHORT), terms_of(max_slippage_percent=D(100)), market, state_of(funds=None)
    )
    assert free.orders[0].type == OrderType.MARKET


def test_where_the_venue_has_no_ioc_it_is_a_market_order():
    terms = terms_of(max_slippage_percent=D(1))

    assert decide(terms=terms, market=market_of(limit_ioc=False)).orders[0].type == OrderType.MARKET


def test_an_inverted_copy_takes_the_other_side():
    decision = decide(terms=terms_of(inverted=True))

    assert (decision.side, decision.orders[0].side) == (PositionWord.SHORT, Side.SELL)


@pytest.mark.parametrize(("side", "expected"), [(PositionWord.LONG, "LONG"), (PositionWord.SHORT, "SHORT")])
def test_a_hedging_account_is_told_the_side_of_the_position(side, expected):
    order = decide(trade_of(side=side), market=market_of(hedge_mode=True)).orders[0]

    assert (order.position_side, order.reduce_only) == (PositionSide(expected), False)


def test_a_symbol_that_the_follower_cannot_trade_is_a_skip_also_for_exits():
    for action in Action:
        decision = plan(trade_of(action), terms_of(), None, state_of(remainder=D("0.1")), NOW)

        assert (decision.state, decision.code) == (IntentState.SKIPPED, Reason.SYMBOL_UNMAPPED)
        assert decision.message == "Nothing at the follower's venue corresponds to BTCUSDT."
        assert (decision.numbers, decision.exits) == ({"symbol": "BTCUSDT"}, action in EXITS)
        assert decision.remainder == D("0.1")


def test_inverse_contracts_are_ordered_whole():
    market = market_of(MarketKind.COIN_M)
    decision = decide(trade_of(quantity="0.5037"), market=market)

    assert (decision.quantity, decision.worth, decision.wanted) == (D(251), D(25_100), D("251.85"))
    assert decision.remainder == 0  # only who accumulates keeps what rounding leaves


@pytest.mark.parametrize(
    ("rules", "message", "smallest"),
    [
        (Filters(quantity_step=D(1)), "smallest order, 1.", {"smallest_quantity": "1"}),
        (Filters(), "smallest order, 1.", {"smallest_quantity": "1"}),
        (
            Filters(quantity_min=D(5), notional_min=D(7)),
            "smallest order, 5 and worth 7 USD.",
            {"smallest_quantity": "5", "smallest_worth": "7"},
        ),
    ],
)
def test_without_a_smallest_order_a_step_is_the_smallest(rules, message, smallest):
    decision = decide(trade_of(quantity="0.0002"), market=market_of(MarketKind.COIN_M, filters=rules))

    assert decision.code == Reason.BELOW_MINIMUM
    assert decision.message == f"0.1 of BTCUSDT is below the {message}"
    assert decision.numbers == {"wanted": "0.1", "carried": "0", "price": "50000", **smallest}


def test_nothing_wanted_is_too_small_and_not_set_off():
    terms = terms_of(strategy=Strategy.FIXED_AMOUNT, fixed_amount=D(500))

    assert decide(trade_of(order_share=D(0)), terms).code == Reason.BELOW_MINIMUM


def test_what_is_below_the_smallest_order_is_skipped_with_the_numbers_and_not_remembered():
    """PITFALLS 15: it is neither raised to the minimum nor does a clamp hide it."""
    decision = decide(terms=terms_of(ratio=D("0.0005")))

    assert (decision.state, decision.code, decision.remainder) == (IntentState.SKIPPED, Reason.BELOW_MINIMUM, D(0))
    assert decision.message == "0.0005 of BTCUSDT is below the smallest order, 0.001 and worth 50 USDT."
    assert decision.numbers == {
        "wanted": "0.0005",
        "carried": "0",
        "smallest_quantity": "0.001",
        "smallest_worth": "50",
        "price": "50000",
    }
    assert decision.wanted == D("0.0005")


def test_the_smallest_worth_is_judged_at_the_price_that_the_venue_multiplies_with():
    """A seller's limit is below the market: 0.001 at 50,000 is worth 50, at the limit of 49,500 it is not."""
    terms = terms_of(ratio=D("0.001"), max_slippage_percent=D(1))

    assert decide(terms=terms).quantity == D("0.001")
    assert decide(trade_of(side=PositionWord.SHORT), terms).code == Reason.BELOW_MINIMUM
    assert decide(terms=terms, market=market_of(price=D(49_900))).code == Reason.BELOW_MINIMUM  # a buyer may pay less


def test_a_limit_that_cuts_below_the_smallest_order_tells_both():
    decision = decide(terms=terms_of(max_order=D(2_040)), market=market_of(filters=SPOT_RULES, price=D(50_000)))
    small = decide(terms=terms_of(max_order=D(4)), market=market_of(filters=SPOT_RULES))

    assert decision.quantity == D("0.0408")
    assert (small.code, small.caps[0].code) == (Reason.BELOW_MINIMUM, Reason.MAX_ORDER)
    assert small.message == (
        "Cut from 1 to 0.00008 of BTCUSDT: one order may be worth 4 USDT at most. "
        "0.00008 of BTCUSDT is below the smallest order, 0.00001 and worth 5 USDT."
    )


def test_small_entries_are_kept_until_they_reach_the_smallest_order():
    terms, state = terms_of(ratio=D("0.0004"), **ACCUMULATE), state_of()
    codes = []
    for _ in range(5):
        decision = decide(terms=terms, state=state)
        codes.append(decision.code)
        state = after(state, decision)

    assert codes == [Reason.ACCUMULATED, Reason.ACCUMULATED, None, Reason.ACCUMULATED, None]
    assert (state.held, state.remainder) == (D("0.002"), D(0))


def test_what_earlier_parts_of_an_order_left_is_added_once_by_whoever_does_not_accumulate():
    state = state_of(order_carried=D("0.0005"))
    added = decide(terms=terms_of(ratio=D("0.0005")), state=state)
    kept = decide(terms=terms_of(ratio=D("0.0005"), **ACCUMULATE), state=state)

    assert (added.quantity, added.wanted) == (D("0.001"), D("0.0005"))
    assert (kept.quantity, kept.remainder) == (D(0), D("0.0005"))


def test_what_was_kept_is_told():
    decision = decide(terms=terms_of(ratio=D("0.0004"), **ACCUMULATE), state=state_of(remainder=D("0.0002")))

    assert decision.message == (
        "0.0006 of BTCUSDT is below the smallest order, 0.001 and worth 50 USDT; it is kept and added to the next."
    )
    assert decision.remainder == D("0.0006")


def test_a_cut_is_for_good_and_nothing_of_it_is_kept():
    terms = terms_of(max_order=D(20_010), **ACCUMULATE)
    decision = decide(terms=terms, state=state_of(remainder=D("0.0009")))

    assert (decision.quantity, decision.remainder) == (D("0.4"), D(0))


def test_a_cut_below_the_smallest_order_keeps_what_was_kept_before_and_no_more():
    terms = terms_of(max_order=D(40), **ACCUMULATE)
    decision = decide(terms=terms, state=state_of(remainder=D("0.0003")))

    assert (decision.code, decision.remainder) == (Reason.MAX_ORDER, D("0.0003"))
    some = decide(terms=struct_replace(terms, max_order=D(4)), market=market_of(filters=SPOT_RULES), state=state_of())
    assert (some.code, some.remainder) == (Reason.BELOW_MINIMUM, D(0))


def test_an_entry_is_set_off_against_what_is_still_to_be_closed():
    for policy in MinimumPolicy:
        owing = state_of(held=D(1), remainder=D("-0.4"))
        part = decide(trade_of(quantity=1), terms_of(minimum_policy=policy), state=owing)
        none = decide(trade_of(quantity="0.1"), terms_of(minimum_policy=policy), state=owing)

        assert (part.quantity, part.wanted, part.remainder) == (D("0.6"), D(1), D(0))
        assert part.numbers == {"set_off": "0.4"}
        assert (none.code, none.quantity, none.remainder) == (Reason.ACCUMULATED, D(0), D("-0.3"))
        assert none.message == "0.1 of BTCUSDT is set off against 0.4 that was still to be closed."
        assert none.numbers == {"wanted": "0.1", "carried": "-0.4"}


@pytest.mark.parametrize("policy", MinimumPolicy)
def test_an_entry_of_just_what_is_still_to_be_closed_leaves_nothing_of_either(policy):
    decision = decide(
        trade_of(quantity="0.4"), terms_of(minimum_policy=policy), state=state_of(held=D(1), remainder=D("-0.4"))
    )

    assert (decision.code, decision.remainder) == (Reason.ACCUMULATED, D(0))


def test_an_entry_that_nothing_is_set_off_against_says_nothing_of_it():
    assert decide().numbers == {}
    assert decide(terms=terms_of(**ACCUMULATE), state=state_of(remainder=D("0.3"))).numbers == {}


def test_a_skip_does_not_forget_what_is_still_to_be_closed():
    decision = decide(terms=terms_of(ratio=D("0.4005")), state=state_of(held=D(1), remainder=D("-0.4")))

    assert (decision.code, decision.remainder) == (Reason.BELOW_MINIMUM, D("-0.4"))


def test_a_copy_that_stops_accumulating_drops_what_it_had_kept():
    decision = decide(terms=terms_of(), state=state_of(remainder=D("0.5")))

    assert (decision.quantity, decision.remainder) == (D(1), D(0))


def test_a_missing_parameter_skips_one_copy():
    decision = decide(terms=terms_of(strategy=Strategy.FIXED_AMOUNT))

    assert (decision.code, decision.message) == (Reason.TERMS_INCOMPLETE, "The copy's settings do not name the amount.")


def test_a_percentage_without_any_price_is_no_price():
    """PITFALLS 12."""
    terms = terms_of(strategy=Strategy.PERCENTAGE, percentage=D(5))
    decision = decide(trade_of(price=None), terms, market_of(price=None))

    assert (decision.code, decision.quantity) == (Reason.NO_PRICE, D(0))


def test_the_cost_is_the_smaller_of_the_share_of_the_funds_and_what_the_discount_leaves():
    """cost = min(amount_ratio x margin balance, discount x available); the leader spends 10 % and then all."""
    terms = terms_of(strategy=Strategy.EQUITY_PROPORTIONAL, ratio=None)
    market, state = market_of(leverage=D(20)), state_of(funds=D(1_000))

    tenth = decide(trade_of(quantity="0.4", equity=D(10_000), leverage=D(20)), terms, market, state)
    whole = decide(trade_of(quantity=4, equity=D(10_000), leverage=D(20)), terms, market, state)

    assert (tenth.worth / 20, tenth.caps) == (D(100), ())
    assert whole.quantity == D("0.326")  # 1,000 x 20 x 0.99 / 1.19 x 0.98 / 50,000
    assert [cap.code for cap in whole.caps] == [Reason.FUNDS]


def test_decisions_fit_into_json_and_their_sentences_into_a_column():
    long = D("0.123456789012345678901234567891")
    trade = trade_of(quantity="1.000000000000000000000000000001")
    for terms in (
        terms_of(ratio=long / 100_000),
        terms_of(ratio=long / 100_000, **ACCUMULATE),
        terms_of(ratio=long, max_order=D("4.000000000000000000001")),
        terms_of(ratio=long),
        terms_of(ratio=long, **ACCUMULATE),
    ):
        for remainder in ("0", "-0.000000000000000000000000000001", "-9"):
            decision = decide(trade, terms, market_of(price=long * 10**6), state_of(held=D(9), remainder=D(remainder)))
            assert json.loads(json.dumps(dict(decision.numbers))) == decision.numbers
            assert len(decision.message) < 300
            for amount in (decision.wanted, decision.remainder, decision.worth):
                assert amount is not None
                assert -int(amount.as_tuple().exponent) <= 30
