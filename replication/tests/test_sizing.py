"""What the strategies make of a leader's trade, and how exits are sized."""

from dataclasses import replace
from decimal import Decimal, localcontext

import pytest
from hypothesis import given

from markets.filters import Filters
from markets.rounding import Bounds
from markets.venues.vocabulary import MarketKind
from replication.facts import FollowerMarket, Refusal
from replication.sites import site_of
from replication.sizing import (
    CONTEXT,
    bounds_of,
    discount,
    exit_size,
    floor_to_market,
    is_below,
    price_of,
    reduces_only,
    side_of,
    split,
    step_of,
    wanted_quantity,
)
from replication.tests.planner_kit import (
    COIN_M_RULES,
    USD_M_RULES,
    D,
    fractions,
    market_of,
    prices,
    quantities,
    ratios,
    terms_of,
    trade_of,
)
from replication.vocabulary import PositionWord, Reason, Strategy

TIERS = ((D(0), D(1)), (D(10_000), D("0.5")), (D(100_000), D("0.1")))


def wanted(trade=None, market=None, funds=10_000, price=50_000, **terms):
    with localcontext(CONTEXT):
        return wanted_quantity(
            trade or trade_of(), terms_of(**terms), market or market_of(), None if funds is None else D(funds), D(price)
        )


def test_a_fixed_ratio_multiplies_the_leaders_quantity():
    assert wanted(trade_of(quantity="0.4"), ratio=D("0.25")) == D("0.1")


def test_a_percentage_spends_that_part_of_the_funds():
    assert wanted(strategy=Strategy.PERCENTAGE, percentage=D(10)) == D("0.02")


def test_a_percentage_without_funds_is_refused_and_never_the_leaders_quantity():
    """PITFALLS 12."""
    for funds in (None, 0, -5):
        refused = wanted(strategy=Strategy.PERCENTAGE, percentage=D(10), funds=funds)
        assert isinstance(refused, Refusal)
        assert refused.code == Reason.NO_EQUITY


def test_an_inverted_copy_takes_the_other_side_of_long_and_of_short():
    for side, other in ((PositionWord.LONG, PositionWord.SHORT), (PositionWord.SHORT, PositionWord.LONG)):
        assert side_of(trade_of(side=side), terms_of()) == side
        assert side_of(trade_of(side=side), terms_of(inverted=True)) == other


def test_prices_and_funds_below_one_are_worth_what_they_are():
    assert price_of(trade_of(price="0.2"), market_of(price=D("0.1"))) == D("0.1")
    assert price_of(trade_of(price="0.2"), market_of(price=None)) == D("0.2")
    assert wanted(strategy=Strategy.PERCENTAGE, percentage=D(10), funds="0.5", price="0.1") == D("0.5")
    trade = trade_of(equity=D("0.5"))
    assert wanted(trade, strategy=Strategy.EQUITY_PROPORTIONAL, ratio=None, funds="0.25") == D("0.5")


def test_fixed_quantities_and_amounts_do_not_look_at_the_leaders():
    assert wanted(strategy=Strategy.FIXED_QUANTITY, fixed_quantity=D("0.3")) == D("0.3")
    assert wanted(strategy=Strategy.FIXED_AMOUNT, fixed_amount=D(500)) == D("0.01")


def test_an_order_that_fills_in_parts_gets_its_fixed_amount_once():
    half = trade_of(quantity="0.5", order_share=D("0.5"))

    assert wanted(half, strategy=Strategy.FIXED_AMOUNT, fixed_amount=D(500)) == D("0.005")
    assert wanted(half, strategy=Strategy.FIXED_QUANTITY, fixed_quantity=D("0.3")) == D("0.15")
    assert wanted(half, strategy=Strategy.PERCENTAGE, percentage=D(10)) == D("0.01")
    assert wanted(half, strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS) == D("0.25")


