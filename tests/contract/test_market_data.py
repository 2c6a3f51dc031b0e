"""What anyone may ask: markets with their rules, candles, prices."""

from datetime import timedelta
from itertools import pairwise

import pytest

from markets.venues.base import PriceReport
from markets.venues.errors import Rejected, RejectReason
from tests.contract.bench import Bench, Desk, run
from tests.contract.ear import Ear


def test_markets_come_with_their_rules(desk: Desk) -> None:
    market = desk.market()

    assert (market.kind, market.trading) == (desk.bench.kind, True)
    assert market.contract_size > 0
    assert market.filters.price_tick
    assert market.filters.quantity_step
    assert market.filters.quantity_min


def test_prices_are_told_of_known_symbols_only(bench: Bench) -> None:
    known = run(bench.adapter.prices(bench.kind, ["NOSUCHTHING", bench.symbol]))

    assert [price.symbol for price in known] == [bench.symbol]
    assert run(bench.adapter.prices(bench.kind, ["NOSUCHTHING"])) == []
    assert run(bench.adapter.prices(bench.kind, [])) == []


def test_the_price_is_between_the_offers(bench: Bench) -> None:
    (price,) = run(bench.adapter.prices(bench.kind, [bench.symbol]))

    assert price.bid
    assert price.ask
    assert price.bid <= price.ask


@pytest.mark.capable("candles")
def test_candles_are_contiguous_and_the_latest(bench: Bench) -> None:
    candles = run(bench.adapter.candles(bench.symbol, bench.kind, "1m", start=None, limit=5))

    assert len(candles) == 5
    steps = {later.open_time - earlier.open_time for earlier, later in pairwise(candles)}
    assert steps == {timedelta(minutes=1)}
    assert all(each.low <= min(each.open, each.close) <= max(each.open, each.close) <= each.high for each in candles)


@pytest.mark.capable("candles")
def test_candles_begin_where_they_are_asked_to(bench: Bench) -> None:
    latest = run(bench.adapter.candles(bench.symbol, bench.kind, "1m", start=None, limit=10))
    again = run(bench.adapter.candles(bench.symbol, bench.kind, "1m", start=latest[2].open_time, limit=3))

    assert [each.open_time for each in again] == [each.open_time for each in latest[2:5]]
    assert again[0] == latest[2]


@pytest.mark.capable("candles")
def test_candles_of_a_symbol_that_is_not_listed_are_refused(bench: Bench) -> None:
    with pytest.raises(Rejected) as refused:
        run(bench.adapter.candles("NOSUCHTHING", bench.kind, "1m", start=None, limit=1))

    assert refused.value.reason == RejectReason.UNKNOWN_SYMBOL


@pytest.mark.capable("open_interest")
def test_open_interest_and_its_history_are_in_the_words_of_the_venue(bench: Bench) -> None:
    now = run(bench.adapter.open_interest(bench.symbol, bench.kind))
    history = run(bench.adapter.open_interest_history(bench.symbol, bench.kind, "5m", limit=3))

    assert float(now["openInterest"]) > 0
    assert len(history) == 3
    assert [row["timestamp"] for row in history] == sorted(row["timestamp"] for row in history)


@pytest.mark.capable("price_stream")
def test_prices_are_told_as_they_change(desk: Desk) -> None:
    bench = desk.bench
    with Ear(bench.adapter.price_stream(bench.kind, [bench.symbol])) as ear:
        ear.first(lambda event: isinstance(event, PriceReport))
        price = desk.below("0.99")
        bench.set_price(price)
        told = ear.first(lambda event: event.bid is not None and event.bid <= price <= event.ask)

    assert (told.symbol, told.kind) == (bench.symbol, bench.kind)


def test_what_a_key_may_do_is_told(bench: Bench, desk: Desk) -> None:
    permissions = run(bench.adapter.permissions(desk.access))

    assert (permissions.read, permissions.trade, permissions.withdraw) == (True, True, False)
