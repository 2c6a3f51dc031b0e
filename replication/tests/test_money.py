"""Amounts are compared in one asset only; what cannot be changed into it is not compared at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.engine.instruments import SAME_WORTH, quotes_like
from replication.money import Traded, holdings_refusal, pays_like, quote_per_money, state_in_quote
from replication.tests.planner_kit import D, decide, market_of, prices, state_of, terms_of, worths
from replication.vocabulary import IntentState, Reason

DOLLARS = sorted(SAME_WORTH[0])
ASSETS = [*DOLLARS, "BTC", "ETH", "INR", "EUR"]
LINEAR = Traded("BTCUSDT", "USDT", "USDT", inverse=False)
CROSS = Traded("ETHBTC", "BTC", "BTC", inverse=False)
INVERSE = Traded("BTCUSD_PERP", "USD", "BTC", inverse=True)
assets = st.sampled_from(ASSETS)
markets = st.builds(Traded, st.just("SYMBOL"), assets, assets, inverse=st.booleans())
maybe_prices = st.none() | prices


@given(markets, assets, maybe_prices)
def test_only_what_pays_in_the_accounts_asset_has_a_rate(traded, asset, price):
    rate = quote_per_money(traded, asset, price)

    if rate is not None:
        assert traded.pays_in in quotes_like(asset)
        assert rate == (price if traded.inverse else 1)


@given(markets, assets, maybe_prices, worths, worths)
def test_what_has_no_rate_is_not_entered_or_not_sized(traded, asset, price, funds, lost):
    before = state_of(funds=funds, lost_today=lost)
    state = state_in_quote(before, traded, asset, price)
    rate = quote_per_money(traded, asset, price)

    if rate is None:
        assert state.funds is None
        assert (state.other_money is None) == pays_like(traded, asset)
    else:
        assert (state.funds, state.lost_today, state.other_money) == (funds * rate, lost * rate, None)


@given(assets, assets)
def test_worth_the_same_goes_both_ways(one, other):
    there = quote_per_money(Traded("X", one, one, inverse=False), other, None)
    back = quote_per_money(Traded("X", other, other, inverse=False), one, None)
    assert there == back


@pytest.mark.parametrize(
    ("traded", "asset", "rate"),
    [
        (LINEAR, "USDT", 1),
        (LINEAR, "USDC", 1),
        (LINEAR, "BTC", None),
        (CROSS, "USDT", None),
        (CROSS, "BTC", 1),
        (INVERSE, "BTC", 50_000),
        (INVERSE, "ETH", None),
        (INVERSE, "USDT", None),
        (Traded("RELIANCE", "INR", "INR", inverse=False), "INR", 1),
        (Traded("RELIANCE", "INR", "INR", inverse=False), "USDT", None),
    ],
)
def test_what_is_known_of_common_markets(traded, asset, rate):
    assert quote_per_money(traded, asset, D(50_000)) == rate


def test_a_limit_in_dollars_does_not_allow_as_many_bitcoins():
    state = state_in_quote(state_of(), CROSS, "USDT", D("0.04"))

    decision = decide(terms=terms_of(max_order=D(1000)), market=market_of(price=D("0.04")), state=state)

    assert (decision.state, decision.code) == (IntentState.SKIPPED, Reason.OTHER_MONEY)
    assert decision.numbers == {"pays_in": "BTC", "quote": "BTC", "account_asset": "USDT"}
    assert decision.message == "ETHBTC pays in BTC, and this account's funds and limits are in USDT."


def test_a_market_that_is_priced_in_other_money_than_it_pays_in_is_not_entered_unless_inverse():
    odd = Traded("BTCEUR", "EUR", "USDT", inverse=False)

    assert not pays_like(odd, "USDT")
    assert pays_like(INVERSE, "BTC")


def test_a_price_of_nothing_is_no_rate():
    assert quote_per_money(INVERSE, "BTC", D(0)) is None
    assert state_in_quote(state_of(funds=D(1)), INVERSE, "BTC", D(0)).funds is None


def test_funds_that_are_not_known_stay_so_and_what_was_lost_is_compared_all_the_same():
    state = state_in_quote(state_of(funds=None, lost_today=D(2)), INVERSE, "BTC", D(50_000))

    assert (state.funds, state.lost_today) == (None, D(100_000))


def test_without_its_price_the_funds_for_an_inverse_market_are_not_known():
    state = state_in_quote(state_of(funds=Decimal(1)), INVERSE, "BTC", None)

    assert (state.funds, state.other_money) == (None, None)


@given(st.sets(st.sampled_from(DOLLARS)), st.sampled_from(DOLLARS))
def test_holdings_in_what_is_worth_the_same_are_known(quotes, quote):
    assert holdings_refusal(Traded("X", quote, quote, inverse=False), quotes) is None


def test_holdings_in_something_else_are_not_known():
    refusal = holdings_refusal(LINEAR, {"USDC", "BTC", "EUR"})

    assert refusal is not None
    assert (refusal.code, refusal.numbers) == (Reason.OTHER_MONEY, {"quote": "USDT", "held_in": "BTC, EUR"})
