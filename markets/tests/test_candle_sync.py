"""Candles: every series goes on from where it was, and what is stored is what the venue says."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from markets.models import Candle, CandleSeries
from markets.services.candles import SyncResult
from markets.tests.candle_kit import DAY_OF_MINUTES, MINUTE, NOW, THIS_MINUTE, minutes, opens, series, sync
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.vocabulary import MarketKind

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_day_of_minutes")]


def test_an_empty_series_gets_its_newest_candles_first_and_its_past_after(venue: FakeVenue) -> None:
    sync(page=100, backfill_pages=0)

    assert opens() == minutes(THIS_MINUTE - 99 * MINUTE, THIS_MINUTE)
    status = series()
    assert (status.rows, status.missing, status.error) == (100, DAY_OF_MINUTES - 100, "")
    assert status.newest_open_time == THIS_MINUTE
    assert status.last_run_at == status.last_success_at == NOW

    sync(page=100, backfill_pages=20)

    assert opens() == minutes(THIS_MINUTE - (DAY_OF_MINUTES - 1) * MINUTE, THIS_MINUTE)
    assert (series().rows, series().missing) == (DAY_OF_MINUTES, 0)


def test_the_past_is_filled_oldest_first_by_so_many_pages_a_run(venue: FakeVenue) -> None:
    sync(page=100, backfill_pages=2)

    begin = THIS_MINUTE - (DAY_OF_MINUTES - 1) * MINUTE
    assert opens()[:198] == minutes(begin, begin + 197 * MINUTE)  # one of each page is the candle before
    assert len(venue.asked) == 3
    assert series().missing == DAY_OF_MINUTES - len(opens())


def test_a_candle_has_every_figure_of_the_venue(venue: FakeVenue) -> None:
    venue.price_of = lambda symbol: "86232.123456789012345678"

    sync()

    candle = Candle.objects.order_by("-open_time")[0]
    assert candle.close_price == candle.open_price == Decimal("86232.123456789012345678")
    assert candle.close_time == THIS_MINUTE + MINUTE - timedelta(milliseconds=1)
    assert (candle.volume, candle.trades) == (Decimal("1.5"), 3)
    assert candle.quote_volume == Decimal("129348.185185183518518517")
    assert candle.taker_buy_base_volume == Decimal("0.5")
    assert candle.taker_buy_quote_volume == Decimal("43116.061728394506172839")


def test_the_open_candle_is_read_again_and_only_what_differs_is_written(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    stamps = dict(Candle.objects.values_list("open_time", "updated_at"))
    later = NOW + MINUTE
    venue.now, venue.asked, venue.price_of = later, [], lambda symbol: "101"

    result = sync(later)

    assert venue.asked == [("BTCUSDT", MarketKind.SPOT, "1m", THIS_MINUTE, 3)]
    assert result == SyncResult(series=1, failed=0, candles=2)
    changed = Candle.objects.filter(updated_at=later).order_by("open_time")
    assert [(row.open_time, row.close_price) for row in changed] == [(THIS_MINUTE, 101), (THIS_MINUTE + MINUTE, 101)]
    assert sync(later + timedelta(seconds=5)).candles == 0
    assert dict(Candle.objects.exclude(updated_at=later).values_list("open_time", "updated_at")).items() <= (
        stamps.items()
    )


def test_after_a_long_outage_the_newest_come_first_and_the_gap_is_filled(venue: FakeVenue) -> None:
    sync(page=1000, backfill_pages=3)
    later = NOW + timedelta(hours=3)
    venue.now, venue.asked, venue.price_of = later, [], lambda symbol: "102"

    sync(later, page=100, backfill_pages=1)

    assert venue.asked[0][3] is None
    assert Candle.objects.aggregate(newest=Max("open_time"))["newest"] == THIS_MINUTE + timedelta(hours=3)
    assert series().missing == 0
    assert Candle.objects.get(open_time=THIS_MINUTE).close_price == 102  # it was open when it was read before


def test_a_hole_in_the_middle_is_found_and_filled(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    begin = THIS_MINUTE - timedelta(hours=5)
    Candle.objects.filter(open_time__gte=begin, open_time__lt=begin + 7 * MINUTE).delete()
    Candle.objects.filter(open_time=THIS_MINUTE - 9 * MINUTE).delete()
    venue.asked = []

    result = sync()

    assert result.candles == 8
    assert [(asked[3], asked[4]) for asked in venue.asked[1:]] == [(begin - MINUTE, 293)]  # both in one page
    assert (series().rows, series().missing) == (DAY_OF_MINUTES, 0)


def test_holes_that_are_further_apart_than_a_page_are_filled_one_by_one(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    holes = [THIS_MINUTE - timedelta(hours=hours) for hours in (20, 10)]
    Candle.objects.filter(open_time__in=holes).delete()
    venue.asked = []

    assert sync(page=100, backfill_pages=1).candles == 1
    assert (series().rows, series().missing) == (DAY_OF_MINUTES - 1, 1)
    assert sync(page=100, backfill_pages=1).candles == 1

    assert [(asked[3], asked[4]) for asked in venue.asked if asked[3] < THIS_MINUTE] == [
        (holes[0] - MINUTE, 100), (holes[1] - MINUTE, 2),
    ]  # fmt: skip
    assert (series().rows, series().missing) == (DAY_OF_MINUTES, 0)


def test_inverse_contracts_go_by_their_own_symbols(settings: Any) -> None:
    settings.TRADING_MARKET_TYPES = ("usd_m", "coin_m")
    linear = FakeVenue(now=NOW, specs=[spec(kind=MarketKind.USD_M)])
    inverse = FakeVenue(now=NOW, specs=[spec("BTCUSD_PERP", MarketKind.COIN_M)])

    with venues(binanceusdm=linear, binancecoinm=inverse):
        assert sync(page=10, backfill_pages=0).candles == 20

    names = CandleSeries.objects.order_by("kind").values_list("venue", "kind", "symbol")
    assert list(names) == [("binancecoinm", "coin_m", "BTCUSD_PERP"), ("binanceusdm", "usd_m", "BTCUSDT")]


def test_the_newest_price_is_as_old_as_the_last_look_or_as_the_last_candle(venue: FakeVenue) -> None:
    sync(page=10, backfill_pages=0)
    status = series()

    assert status.lag(NOW + timedelta(seconds=9)) == timedelta(seconds=9)
    status.newest_open_time = THIS_MINUTE - timedelta(hours=1)
    assert status.lag(NOW) == timedelta(minutes=59, seconds=20)
    assert CandleSeries().lag(NOW) is None


@pytest.mark.parametrize("symbols", [4, 20])
def test_four_thousand_candles_need_ten_statements(venue: FakeVenue, settings: Any, symbols: int) -> None:
    settings.TRADING_SYMBOLS = tuple(f"C{number:02}USDT" for number in range(symbols))
    settings.TRADING_INTERVALS = ("1m", "5m", "15m", "30m", "1h")
    settings.CANDLE_RETENTION_DAYS = 30
    venue.specs = [spec(symbol) for symbol in settings.TRADING_SYMBOLS]
    sync(page=1, backfill_pages=0)
    venue.now = later = NOW + timedelta(days=10)

    with CaptureQueriesContext(connection) as captured:
        result = sync(later, page=4000 // (symbols * 5), backfill_pages=0)

    assert result.candles == 4000
    assert len(captured) <= 10, [query["sql"][:80] for query in captured]
