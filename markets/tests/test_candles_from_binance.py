"""Candles as the three venues of Binance give them: on their real paths, with their faults, and at their word."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from copytrade.lib.wire import to_milliseconds
from markets.models import Candle, CandleSeries, Market
from markets.services.candles import candles_sync
from markets.services.refresh import markets_refresh
from tests.simulators.binance import BinanceSimulator

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _small(settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "ETHUSDT")
    settings.TRADING_INTERVALS = ("1h", "1d")
    settings.TRADING_MARKET_TYPES = ("spot", "usd_m")
    settings.CANDLE_RETENTION_DAYS = 30
    settings.CANDLE_RETENTION = ("1d=100",)


def this_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def test_all_series_of_all_venues_are_filled_in_one_run(exchange: BinanceSimulator, settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT",)
    settings.TRADING_MARKET_TYPES = ("spot", "usd_m", "coin_m")

    result = candles_sync(now=timezone.now())

    assert (result.series, result.failed) == (6, 0)
    for series in CandleSeries.objects.all():
        assert (series.error, series.missing) == ("", 0)
        assert series.rows in ({720, 721} if series.interval == "1h" else {100, 101})
    assert Market.objects.get(symbol="BTCUSD_PERP").contract_size == 100


def test_a_candle_is_stored_as_the_venue_gave_it(exchange: BinanceSimulator) -> None:
    candles_sync(now=timezone.now(), page=10, backfill_pages=0)

    open_candle = Candle.objects.filter(interval="1h", market__venue="binance").order_by("-open_time")[0]
    assert open_candle.close_time == open_candle.open_time + HOUR - timedelta(milliseconds=1)
    exchange.price("spot", open_candle.market.symbol, "70000.01")
    candles_sync(now=timezone.now(), page=10, backfill_pages=0)
    open_candle.refresh_from_db()
    assert str(open_candle.close_price).startswith("70000.01000")
    assert open_candle.low_price <= open_candle.close_price <= open_candle.high_price


def test_candles_that_binance_lacks_are_asked_for_once(exchange: BinanceSimulator) -> None:
    begin = this_hour() - 50 * HOUR
    exchange.gap("spot", "BTCUSDT", "1h", to_milliseconds(begin), to_milliseconds(begin + 9 * HOUR))
    candles_sync(now=timezone.now())
    series = CandleSeries.objects.get(venue="binance", symbol="BTCUSDT", interval="1h")
    assert (series.missing, series.rows in {710, 711}) == (0, True)
    exchange.clear_journal()

    candles_sync(now=timezone.now())

    assert exchange.counts()["requests"]["GET /api/v3/klines"] == 4  # the open candles


def test_a_broken_answer_fails_one_series_and_the_next_run_makes_up_for_it(exchange: BinanceSimulator) -> None:
    markets_refresh(venue="binance")
    markets_refresh(venue="binanceusdm")
    exchange.fault("garbage", path="/api/v3/klines")

    first = candles_sync(now=timezone.now(), page=10, backfill_pages=0)
    failed = CandleSeries.objects.exclude(error="").get()
    second = candles_sync(now=timezone.now(), page=10, backfill_pages=0)

    assert (first.failed, second.failed) == (1, 0)
    assert failed.venue == "binance"
    assert not CandleSeries.objects.exclude(error="").exists()


def test_a_ban_fails_the_series_of_its_venues_and_nobody_goes_on_calling(exchange: BinanceSimulator) -> None:
    markets_refresh(venue="binance")
    markets_refresh(venue="binanceusdm")
    exchange.ban(600, pool="futures")

    result = candles_sync(now=timezone.now(), page=10, backfill_pages=0)

    assert (result.series, result.failed) == (8, 4)
    assert {series.venue for series in CandleSeries.objects.exclude(error="")} == {"binanceusdm"}
    assert Candle.objects.filter(market__venue="binance").count() == 40
    assert exchange.counts()["banned_calls"] <= 8


def test_markets_are_read_from_exchange_info_of_all_three(exchange: BinanceSimulator) -> None:
    for venue in ("binance", "binanceusdm", "binancecoinm"):
        assert markets_refresh(venue=venue).created > 0
        assert markets_refresh(venue=venue).updated == 0

    spot = Market.objects.get(venue="binance", symbol="BTCUSDT")
    futures = Market.objects.get(venue="binanceusdm", symbol="BTCUSDT")
    assert spot.filters.quantity_step is not None
    assert futures.filters.price_tick is not None
    assert Market.objects.get(venue="binancecoinm", symbol="BTCUSD_PERP").filters.notional_min is None
    assert spot.refreshed_at <= datetime.now(UTC)
