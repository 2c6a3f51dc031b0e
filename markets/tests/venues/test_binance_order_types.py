"""Which types and times in force a symbol of Binance takes, from the recorded exchangeInfo and from odd ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.venues.base import MarketSpec
from markets.venues.binance.listing import read_listing, read_order_types, read_times_in_force
from markets.venues.binance.orders import FUTURES_TYPES, SPOT_TYPES
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce
from tests.simulators.exchange.symbols import load

SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
T, X = OrderType, TimeInForce


def listed(name: str, kind: MarketKind) -> list[MarketSpec]:
    return read_listing(load(name), kind)


def spot_times(*words: str) -> tuple[TimeInForce, ...]:
    return read_times_in_force({"orderTypes": list(words)}, SPOT)


def test_most_spot_symbols_have_no_stops_that_trade_at_the_market() -> None:
    for market in listed("spot_exchangeinfo_4symbols", SPOT):
        assert market.order_types == (T.MARKET, T.LIMIT, T.STOP_LIMIT, T.TAKE_PROFIT_LIMIT)
        assert market.times_in_force == (X.GTC, X.IOC, X.FOK, X.GTX)


def test_futures_list_their_conditional_types_though_those_are_placed_elsewhere() -> None:
    (linear,) = listed("usdm_exchangeinfo_btcusdt", USD_M)
    inverse = listed("coinm_exchangeinfo_btcusd", COIN_M)[0]

    assert linear.order_types == inverse.order_types == tuple(OrderType)
    assert linear.times_in_force == tuple(TimeInForce)
    assert inverse.times_in_force == (X.GTC, X.IOC, X.FOK, X.GTX)


def test_a_spot_symbol_that_lists_no_post_only_type_has_no_such_time() -> None:
    assert spot_times("LIMIT", "MARKET") == (X.GTC, X.IOC, X.FOK)
    assert spot_times("LIMIT_MAKER", "MARKET") == (X.GTX,)
    assert spot_times("MARKET", "STOP_LOSS") == ()


@pytest.mark.parametrize("kind", list(MarketKind))
@pytest.mark.parametrize(
    "entry", [{}, {"orderTypes": [], "timeInForce": []}, {"orderTypes": None, "timeInForce": None}]
)
def test_what_is_not_told_is_empty(kind: MarketKind, entry: dict[str, Any]) -> None:
    assert read_order_types(entry, kind) == ()
    assert read_times_in_force(entry, kind) == ()


def test_words_that_are_not_ours_are_left_out() -> None:
    entry = {"orderTypes": ["LIMIT", "ICEBERG_2030"], "timeInForce": ["GTC", "RPI"]}

    assert read_order_types(entry, USD_M) == (T.LIMIT,)
    assert read_times_in_force(entry, USD_M) == (X.GTC,)


@given(st.sampled_from(MarketKind), st.data())
def test_the_order_in_which_a_symbol_lists_them_makes_no_difference(kind: MarketKind, data: st.DataObject) -> None:
    words = list(SPOT_TYPES if kind is SPOT else FUTURES_TYPES)
    types = data.draw(st.lists(st.sampled_from(words)))
    times = data.draw(st.lists(st.sampled_from([time.value for time in TimeInForce])))
    entry = {"orderTypes": types, "timeInForce": times}
    other = {"orderTypes": data.draw(st.permutations(types)), "timeInForce": data.draw(st.permutations(times))}

    assert read_order_types(entry, kind) == read_order_types(other, kind)
    assert read_times_in_force(entry, kind) == read_times_in_force(other, kind)
    assert bool(read_order_types(entry, kind)) == bool(types)