def test_equity_proportional_spends_the_same_part_of_the_funds():
    trade = trade_of(quantity=2, equity=D(500_000), leverage=D(1))

    assert wanted(trade, strategy=Strategy.EQUITY_PROPORTIONAL, ratio=None, funds=50_000) == D("0.2")
    assert wanted(trade, strategy=Strategy.EQUITY_PROPORTIONAL, ratio=D("0.5"), funds=50_000) == D("0.1")


def test_equity_proportional_compares_margins_and_not_worths():
    """amount_ratio = 2 x 50,000 / 20 / 100,000 = 5 %; 5 % of 10,000 at 10x buys 5,000."""
    trade = trade_of(quantity=2, equity=D(100_000), leverage=D(20))

    assert wanted(trade, market_of(leverage=D(10)), strategy=Strategy.EQUITY_PROPORTIONAL, ratio=None) == D("0.1")


def test_equity_proportional_takes_both_leverages_for_equal_where_the_leaders_is_not_known():
    trade = trade_of(quantity=2, equity=D(100_000))

    assert wanted(trade, market_of(leverage=D(10)), strategy=Strategy.EQUITY_PROPORTIONAL, ratio=None) == D("0.2")


@pytest.mark.parametrize(("leverage", "expected"), [(1, "2"), (0, "0.2"), (-1, "0.2"), (10, "0.2")])
def test_equity_proportional_knows_a_leader_without_leverage_from_one_whose_leverage_is_not_known(leverage, expected):
    trade = trade_of(quantity=2, equity=D(100_000), leverage=D(leverage))
    terms = {"strategy": Strategy.EQUITY_PROPORTIONAL, "ratio": None}

    assert wanted(trade, market_of(leverage=D(10)), **terms) == D(expected)


@pytest.mark.parametrize("equity", [None, D(0), D(-1)])
def test_equity_proportional_without_the_leaders_equity_is_refused(equity):
    refused = wanted(trade_of(equity=equity), strategy=Strategy.EQUITY_PROPORTIONAL)

    assert isinstance(refused, Refusal)
    assert refused.code == Reason.NO_EQUITY


@pytest.mark.parametrize("funds", [None, 0, -5])
def test_equity_proportional_without_funds_is_refused(funds):
    refused = wanted(trade_of(equity=D(1)), funds=funds, strategy=Strategy.EQUITY_PROPORTIONAL)

    assert isinstance(refused, Refusal)
    assert refused.code == Reason.NO_EQUITY


@pytest.mark.parametrize(("quantity", "expected"), [("0.1", "0.1"), ("0.2", "0.1"), ("1", "0.5"), ("2", "0.2")])
def test_the_highest_tier_that_the_leaders_order_reaches_multiplies(quantity, expected):
    assert wanted(trade_of(quantity=quantity), strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS) == D(expected)


def test_the_order_in_which_tiers_are_written_does_not_matter():
    trade = trade_of(quantity="0.5")

    assert wanted(trade, strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS[::-1]) == D("0.25")


def test_the_tier_is_that_of_the_whole_order_however_small_the_part():
    for share, expected in (("0.1", "0.05"), ("0.01", "0.01"), ("0", "0.1")):  # of none nobody knows the whole
        part = trade_of(quantity="0.1", order_share=D(share))
        assert wanted(part, strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS) == D(expected)


@pytest.mark.parametrize(("leaders", "expected"), [(9_999, "1"), (10_000, "0.5"), (None, "0.5")])
def test_the_tier_is_judged_at_the_leaders_price_else_at_the_followers(leaders, expected):
    trade = trade_of(quantity=1, price=leaders)

    assert wanted(trade, price=50_000, strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS) == D(expected)


