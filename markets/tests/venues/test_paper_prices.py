"""At which prices paper orders trade and trigger, and how much of one order a price takes."""

from dataclasses import replace

import pytest

from markets.filters import Filters
from markets.tests.venues.paper_kit import NOW, PLAIN, D, MarketKind, OrderType, bitcoin, books, request, view
from markets.venues.base import PriceReport
from markets.venues.paper import numbers, pricing
from markets.venues.paper.engine import place
from markets.venues.paper.terms import Terms, share, terms_of
from markets.venues.vocabulary import Side, WorkingType

USD_M = bitcoin()
BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("amount", "booked", "up"),
    [
        ("0.1234567890123456785", "0.123456789012345678", "0.123456789012345679"),
        ("0.1234567890123456775", "0.123456789012345678", "0.123456789012345678"),
        ("0.0000000000000000001", "0", "0.000000000000000001"),
        ("7", "7", "7"),
    ],
)
def test_amounts_are_booked_to_the_nearest_and_charges_never_below(amount, booked, up):
    assert numbers.booked(D(amount)) == D(booked)
    assert numbers.booked_up(D(amount)) == numbers.raised(D(amount), None) == D(up)
    assert numbers.floored(D(amount), None) == D(amount[:20])


@pytest.mark.parametrize(("amount", "down", "up"), [("0.7", "0.5", "1"), ("0.5", "0.5", "0.5"), ("0.2", "0", "0.5")])
def test_steps_are_met_from_below_and_from_above(amount, down, up):
    assert (numbers.floored(D(amount), D("0.5")), numbers.raised(D(amount), D("0.5"))) == (D(down), D(up))


def told(**parts: int) -> PriceReport:
    return PriceReport("BTCUSDT", MarketKind.USD_M, NOW, **{name: D(price) for name, price in parts.items()})


@pytest.mark.parametrize(
    ("parts", "buy", "sell", "mark"),
    [
        ({"bid": 1, "ask": 2, "last": 3, "mark": 4}, 2, 1, 4),
        ({"bid": 1, "last": 3, "mark": 4}, 3, 1, 4),
        ({"ask": 2, "last": 3}, 2, 3, 3),
        ({"mark": 4}, 4, 4, 4),
        ({"bid": 1}, None, 1, 1),
        ({"ask": 2}, 2, None, 2),
        ({"bid": 1, "ask": 2}, 2, 1, 1),
        ({}, None, None, None),
    ],
)
def test_the_best_price_is_the_other_sides_and_positions_are_valued_at_the_mark(parts, buy, sell, mark):
    price = told(**parts)

    assert (pricing.best(price, BUY), pricing.best(price, SELL), pricing.mark(price)) == (buy, sell, mark)


def test_stops_look_at_the_last_price_unless_the_mark_is_asked_for():
    assert pricing.trigger_price(told(last=3, mark=4), None) == 3
    assert pricing.trigger_price(told(last=3, mark=4), WorkingType.CONTRACT_PRICE) == 3
    assert pricing.trigger_price(told(last=3, mark=4), WorkingType.MARK_PRICE) == 4
    assert pricing.trigger_price(told(mark=4), None) == 4


@pytest.mark.parametrize(
    ("protects", "widest", "parts", "protected"),
    [
        (True, "0.05", {"mark": 100, "last": 94}, True),
        (True, "0.05", {"mark": 100, "last": 106}, True),
        (True, "0.05", {"mark": 100, "last": 95}, False),
        (False, "0.05", {"mark": 100, "last": 94}, False),
        (True, None, {"mark": 100, "last": 94}, False),
        (True, "0.05", {"last": 94}, False),
        (True, "0.05", {"mark": 100}, False),
    ],
)
def test_only_orders_that_ask_for_it_are_protected_where_both_prices_are_known(protects, widest, parts, protected):
    market = replace(USD_M, filters=Filters(trigger_protect=widest and D(widest)))
    stop = request(USD_M, "BUY", 1, type=OrderType.STOP_MARKET, stop_price=60_000, price_protect=protects)
    order = place(books(), stop, view(USD_M, 50_000), PLAIN).order

    assert pricing.is_protected(order, market, told(**parts)) is protected


@pytest.mark.parametrize(
    ("side", "tick", "price"),
    [(BUY, "0.1", "100.2"), (SELL, "0.1", "99.8"), (BUY, None, "100.15"), (SELL, None, "99.85")],
)
def test_slippage_is_worse_for_both_sides_and_on_the_tick_beyond(side, tick, price):
    assert pricing.slipped(D(100), side, D(15), tick and D(tick)) == D(price)


def test_slippage_leaves_a_price():
    assert pricing.slipped(D("0.1"), SELL, D(1), D("0.1")) == D("0.1")
    assert pricing.slipped(D("0.1"), SELL, D(10_000), None) == D("0.1")


@pytest.mark.parametrize(("touch", "buys", "sells"), [(99, True, False), (100, True, True), (101, False, True)])
def test_a_limit_trades_at_its_own_price_or_better(touch, buys, sells):
    assert pricing.crosses(BUY, D(100), D(touch)) is buys
    assert pricing.crosses(SELL, D(100), D(touch)) is sells
    assert pricing.no_worse(BUY, D(touch), D(100)) == min(touch, 100)
    assert pricing.no_worse(SELL, D(touch), D(100)) == max(touch, 100)


