"""Rounding goes towards less, onto the market's steps, and what does not fit is named before it is sent."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from markets.filters import Filters
from markets.rounding import (
    ProblemCode,
    base_from_contracts,
    check_order,
    contracts_from_base,
    notional_of,
    price_round,
    quantity_floor,
)
from markets.venues.vocabulary import MarketKind, Side

SPOT_BTC = Filters(
    price_tick=Decimal("0.01"),
    price_min=Decimal("0.01"),
    price_max=Decimal(1_000_000),
    quantity_step=Decimal("0.00001"),
    quantity_min=Decimal("0.00001"),
    quantity_max=Decimal(9000),
    market_quantity_step=Decimal(0),
    market_quantity_min=Decimal(0),
    market_quantity_max=Decimal("107.5"),
    notional_min=Decimal(5),
    notional_max=Decimal(9_000_000),
    price_factor_up=Decimal(5),
    price_factor_down=Decimal("0.2"),
)
USDM_BTC = Filters(
    price_tick=Decimal("0.10"),
    price_min=Decimal("556.80"),
    price_max=Decimal(4_529_764),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(1000),
    market_quantity_step=Decimal("0.001"),
    market_quantity_min=Decimal("0.001"),
    market_quantity_max=Decimal(120),
    notional_min=Decimal(50),
    price_factor_up=Decimal("1.05"),
    price_factor_down=Decimal("0.95"),
)
COINM_BTC = Filters(
    price_tick=Decimal("0.1"),
    quantity_step=Decimal(1),
    quantity_min=Decimal(1),
    quantity_max=Decimal(1_000_000),
    market_quantity_max=Decimal(60_000),
)
STEPS = ["0.00000001", "0.00001", "0.001", "0.01", "0.05", "0.1", "0.25", "1", "5", "10", "1000", "1E+3"]

steps = st.sampled_from(STEPS).map(Decimal)
amounts = st.decimals("0", "1000000000", places=12)
PERCENT = ProblemCode.PERCENT_PRICE
kinds = st.sampled_from(MarketKind)
filters_ = st.builds(
    Filters,
    quantity_step=st.none() | steps,
    quantity_min=st.none() | steps,
    market_quantity_step=st.none() | st.just(Decimal(0)) | steps,
    price_tick=st.none() | steps,
    price_min=st.none() | steps,
)


def codes(filters: Filters, **order: object) -> list[ProblemCode]:
    values = {"kind": MarketKind.SPOT, "side": Side.BUY, "market_order": False, **order}
    return [problem.code for problem in check_order(filters, **values)]  # type: ignore[arg-type]


def amounts_of(order: dict[str, object]) -> dict[str, object]:
    return {name: Decimal(value) if type(value) is str else value for name, value in order.items()}


def kind_of(filters: Filters) -> MarketKind:
    if filters.quantity_step == COINM_BTC.quantity_step:
        return MarketKind.COIN_M
    return MarketKind.SPOT if filters == SPOT_BTC else MarketKind.USD_M


@given(filters_, amounts, st.booleans(), kinds)
@example(
    Filters(quantity_step=Decimal("0.001000000000000000000000000000")), Decimal("86232.0019"), True, MarketKind.USD_M
)
def test_a_rounded_quantity_is_never_above_what_was_asked_and_less_than_a_step_below(
    filters: Filters, asked: Decimal, market_order: bool, kind: MarketKind
) -> None:
    rounded = quantity_floor(filters, asked, market_order=market_order, kind=kind)

    assert 0 <= rounded <= asked
    own = [filters.quantity_step, filters.market_quantity_step if market_order else None]
    present = [step for step in own if step]
    if not present:
        assert rounded == asked
    elif len(present) == 1:
        offset = (filters.quantity_min or 0) % present[0] if filters.quantity_step else 0
        assert asked - rounded < present[0] + offset


@given(filters_, amounts, st.booleans())
def test_a_rounded_quantity_is_on_every_step_and_has_no_digit_too_many(
    filters: Filters, asked: Decimal, market_order: bool
) -> None:
    rounded = quantity_floor(filters, asked, market_order=market_order)

    for step in (filters.quantity_step, filters.market_quantity_step if market_order else None):
        assert not step or rounded % step == 0
    _, digits, exponent = rounded.as_tuple()
    assert exponent == 0 or (int(exponent) < 0 and digits[-1] != 0)


@given(filters_, amounts, st.booleans(), kinds)
def test_rounding_again_changes_nothing_and_the_check_finds_it_on_its_step(
    filters: Filters, asked: Decimal, market_order: bool, kind: MarketKind
) -> None:
    rounded = quantity_floor(filters, asked, market_order=market_order, kind=kind)

    assert quantity_floor(filters, rounded, market_order=market_order, kind=kind) == rounded
    found = codes(filters, kind=kind, quantity=rounded, market_order=market_order)
    assert ProblemCode.LOT_SIZE not in found
    too_small = rounded == 0 or rounded < (filters.quantity_min or 0)
    assert (ProblemCode.MIN_QUANTITY in found) is too_small


@given(filters_, amounts, kinds)
def test_a_buyers_price_is_never_above_and_a_sellers_never_below_what_was_asked(
    filters: Filters, price: Decimal, kind: MarketKind
) -> None:
    down, up = (price_round(filters, price, up=up, kind=kind) for up in (False, True))

    assert down <= price <= up
    if filters.price_tick:
        assert up - down in {0, filters.price_tick}
        assert (up == down) is (down == price)


@given(
    st.decimals("0.00000001", "1000000", places=8),
    st.decimals("0.0001", "200000", places=4),
    st.sampled_from([Decimal(10), Decimal(100)]),
)
def test_inverse_contracts_never_stand_for_more_base_than_was_asked(
    base: Decimal, price: Decimal, size: Decimal
) -> None:
    contracts = contracts_from_base(base, price=price, contract_size=size)

    assert contracts == contracts.to_integral_value()
    assert base_from_contracts(contracts, price=price, contract_size=size) <= base
    assert (contracts + 1) * size > base * price


@given(st.decimals("0.001", 2, places=6), st.decimals(600, 200_000, places=4))
def test_an_order_passes_the_check_if_it_is_worth_the_minimum_after_rounding(quantity: Decimal, price: Decimal) -> None:
    rounded, at = quantity_floor(USDM_BTC, quantity, market_order=False), price_round(USDM_BTC, price, up=False)

    worth = notional_of(MarketKind.USD_M, Decimal(1), rounded, at)
    found = codes(USDM_BTC, kind=MarketKind.USD_M, quantity=rounded, price=at)
    assert found == ([] if worth >= 50 else [ProblemCode.MIN_NOTIONAL])


def test_a_quantity_with_more_digits_than_decimal_keeps_by_default_is_not_rounded_up() -> None:
    asked = Decimal("99999999999999999999.000999999999999999")

    assert quantity_floor(USDM_BTC, asked, market_order=False) == 99999999999999999999


def test_market_orders_meet_both_of_their_steps() -> None:
    filters = Filters(quantity_step=Decimal("0.4"), market_quantity_step=Decimal("0.6"))

    assert quantity_floor(filters, Decimal("3.5"), market_order=False) == Decimal("3.2")
    assert quantity_floor(filters, Decimal("3.5"), market_order=True) == Decimal("2.4")


def test_contracts_count_steps_from_a_minimum_that_is_not_on_them() -> None:
    filters = Filters(quantity_step=Decimal("0.5"), quantity_min=Decimal("0.7"))

    assert quantity_floor(filters, Decimal("1.9"), market_order=False, kind=MarketKind.USD_M) == Decimal("1.7")
    assert quantity_floor(filters, Decimal("1.9"), market_order=False, kind=MarketKind.SPOT) == Decimal("1.5")


def test_a_quantity_below_the_minimum_is_refused_and_not_raised_to_it() -> None:
    rounded = quantity_floor(USDM_BTC, Decimal("0.0009"), market_order=False)

    assert rounded == 0
    assert codes(USDM_BTC, kind=MarketKind.USD_M, quantity=rounded, price=Decimal(90_000)) == [
        ProblemCode.MIN_QUANTITY, ProblemCode.MIN_NOTIONAL,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "order", "code"),
    [
        (SPOT_BTC, {"quantity": "0.000105", "price": "90000"}, ProblemCode.LOT_SIZE),
        (SPOT_BTC, {"quantity": "9001", "price": "900"}, ProblemCode.MAX_QUANTITY),
        (SPOT_BTC, {"quantity": "108", "market_order": True}, ProblemCode.MAX_QUANTITY),
        (SPOT_BTC, {"quantity": "0.001", "price": "90000.001"}, ProblemCode.PRICE_FILTER),
        (SPOT_BTC, {"quantity": "0.001", "price": "1000000.01"}, ProblemCode.PRICE_FILTER),
        (SPOT_BTC, {"quantity": "1", "price": "90000", "stop_price": "0.001"}, ProblemCode.PRICE_FILTER),
        (SPOT_BTC, {"quantity": "0.00005", "price": "90000"}, ProblemCode.MIN_NOTIONAL),
        (SPOT_BTC, {"quote_quantity": "4.99", "market_order": True}, ProblemCode.MIN_NOTIONAL),
        (SPOT_BTC, {"quantity": "101", "price": "90000"}, ProblemCode.MAX_NOTIONAL),
        (SPOT_BTC, {"quantity": "1", "price": "450001", "mark_price": "90000"}, ProblemCode.PERCENT_PRICE),
        (SPOT_BTC, {"quantity": "1", "price": "18001", "mark_price": "3600", "side": Side.SELL}, PERCENT),
        (SPOT_BTC, {"quantity": "1", "price": "17999", "mark_price": "90000"}, PERCENT),
        (USDM_BTC, {"quantity": "1", "price": "85499.9", "mark_price": "90000", "side": Side.SELL}, PERCENT),
        (COINM_BTC, {"quantity": "1", "price": "0"}, ProblemCode.PRICE_FILTER),
        (USDM_BTC, {"quantity": "0.01", "price": "556.7", "reduce_only": True}, ProblemCode.PRICE_FILTER),
        (USDM_BTC, {"quantity": "121", "market_order": True}, ProblemCode.MAX_QUANTITY),
        (USDM_BTC, {"quantity": "1", "price": "94501", "mark_price": "90000"}, ProblemCode.PERCENT_PRICE),
        (COINM_BTC, {"quantity": "1.5", "price": "90000"}, ProblemCode.LOT_SIZE),
        (COINM_BTC, {"quantity": "60001", "market_order": True}, ProblemCode.MAX_QUANTITY),
    ],
)
def test_each_broken_rule_is_named(filters: Filters, order: dict[str, object], code: ProblemCode) -> None:
    assert codes(filters, kind=kind_of(filters), **amounts_of(order)) == [code]


@pytest.mark.parametrize(
    ("filters", "order"),
    [
        (SPOT_BTC, {"quantity": "9000", "price": "1000"}),
        (SPOT_BTC, {"quantity": "1", "price": "450000", "mark_price": "90000"}),
        (SPOT_BTC, {"quantity": "1", "price": "18000", "mark_price": "90000"}),
        (SPOT_BTC, {"quantity": "9", "price": "1000000"}),
        (SPOT_BTC, {"quantity": "500", "price": "0.01"}),
        (SPOT_BTC, {"price": "90000"}),
        (USDM_BTC, {"quantity": "500", "price": "90000"}),
        (USDM_BTC, {"quantity": "120", "market_order": True, "mark_price": "90000"}),
        (USDM_BTC, {"quantity": "1", "price": "94500", "mark_price": "90000"}),
        (USDM_BTC, {"quantity": "1", "price": "85500", "mark_price": "90000", "side": Side.SELL}),
        (COINM_BTC, {"quantity": "1", "price": "90000", "mark_price": "1"}),
        (COINM_BTC, {"quantity": "1", "price": "1", "mark_price": "90000", "side": Side.SELL}),
    ],
)
def test_what_is_exactly_at_a_bound_or_has_none_passes(filters: Filters, order: dict[str, object]) -> None:
    assert codes(filters, kind=kind_of(filters), **amounts_of(order)) == []


@pytest.mark.parametrize(("worth", "min_on_market", "max_on_market"), [("9", False, True), ("21", True, False)])
def test_a_market_says_which_bounds_of_worth_hold_for_market_orders(
    worth: str, min_on_market: bool, max_on_market: bool
) -> None:
    filters, other = (
        Filters(
            notional_min=Decimal(10),
            notional_max=Decimal(20),
            notional_min_on_market=at_least,
            notional_max_on_market=at_most,
        )
        for at_least, at_most in ((min_on_market, max_on_market), (not min_on_market, not max_on_market))
    )
    order = {"quote_quantity": Decimal(worth)}

    assert codes(filters, **order, market_order=True) == []
    assert len(codes(other, **order, market_order=True)) == 1
    assert len(codes(filters, **order)) == 1


def test_of_two_smallest_market_orders_the_larger_one_holds() -> None:
    for own, other in ((2, 5), (5, 2)):
        filters = Filters(quantity_min=Decimal(own), market_quantity_min=Decimal(other))
        assert codes(filters, quantity=Decimal(4), market_order=True) == [ProblemCode.MIN_QUANTITY]
        assert codes(filters, quantity=Decimal(5), market_order=True) == []


@pytest.mark.parametrize(
    ("filters", "order", "numbers"),
    [
        (Filters(), {"quantity": "0"}, {"quantity": "0", "least": "0"}),
        (Filters(quantity_min=Decimal(3)), {"quantity": "2"}, {"quantity": "2", "least": "3"}),
        (Filters(), {"price": "0"}, {"price": "0", "least": "0"}),
        (Filters(price_min=Decimal(3)), {"price": "2"}, {"price": "2", "least": "3"}),
        (
            Filters(quantity_step=Decimal("0.4"), market_quantity_step=Decimal("0.6")),
            {"quantity": "0.8", "market_order": True},
            {"quantity": "0.8", "step": "1.2"},
        ),
        (
            Filters(quantity_step=Decimal("0.4"), market_quantity_step=Decimal("0.6")),
            {"quantity": "0.6"},
            {"quantity": "0.6", "step": "0.4"},
        ),
        (SPOT_BTC, {"price": "200", "mark_price": "39"}, {"price": "200", "most": "195"}),
        (SPOT_BTC, {"price": "200", "mark_price": "1001"}, {"price": "200", "least": "200.2"}),
    ],
)
def test_the_numbers_of_a_problem_are_the_bound_and_what_is_beyond_it(
    filters: Filters, order: dict[str, object], numbers: dict[str, str]
) -> None:
    values = {"kind": MarketKind.SPOT, "side": Side.BUY, "market_order": False, **amounts_of(order)}
    (problem,) = check_order(filters, **values)  # type: ignore[arg-type]

    assert problem.numbers == {name: Decimal(number) for name, number in numbers.items()}


def test_a_price_that_is_on_the_tick_stays_whichever_way_it_is_rounded() -> None:
    for up in (True, False):
        assert price_round(USDM_BTC, Decimal("90000.1"), up=up) == Decimal("90000.1")
    assert price_round(USDM_BTC, Decimal("90000.11"), up=True) == Decimal("90000.2")


def test_less_than_nothing_is_rounded_to_nothing() -> None:
    for filters in (Filters(), USDM_BTC):
        assert quantity_floor(filters, Decimal(-1), market_order=True) == 0


def test_a_market_orders_worth_is_taken_at_the_reference_price() -> None:
    order = {"kind": MarketKind.USD_M, "quantity": Decimal("0.001"), "market_order": True}

    assert codes(USDM_BTC, **order, reference_price=Decimal(49_999)) == [ProblemCode.MIN_NOTIONAL]
    assert codes(USDM_BTC, **order, reference_price=Decimal(50_000)) == []
    assert codes(USDM_BTC, **order) == []


def test_only_contracts_may_be_reduced_below_the_smallest_worth() -> None:
    tiny = {"quantity": Decimal("0.001"), "price": Decimal(4000), "reduce_only": True}

    assert codes(USDM_BTC, kind=MarketKind.USD_M, **tiny) == []
    assert codes(SPOT_BTC, kind=MarketKind.SPOT, **tiny) == [ProblemCode.MIN_NOTIONAL]


def test_inverse_contracts_have_no_smallest_worth() -> None:
    assert codes(COINM_BTC, kind=MarketKind.COIN_M, quantity=Decimal(1), price=Decimal("0.1")) == []


def test_sellers_of_contracts_may_ask_far_above_the_mark_and_buyers_bid_far_below() -> None:
    order = {"kind": MarketKind.USD_M, "quantity": Decimal(1), "mark_price": Decimal(90_000)}

    assert codes(USDM_BTC, **order, side=Side.SELL, price=Decimal(200_000)) == []
    assert codes(USDM_BTC, **order, side=Side.BUY, price=Decimal(20_000)) == []
    assert codes(USDM_BTC, **order, side=Side.SELL, price=Decimal(20_000)) == [ProblemCode.PERCENT_PRICE]


def test_the_largest_worth_does_not_bind_market_orders_unless_the_market_says_so() -> None:
    order = {"quantity": Decimal(100), "market_order": True, "reference_price": Decimal(95_000)}

    assert codes(SPOT_BTC, **order) == []


def test_a_problem_tells_people_and_programs_the_numbers() -> None:
    (problem,) = check_order(
        USDM_BTC,
        kind=MarketKind.USD_M,
        side=Side.BUY,
        market_order=False,
        quantity=Decimal("0.001"),
        price=Decimal("30000.0"),
    )

    assert problem.message == "The notional 30 is below the smallest, 50."
    assert problem.numbers == {"notional": Decimal(30), "least": Decimal(50)}


def test_an_inverse_contract_is_worth_its_size_whatever_the_price() -> None:
    assert notional_of(MarketKind.COIN_M, Decimal(100), Decimal(7), Decimal(86_232)) == 700
    assert contracts_from_base(Decimal("0.02"), price=Decimal(86_232), contract_size=Decimal(100)) == 17
    assert base_from_contracts(Decimal(17), price=Decimal(85_000), contract_size=Decimal(100)) == Decimal("0.02")
    assert base_from_contracts(Decimal(2), price=Decimal(3), contract_size=Decimal(1)) == Decimal("0." + "6" * 30)