def test_a_leaders_order_below_the_first_tier_is_not_copied():
    refused = wanted(trade_of(quantity="0.1"), strategy=Strategy.MULTIPLIER_TIERS, tiers=TIERS[1:])

    assert isinstance(refused, Refusal)
    assert refused.code == Reason.BELOW_FIRST_TIER
    assert refused.message == "The leader's order is worth 5,000 USDT; the copy follows from 10,000 on."
    assert refused.numbers == {"worth": "5000", "least": "10000", "asset": "USDT"}


@pytest.mark.parametrize("strategy", sorted(set(Strategy) - {Strategy.EQUITY_PROPORTIONAL}))
def test_a_missing_parameter_stops_this_copy_with_a_reason_and_raises_nothing(strategy):
    """PITFALLS 12."""
    refused = wanted(strategy=strategy, ratio=None)

    assert isinstance(refused, Refusal)
    assert refused.code == Reason.TERMS_INCOMPLETE
    assert refused.message == f"The copy's settings do not name the {refused.numbers['missing']}."


def test_inverse_contracts_are_counted_by_what_they_are_worth():
    """One contract is 100 USD: half a coin at 50,000 is 250 of them, 1,010 USD are ten and a bit."""
    market = market_of(MarketKind.COIN_M)

    assert wanted(market=market, ratio=D("0.5")) == 250
    assert wanted(market=market, strategy=Strategy.FIXED_AMOUNT, fixed_amount=D(1010)) == D("10.1")


def test_linear_contracts_are_counted_by_their_size():
    market = market_of(contract_size=D("0.01"))

    assert wanted(market=market, ratio=D("0.5")) == 50
    assert wanted(market=market, strategy=Strategy.FIXED_AMOUNT, fixed_amount=D(1000)) == 2


@pytest.mark.parametrize(
    ("kind", "step", "floor"),
    [(MarketKind.COIN_M, 1, "10"), (MarketKind.USD_M, 0, "10.9"), (MarketKind.SPOT, 0, "10.9")],
)
def test_inverse_contracts_and_no_others_are_whole_where_the_market_names_no_step(kind, step, floor):
    market = market_of(kind, filters=Filters())
    with localcontext(CONTEXT):
        assert (step_of(market), floor_to_market(market, D("10.9"), market_order=True)) == (step, D(floor))


def test_the_price_is_the_followers_else_the_leaders_else_none():
    trade = trade_of(price=49_000)

    assert price_of(trade, market_of(price=D(50_000))) == 50_000
    assert price_of(trade, market_of(price=None)) == 49_000
    assert price_of(trade, market_of(price=D(0))) == 49_000
    assert price_of(trade_of(price=None), market_of(price=None)) is None


def test_the_discount_keeps_enough_for_a_worse_price():
    """Slippage of 1 % at leverage 20: 0.99 / 1.19, times 0.98."""
    with localcontext(CONTEXT):
        assert round(discount(D("0.01"), D(20)), 6) == round(D("0.99") / D("1.19") * D("0.98"), 6) == D("0.815294")
        assert discount(D(0), D(20)) == D("0.98")
        assert discount(D(1), D(20)) == 0
        assert discount(D(2), D(20)) == 0


def spendable(market: FollowerMarket, funds: Decimal) -> Decimal:
    return site_of(trade_of(), terms_of(), market).spendable(funds)


def test_what_is_spendable_is_funds_times_leverage_times_the_discount():
    with localcontext(CONTEXT):
        assert round(spendable(market_of(leverage=D(20)), D(1000)), 2) == D("16305.88")
        assert spendable(market_of(MarketKind.SPOT, leverage=D(20)), D(1000)) == D("970.2")
        assert spendable(market_of(), D(-1)) == 0


@given(quantities, prices, ratios)
def test_what_is_wanted_grows_with_the_ratio(quantity, price, ratio):
    trade = trade_of(quantity=quantity, price=price)

    less, more = (wanted(trade, price=price, ratio=factor) for factor in (ratio, ratio * 2))
    assert 0 < less < more