@pytest.mark.parametrize(
    ("kind", "changes", "most"),
    [
        (MarketKind.USD_M, {"quantity_step": D("0.001")}, "0.166"),
        (MarketKind.USD_M, {"quantity_step": D("0.001"), "contract_size": D("0.1")}, "1.666"),
        (MarketKind.COIN_M, {"quantity_step": D(1), "contract_size": D(100)}, "50"),
        (MarketKind.USD_M, {"quantity_step": D(1)}, "1"),
    ],
)
def test_one_trade_takes_its_part_of_the_liquidity_and_a_step_at_least(kind, changes, most):
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    market = replace(bitcoin(kind, **changes), contract_size=changes.get("contract_size", D(1)))

    assert pricing.liquid_quantity(market, D(30_000), terms, D("0.5")) == D(most)
    assert pricing.liquid_quantity(market, D(30_000), PLAIN, D("0.5")) is None


def test_a_market_order_takes_each_price_a_slippage_further_away_and_all_that_is_left_at_the_last():
    terms = Terms(slippage=D(10), liquidity=D(10_000))
    parts = list(pricing.sweep(D(100), SELL, USD_M, D(50_000), terms, "one"))

    assert [part.price for part in parts] == [50_000 - 50 * level for level in range(1, pricing.MOST_TRADES + 1)]
    assert sum(part.quantity for part in parts) == 100
    for number, part in enumerate(parts[:-1], start=1):
        assert part.quantity == pricing.liquid_quantity(USD_M, part.price, terms, share("", "one", number))


def test_what_one_trade_may_take_is_one_trade():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    most = pricing.liquid_quantity(USD_M, D(50_000), terms, share("", "one", 1))
    assert most is not None

    for quantity, trades in ((most, 1), (most + D("0.001"), 2)):
        assert len(list(pricing.sweep(quantity, BUY, USD_M, D(50_000), terms, "one"))) == trades


def test_each_trade_of_an_order_has_its_own_chance():
    terms = Terms(slippage=D(0), liquidity=D(10_000))
    order = place(books(), request(USD_M, "BUY", 1, price=50_000), view(USD_M, 50_000), terms).order
    assert order.trades == 1

    part = pricing.nibble(order, USD_M, D(50_000), terms)
    assert part.quantity == pricing.liquid_quantity(USD_M, D(50_000), terms, share("", "one", 2))
    assert pricing.nibble(order, USD_M, D(50_000), PLAIN).quantity == order.remaining


def test_chances_are_from_a_half_to_all():
    chances = {share("seed", "one", number) for number in range(1_000)}

    assert (min(chances), max(chances)) == (D("0.5"), D(1))


@pytest.mark.parametrize(
    ("terms", "kind", "maker", "taker"),
    [
        ({}, MarketKind.SPOT, "0.001", "0.001"),
        ({}, MarketKind.USD_M, "0.0002", "0.0004"),
        ({}, MarketKind.COIN_M, "0.0002", "0.0004"),
        ({"maker_fee": D(0)}, MarketKind.SPOT, "0", "0.001"),
        ({"taker_fee": D("0.01")}, MarketKind.USD_M, "0.0002", "0.01"),
    ],
)
def test_fees_are_an_accounts_own_else_those_of_the_kind_of_market(terms, kind, maker, taker):
    assert Terms(**terms).fee(kind, is_maker=True) == D(maker)
    assert Terms(**terms).fee(kind, is_maker=False) == D(taker)


def test_stored_terms_are_taken_and_those_that_are_not_there_are_the_usual():
    stored = {"slippage": "5", "liquidity": "7", "maintenance": "0.1", "maker_fee": "0.1", "latency": 3000}

    assert terms_of({}) == Terms()
    assert terms_of({**stored, "latency_most": "3000", "seed": "a"}) == Terms(
        maker_fee=D("0.1"),
        slippage=D(5),
        liquidity=D(7),
        maintenance=D("0.1"),
        latency=3_000,
        latency_most=3_000,
        seed="a",
    )
    none = terms_of({"slippage": 0, "liquidity": 0, "maintenance": None, "latency": None})
    assert none == Terms(slippage=D(0), liquidity=None, maintenance=D(0))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("taker_fee", "0.11", "taker_fee: must be from 0 to 0.1"),
        ("taker_fee", "-0.01", "taker_fee: must be from 0 to 0.1"),
        ("slippage", "1001", "slippage: must be from 0 to 1000"),
        ("liquidity", "-1", "liquidity: must be 0 or more"),
        ("liquidity", "Infinity", "liquidity: must be 0 or more"),
        ("latency", "3001", "latency: must be from 0 to 3000"),
        ("latency", "soon", "latency: must be a number, not 'soon'"),
        ("luck", "1", "luck: is no term of paper accounts"),
    ],
)
def test_terms_that_make_no_sense_are_named(name, value, message):
    with pytest.raises(ValueError) as refused:
        terms_of({name: value})

    assert str(refused.value) == message
