"""Markets are as their venue lists them: filters change, delisted ones stay, and a broken answer delists nothing."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from copytrade.lib.errors import InvalidInput
from markets.models import Market, MarketRefresh
from markets.services.refresh import RefreshResult, market_venue_want, markets_refresh, markets_refresh_due
from markets.tests.fakes import FILTERS, FakeVenue, spec, venues
from markets.venues.base import MarketSpec
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce

pytestmark = pytest.mark.django_db


def refresh(venue: FakeVenue) -> RefreshResult:
    with venues(binance=venue):
        return markets_refresh(venue="binance")


def test_markets_are_stored_with_every_digit_of_their_filters() -> None:
    filters = replace(FILTERS, quantity_step=Decimal("0.000000000000000001"), notional_max=None)

    result = refresh(FakeVenue(specs=[spec(filters=filters, pair="BTCUSD")]))

    assert result == RefreshResult(created=1, updated=0, delisted=0, unchanged=0)
    market = Market.objects.get()
    assert (market.venue, market.symbol, market.pair) == ("binance", "BTCUSDT", "BTCUSD")
    assert market.filters == filters


def test_the_types_and_times_that_a_market_takes_are_stored_and_follow_the_venue() -> None:
    venue = FakeVenue(specs=[spec(order_types=(OrderType.MARKET, OrderType.LIMIT)), spec("ETHUSDT")])
    refresh(venue)
    market = Market.objects.get(symbol="BTCUSDT")
    assert (market.order_types, market.times_in_force) == (["MARKET", "LIMIT"], [])
    venue.specs[0] = spec(order_types=(OrderType.LIMIT,), times_in_force=(TimeInForce.GTC, TimeInForce.GTX))

    assert refresh(venue) == RefreshResult(created=0, updated=1, delisted=0, unchanged=1)
    assert refresh(venue).updated == 0

    market.refresh_from_db()
    assert (market.order_types, market.times_in_force) == (["LIMIT"], ["GTC", "GTX"])
    untold = Market.objects.get(symbol="ETHUSDT")
    assert (untold.order_types, untold.times_in_force) == ([], [])


def test_a_second_refresh_rewrites_only_what_differs() -> None:
    venue = FakeVenue()
    refresh(venue)
    before = dict(Market.objects.values_list("symbol", "refreshed_at"))
    venue.specs[0] = spec(status="HALT", trading=False)

    assert refresh(venue) == RefreshResult(created=0, updated=1, delisted=0, unchanged=1)

    after = dict(Market.objects.values_list("symbol", "refreshed_at"))
    assert after["ETHUSDT"] == before["ETHUSDT"]
    assert after["BTCUSDT"] > before["BTCUSDT"]
    assert not Market.objects.get(symbol="BTCUSDT").trading


def test_a_delisted_market_stays_and_is_revived_when_it_comes_back() -> None:
    venue = FakeVenue(specs=[spec(), spec("ETHUSDT"), spec("SOLUSDT")])
    refresh(venue)
    gone = venue.specs.pop()

    assert refresh(venue).delisted == 1
    market = Market.objects.get(symbol="SOLUSDT")
    assert market.delisted_at is not None
    assert not market.trading
    assert refresh(venue) == RefreshResult(created=0, updated=0, delisted=0, unchanged=2)

    venue.specs.append(gone)
    assert refresh(venue).updated == 1
    market.refresh_from_db()
    assert market.delisted_at is None
    assert market.trading


@pytest.mark.parametrize("listed", [[], [spec()]])
def test_an_implausibly_short_answer_changes_nothing_and_is_reported(listed: list[MarketSpec]) -> None:
    refresh(FakeVenue(specs=[spec(), spec("ETHUSDT"), spec("SOLUSDT")]))

    with pytest.raises(VenueDown, match="not believed"):
        refresh(FakeVenue(specs=listed))

    assert Market.objects.filter(delisted_at=None, trading=True).count() == 3
    status = MarketRefresh.objects.get(venue="binance")
    assert "not believed" in status.error
    assert status.rows == 3
    assert status.last_success_at is not None
    assert status.last_run_at is not None
    assert status.last_success_at < status.last_run_at


def test_one_symbol_may_be_listed_in_two_kinds_and_twice_in_one() -> None:
    both = [spec(), spec(), spec(kind=MarketKind.USD_M)]

    assert refresh(FakeVenue(specs=both)).created == 2


def test_a_name_that_is_too_long_is_left_out() -> None:
    assert refresh(FakeVenue(specs=[spec(), spec("X" * 65)])).created == 1


def test_the_number_of_statements_does_not_grow_with_the_markets() -> None:
    counts = []
    for size in (3, 300):
        venue = FakeVenue(specs=[spec(f"C{number:03}USDT") for number in range(size)])
        with CaptureQueriesContext(connection) as captured:
            refresh(venue)
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 7


def test_other_venues_markets_are_left_alone() -> None:
    refresh(FakeVenue())
    with venues(binanceusdm=FakeVenue(specs=[spec("SOLUSDT", MarketKind.USD_M)])):
        markets_refresh(venue="binanceusdm")

    assert Market.objects.filter(delisted_at=None).count() == 3


def test_an_unknown_venue_is_named() -> None:
    with pytest.raises(InvalidInput, match="write one of"):
        markets_refresh(venue="nowhere")
    with pytest.raises(InvalidInput, match="write one of"):
        market_venue_want("nowhere")


def test_the_venues_of_the_settings_and_those_in_use_are_refreshed_when_due(settings) -> None:
    settings.TRADING_MARKET_TYPES = ("spot",)
    market_venue_want("kraken")
    market_venue_want("kraken")
    now = timezone.now()
    with venues(binance=FakeVenue(), kraken=FakeVenue()):
        assert set(markets_refresh_due(now=now)) == {"binance", "kraken"}
        assert markets_refresh_due(now=now) == {}
        assert set(markets_refresh_due(now=now + timedelta(minutes=61))) == {"binance", "kraken"}


def test_a_venue_that_is_down_does_not_stop_the_others_and_is_asked_again_soon(settings) -> None:
    settings.TRADING_MARKET_TYPES = ("spot", "usd_m")
    now = timezone.now()
    down = FakeVenue(broken={"markets": VenueDown("closed for maintenance")})
    odd = FakeVenue(broken={"markets": ValueError("surprise")})
    with venues(binance=down, binanceusdm=odd):
        outcome = markets_refresh_due(now=now)

    assert "maintenance" in outcome["binance"]
    assert "surprise" in outcome["binanceusdm"]
    assert "maintenance" in MarketRefresh.objects.get(venue="binance").error
    assert "surprise" in MarketRefresh.objects.get(venue="binanceusdm").error
    with venues(binance=FakeVenue(), binanceusdm=FakeVenue()):
        assert markets_refresh_due(now=now + timedelta(minutes=1)) == {}
        assert set(markets_refresh_due(now=now + timedelta(minutes=6))) == {"binance", "binanceusdm"}
    assert not MarketRefresh.objects.exclude(error="").exists()