@given(quantities, fractions)
def test_an_exit_never_closes_more_than_is_held(held, fraction):
    with localcontext(CONTEXT):
        for remainder in (D(0), D("0.5"), D("-0.5"), D(-100)):
            size = exit_size(market_of(), held, remainder, fraction, D(50_000))
            assert 0 <= size.quantity <= held


def test_a_third_of_three_is_one_though_no_column_can_hold_a_third():
    with localcontext(CONTEXT):
        third = D("0." + "3" * 30)
        assert exit_size(market_of(), D(3), D(0), third, D(50_000)) == (third * D(3), D(1), D(0))


def test_what_was_owed_is_closed_too_and_is_not_part_of_what_the_fraction_is_taken_of():
    with localcontext(CONTEXT):
        size = exit_size(market_of(), D(1), D("-0.01"), D("0.5"), D(50_000))

        assert (size.wanted, size.quantity, size.remainder) == (D("0.505"), D("0.505"), D(0))


def test_no_more_is_owed_than_was_held():
    """Or entries to come would be set off against what nobody has to close any more."""
    with localcontext(CONTEXT):
        assert exit_size(market_of(), D(1), D(-100), D("0.5"), D(50_000)) == (D(1), D(1), D(0))


def test_an_exit_of_almost_a_step_more_than_is_held_closes_less_and_not_more():
    """Fees on spot leave such positions; what cannot be sold of it stays owed."""
    held = D("0.9999999999999")
    with localcontext(CONTEXT):
        assert exit_size(market_of(), held, D(-2), D("0.5"), None) == (held, D("0.999"), D("-0.0009999999999"))


@pytest.mark.parametrize(("fraction", "quantity", "remainder"), [("1", "7.5", "0"), ("0.5", "2.5", "-1.45")])
def test_exits_are_on_the_steps_of_market_orders_and_meet_their_smallest(fraction, quantity, remainder):
    rules = Filters(quantity_step=D("0.1"), quantity_min=D("0.1"), market_quantity_step=D("2.5"))
    with localcontext(CONTEXT):
        size = exit_size(market_of(filters=rules), D("7.9"), D(0), D(fraction), D(50_000))
        assert (size.quantity, size.remainder) == (D(quantity), D(remainder))
        larger = replace(rules, market_quantity_min=D(3))
        assert exit_size(market_of(filters=larger), D("7.9"), D(0), D("0.5"), D(50_000)).quantity == 0


@pytest.mark.parametrize(("price", "quantity"), [(D(100), 0), (D(101), 1), (None, 1)])
def test_the_worth_of_an_exit_is_judged_where_a_price_is_known(price, quantity):
    market = market_of(MarketKind.SPOT, filters=Filters(quantity_step=D(1), notional_min=D(101)))
    with localcontext(CONTEXT):
        assert exit_size(market, D(2), D(0), D("0.5"), price).quantity == quantity


@pytest.mark.parametrize(
    ("market", "says_so"),
    [
        ({}, True),
        ({"reduce_only": False}, False),
        ({"hedge_mode": True}, False),
        ({"kind": MarketKind.SPOT}, False),
    ],
)
def test_an_exit_says_that_it_only_reduces_where_the_venue_takes_that(market, says_so):
    assert reduces_only(market_of(**market)) is says_so


def test_an_exit_shrinks_an_entry_that_is_still_owed():
    with localcontext(CONTEXT):
        assert exit_size(market_of(), D(1), D("0.0008"), D("0.25"), D(50_000)).remainder == D("0.0006")
        assert exit_size(market_of(), D(1), D("0.0008"), D(1), D(50_000)).remainder == 0


def test_large_exits_are_split_and_none_of_the_parts_is_too_small():
    market = market_of(filters=Filters(quantity_step=D(1), quantity_min=D(5), market_quantity_max=D(100)))
    with localcontext(CONTEXT):
        assert split(market, D(100), None) == [100]
        assert split(market, D(250), None) == [100, 100, 50]
        assert split(market, D(200), None) == [100, 100]
        assert split(market, D(203), None) == [100, 52, 51]
        assert split(market, D(105), None) == [100, 5]
        assert split(market, D(3), None) == [3]  # a close may be smaller than the smallest order


