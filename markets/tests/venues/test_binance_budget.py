"""Binance's limits are kept before Binance has to ask for it."""

from datetime import UTC, datetime, timedelta

import pytest

from markets.tests.venues.exchange import House
from markets.venues.base import AccountAccess, Credentials
from markets.venues.binance.adapter import make
from markets.venues.budget_rules import Demand
from markets.venues.errors import RateLimited, Retryable, VenueDown
from markets.venues.vocabulary import MarketKind
from tests.contract.bench import run


def test_an_account_places_no_more_orders_than_binance_takes(spot: House) -> None:
    spot.exchange.limits(enforce=True)
    refused = 0
    for _ in range(110):  # it takes 50 in each span of ten seconds, and another span may begin meanwhile
        try:
            spot.place(spot.order())
        except Retryable:
            refused += 1

    assert refused >= 10
    assert spot.exchange.counts()["answers"].get("429", 0) == 0


def test_too_many_orders_by_others_with_the_same_key_stop_that_account_only(usd_m: House) -> None:
    usd_m.place(usd_m.order())
    usd_m.exchange.limits(enforce=True, orders={"futures": {"10S": 0}})
    with pytest.raises(Retryable):
        usd_m.place(usd_m.order())
    seen = usd_m.seen("POST /fapi/v1/order")
    usd_m.exchange.limits(enforce=False)

    with pytest.raises(Retryable):
        usd_m.place(usd_m.order())
    assert usd_m.seen("POST /fapi/v1/order") == seen
    other = usd_m.exchange.account()
    usd_m.access = AccountAccess("2", Credentials(other.key, other.secret))
    usd_m.place(usd_m.order())


def test_both_futures_markets_share_a_ban(usd_m: House) -> None:
    usd_m.exchange.ban(720, pool="futures")
    with pytest.raises(RateLimited) as first:  # by one request alone: of several some would still be under way
        run(usd_m.adapter.open_interest(usd_m.symbol, usd_m.kind))
    assert first.value.until - datetime.now(UTC) > timedelta(seconds=700)
    coin_m = make("binancecoinm")
    before = usd_m.exchange.counts()["banned_calls"]
    try:
        with pytest.raises(RateLimited):
            run(coin_m.prices(MarketKind.COIN_M, ["BTCUSD_PERP"]))
    finally:
        run(coin_m.close())
    assert usd_m.exchange.counts()["banned_calls"] == before


def test_the_spot_market_goes_on_while_futures_are_banned(usd_m: House) -> None:
    usd_m.place(usd_m.order())
    usd_m.exchange.ban(720, pool="futures")
    with pytest.raises(RateLimited):
        run(usd_m.adapter.prices(usd_m.kind, [usd_m.symbol]))

    assert run(usd_m.adapter.permissions(usd_m.access)).read


def test_the_firewall_s_page_stops_everyone_and_crashes_nobody(spot: House) -> None:
    spot.exchange.fault("forbidden_403", method="POST")
    with pytest.raises(RateLimited):
        spot.place(spot.order())
    seen = spot.seen("POST /api/v3/order")

    with pytest.raises(RateLimited):
        spot.place(spot.order())
    assert spot.seen("POST /api/v3/order") == seen


def test_a_venue_that_is_not_there_has_placed_nothing(usd_m: House) -> None:
    usd_m.place(usd_m.order())
    client = usd_m.adapter.gateway.client
    client.addresses = dict.fromkeys(client.addresses, "http://127.0.0.1:1")

    with pytest.raises(VenueDown):
        usd_m.place(usd_m.order())


def test_an_order_is_the_first_thing_that_a_process_may_do_when_little_is_left(usd_m: House) -> None:
    gateway = usd_m.adapter.gateway
    run(gateway._budget.reserve(gateway.house.pools[""], Demand(1920)))

    usd_m.place(usd_m.order())
    with pytest.raises(RateLimited):
        run(usd_m.adapter.account(usd_m.access))
