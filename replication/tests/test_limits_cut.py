"""Limits that leave a part of an order: it is cut to that, and each cut is told."""

import pytest

from replication.tests.planner_kit import (
    D,
    after,
    decide,
    market_of,
    state_of,
    terms_of,
    trade_of,
)
from replication.vocabulary import IntentState, Reason, Strategy


@pytest.mark.parametrize(
    ("terms", "state", "code", "quantity", "message"),
    [
        ({"max_order": D(20_000)}, {}, Reason.MAX_ORDER, "0.4", "one order may be worth 20,000 USDT at most."),
        (
            {"max_symbol": D(20_000)},
            {"symbol_worth": D(5_000)},
            Reason.MAX_SYMBOL,
            "0.3",
            "all of this symbol may be worth 20,000 USDT at most, and 5,000 USDT are in use.",
        ),
        (
            {"max_exposure": D(20_000)},
            {"copy_worth": D(10_000)},
            Reason.MAX_EXPOSURE,
            "0.2",
            "all positions of the copy may be worth 20,000 USDT at most, and 10,000 USDT are in use.",
        ),
        (
            {"max_leverage": D("0.5")},
            {"funds": D(60_000)},
            Reason.MAX_LEVERAGE,
            "0.6",
            "at the leverage allowed the copy's positions may be worth 30,000 USDT at most.",
        ),
        (
            {},
            {"account_max_worth": D(30_000), "account_worth": D(5_000)},
            Reason.ACCOUNT_EXPOSURE,
            "0.5",
            "all positions of the account may be worth 30,000 USDT at most, and 5,000 USDT are in use.",
        ),
        (
            {},
            {"funds": D(50_000)},
            Reason.FUNDS,
            "0.97",
            "the copy's funds are enough for positions worth 48,510 USDT.",
        ),
    ],
)
def test_a_limit_cuts_the_order_and_does_not_skip_it(terms, state, code, quantity, message):
    decision = decide(terms=terms_of(**terms), state=state_of(**state))

    assert (decision.state, decision.quantity) == (IntentState.PLANNED, D(quantity))
    assert [(cap.code, cap.before, cap.after) for cap in decision.caps] == [(code, D(1), D(quantity))]
    assert decision.message == f"Cut from 1 to {quantity} of BTCUSDT: {message}"


def test_more_than_the_market_takes_in_one_order_is_cut():
    decision = decide(trade_of(quantity=200, price=10), market=market_of(price=D(10)), terms=terms_of())

    assert decision.quantity == 120
    assert decision.message == "Cut from 200 to 120 of BTCUSDT: the market takes 120 in one order at most."


def test_an_order_exactly_at_its_limits_is_not_cut():
    at_most = decide(terms=terms_of(max_order=D(50_000)))
    largest = decide(trade_of(quantity=120, price=10), market=market_of(price=D(10)))

    assert (at_most.quantity, at_most.caps, largest.quantity, largest.caps) == (D(1), (), D(120), ())


def test_funds_that_are_lost_allow_nothing_and_not_less():
    decision = decide(terms=terms_of(max_leverage=D(2)), state=state_of(funds=D(-10)))

    assert decision.code == Reason.MAX_LEVERAGE
    assert [cap.limit for cap in decision.caps] == [0]


def test_limits_cut_one_after_the_other_and_each_cut_is_listed():
    terms = terms_of(max_order=D(40_000), max_exposure=D(45_000))
    decision = decide(terms=terms, state=state_of(copy_worth=D(20_000), funds=D(1_000_000)))

    assert [(cap.code, cap.before, cap.after, cap.limit) for cap in decision.caps] == [
        (Reason.MAX_ORDER, D(1), D("0.8"), D(40_000)),
        (Reason.MAX_EXPOSURE, D("0.8"), D("0.5"), D(45_000)),
    ]


@pytest.mark.parametrize("worth", [10_000, 20_000])
def test_a_limit_that_leaves_nothing_is_the_reason_of_a_skip(worth):
    decision = decide(terms=terms_of(max_exposure=D(10_000), max_order=D(40_000)), state=state_of(copy_worth=D(worth)))

    assert (decision.state, decision.code, decision.quantity) == (IntentState.SKIPPED, Reason.MAX_EXPOSURE, D(0))
    assert decision.caps[-1].after == 0
    assert decision.message.startswith("Cut from 1 to 0 of BTCUSDT: ")


def test_the_second_of_two_quick_copies_finds_what_the_first_has_used():
    """PITFALLS 18."""
    terms, state = terms_of(), state_of(funds=D(60_000))
    first = decide(terms=terms, state=state)
    second = decide(terms=terms, state=after(state, first))

    assert (first.quantity, second.quantity) == (D(1), D("0.164"))
    assert [cap.code for cap in second.caps] == [Reason.FUNDS]


def test_funds_that_are_not_known_bind_no_strategy_that_does_not_need_them():
    assert decide(state=state_of(funds=None)).quantity == 1
    assert decide(terms=terms_of(strategy=Strategy.PERCENTAGE, percentage=D(5)), state=state_of(funds=None)).code == (
        Reason.NO_EQUITY
    )