def test_each_part_of_a_split_is_on_the_steps_of_market_orders():
    rules = Filters(quantity_step=D(1), market_quantity_step=D(5), market_quantity_max=D(12))
    with localcontext(CONTEXT):
        assert split(market_of(filters=rules), D(25), None) == [10, 10, 5]


def test_exits_are_split_by_worth_where_the_market_bounds_that():
    rules = Filters(quantity_step=D(1), notional_max=D(1000), notional_max_on_market=True)
    with localcontext(CONTEXT):
        assert split(market_of(filters=rules), D(25), D(100)) == [10, 10, 5]
        assert split(market_of(filters=rules), D(25), None) == [25]
        for most, parts in ((8, [8, 8, 8, 1]), (12, [10, 10, 5])):
            assert split(market_of(filters=replace(rules, quantity_max=D(most))), D(25), D(100)) == parts


@given(quantities.map(lambda quantity: quantity.quantize(Decimal("0.001")) * 40))
def test_the_parts_of_a_split_are_the_whole(quantity):
    with localcontext(CONTEXT):
        parts = split(market_of(), quantity, D(50_000))
        assert sum(parts) == quantity
        assert all(part <= 120 for part in parts)


def test_bounds_are_those_of_the_kind_of_order():
    assert bounds_of(market_of(), market_order=True) == (D("0.001"), D(120), D(50), None)
    assert bounds_of(market_of(), market_order=False) == (D("0.001"), D(1000), D(50), None)
    assert bounds_of(market_of(), market_order=True, reduce_only=True).least_worth is None
    assert bounds_of(market_of(MarketKind.COIN_M), market_order=True) == (D(1), D(60_000), None, None)
    assert COIN_M_RULES.quantity_max is None
    assert USD_M_RULES.notional_max is None


def test_of_two_bounds_of_market_orders_the_tighter_one_holds():
    for least, most in ((1, 9), (3, 7)):
        rules = Filters(quantity_min=D(least), quantity_max=D(most), market_quantity_min=D(2), market_quantity_max=D(8))
        market = market_of(filters=rules)
        assert bounds_of(market, market_order=True)[:2] == (D(max(least, 2)), D(min(most, 8)))
        assert bounds_of(market, market_order=False)[:2] == (D(least), D(most))


@pytest.mark.parametrize("on_market", [True, False])
def test_worth_bounds_market_orders_only_where_the_market_says_so(on_market):
    rules = Filters(
        notional_min=D(5),
        notional_max=D(9),
        notional_min_on_market=on_market,
        notional_max_on_market=on_market,
    )
    market = market_of(filters=rules)

    assert bounds_of(market, market_order=False)[2:] == (D(5), D(9))
    assert bounds_of(market, market_order=True)[2:] == ((D(5), D(9)) if on_market else (None, None))


@pytest.mark.parametrize(
    ("least", "least_worth", "quantity", "below"),
    [
        (None, None, "0", True),
        (None, None, "0.0001", False),
        ("2", None, "1.9", True),
        ("2", None, "2", False),
        (None, "10", "0.9", True),
        (None, "10", "1", False),
        ("2", "10", "1", True),
    ],
)
def test_an_order_of_nothing_or_below_either_bound_is_too_small(least, least_worth, quantity, below):
    bounds = Bounds(*(None if bound is None else D(bound) for bound in (least, None, least_worth, None)))

    assert is_below(bounds, D(quantity), D(10)) is below


def test_the_worth_of_an_order_is_not_judged_where_nobody_knows_what_one_is_worth():
    assert not is_below(Bounds(None, None, D(10), None), D(1), None)
