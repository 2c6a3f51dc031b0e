"""Candles: every series goes on from where it was, gaps are filled, and nothing is asked for twice for ever."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext

from copytrade.lib.wire import to_milliseconds
from markets.fetching import SeriesPlan, fetch_series
from markets.intervals import shift
from markets.models import Candle, CandleSeries, Market, MarketRefresh
from markets.services.candles import CLAIM, DOUBT, SyncResult, candles_prune, candles_sync
from markets.tests.fakes import FakeVenue, spec, venues
from markets.venues.errors import VenueDown
from markets.venues.vocabulary import MarketKind

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
THIS_MINUTE = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOW = THIS_MINUTE + timedelta(seconds=20)
DAY_OF_MINUTES = 1440


@pytest.fixture(autouse=True)
def _small(settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT",)
    settings.TRADING_INTERVALS = ("1m",)
    settings.TRADING_MARKET_TYPES = ("spot",)
    settings.CANDLE_RETENTION_DAYS = 1
    settings.CANDLE_RETENTION = ()


@pytest.fixture
def venue() -> Iterator[FakeVenue]:
    fake = FakeVenue(now=NOW)
    with venues(binance=fake):
        yield fake


def sync(now: datetime = NOW, **options: Any) -> SyncResult:
    return candles_sync(now=now, **options)


def opens() -> list[datetime]:
    return list(Candle.objects.order_by("open_time").values_list("open_time", flat=True))


def minutes(first: datetime, last: datetime) -> list[datetime]:
    return [first + step * MINUTE for step in range((last - first) // MINUTE + 1)]


def series() -> CandleSeries:
    return CandleSeries.objects.get(active=True)


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


def test_a_gap_that_the_venue_has_itself_is_remembered_and_not_asked_for_again(venue: FakeVenue) -> None:
    outage = THIS_MINUTE - timedelta(hours=8)
    venue.outages = [(outage, outage + timedelta(hours=1))]
    sync(page=1000, backfill_pages=9)
    assert (series().rows, series().missing) == (DAY_OF_MINUTES - 60, 0)
    venue.asked = []

    sync(NOW + timedelta(seconds=10))

    assert len(venue.asked) == 1  # the open candle, and nothing else
    Candle.objects.filter(open_time=outage - MINUTE).delete()
    sync(NOW + timedelta(seconds=20))
    assert (series().rows, series().missing) == (DAY_OF_MINUTES - 60, 0)


def test_a_young_market_has_no_past_to_ask_for(venue: FakeVenue) -> None:
    venue.listed_at = THIS_MINUTE - timedelta(hours=2)
    sync(page=50, backfill_pages=9)
    assert (series().rows, series().missing) == (121, 0)
    venue.asked = []

    sync(page=50)

    assert len(venue.asked) == 1


def test_an_answer_that_ends_with_its_page_says_nothing_of_what_comes_after(venue: FakeVenue) -> None:
    venue.bounded = True
    outage = THIS_MINUTE - timedelta(hours=20)
    venue.outages = [(outage, outage + 30 * MINUTE)]

    sync(page=100, backfill_pages=30)

    assert (series().rows, series().missing) == (DAY_OF_MINUTES - 30, 0)
    assert opens() == [
        moment
        for moment in minutes(THIS_MINUTE - (DAY_OF_MINUTES - 1) * MINUTE, THIS_MINUTE)
        if not outage <= moment < outage + 30 * MINUTE
    ]


def test_the_empty_past_of_a_young_market_is_gone_through_page_by_page(venue: FakeVenue) -> None:
    venue.bounded, venue.listed_at = True, THIS_MINUTE - timedelta(hours=10)

    sync(page=200, backfill_pages=30)

    assert opens() == minutes(venue.listed_at, THIS_MINUTE)
    assert series().missing >= 600  # empty pages are not believed at once
    sync(NOW + DOUBT, page=200, backfill_pages=30)
    assert series().missing == 0
    venue.asked = []
    sync(NOW + 2 * DOUBT, page=200)
    assert len(venue.asked) == 1


def test_one_empty_answer_is_asked_for_again_later_and_does_not_hold_up_the_rest(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    holes = [THIS_MINUTE - timedelta(hours=hours) for hours in (20, 10)]
    Candle.objects.filter(open_time__in=holes).delete()
    real = venue.candles

    async def empty_at_first(*arguments: Any, **options: Any) -> Any:
        found = await real(*arguments, **options)
        return [] if options["start"] == holes[0] - MINUTE else found

    venue.candles = empty_at_first  # type: ignore[method-assign]
    sync(page=100, backfill_pages=2)
    assert holes[1] in opens()
    assert holes[0] not in opens()
    assert (series().missing, series().absent) == (1, [])
    venue.asked = []
    sync(NOW + MINUTE, page=100, backfill_pages=2)
    assert len(venue.asked) == 1  # it is left alone for a while
    assert series().missing == 1
    venue.candles = real  # type: ignore[method-assign]

    sync(NOW + DOUBT, page=100)

    assert holes[0] in opens()
    assert (series().missing, series().absent, series().doubted) == (0, [], [])


def test_a_stretch_that_is_empty_for_the_second_time_is_believed_to_be(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    hole = THIS_MINUTE - timedelta(hours=20)
    Candle.objects.filter(open_time=hole).delete()
    real = venue.candles

    async def empty(*arguments: Any, **options: Any) -> Any:
        return [] if options["start"] == hole - MINUTE else await real(*arguments, **options)

    venue.candles = empty  # type: ignore[method-assign]
    sync()
    span = [to_milliseconds(hole), to_milliseconds(hole + MINUTE)]
    assert (series().absent, series().doubted) == ([], [[*span, to_milliseconds(NOW)]])

    sync(NOW + DOUBT)

    assert (series().absent, series().doubted, series().missing) == ([span], [], 0)


@pytest.mark.parametrize(("interval", "most"), [("1m", 1000), ("1d", 200), ("1w", 28), ("1M", 6)])
def test_inverse_contracts_are_asked_for_two_hundred_days_at_most(interval: str, most: int) -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    asked: list[int] = []

    class Empty(FakeVenue):
        async def candles(self, *_: Any, start: datetime | None, limit: int, **__: Any) -> Any:
            asked.append(limit)
            return []

    plan = SeriesPlan("BTCUSD_PERP", MarketKind.COIN_M, interval, since, since, [(since, NOW)])
    fetched = asyncio.run(fetch_series(Empty(), plan, now=NOW, page=1000, pages=1))

    assert asked[1] == most
    assert fetched.absent == []
    assert fetched.doubted == [(since, shift(interval, since, most - 1))]


def test_an_outage_during_which_nobody_looked_is_remembered_too(venue: FakeVenue) -> None:
    sync(backfill_pages=9)
    later = NOW + timedelta(minutes=30)
    venue.outages = [(THIS_MINUTE + 5 * MINUTE, THIS_MINUTE + 25 * MINUTE)]
    venue.now = later
    sync(later)
    venue.asked = []

    sync(later)

    assert len(venue.asked) == 1
    assert series().missing == 0


def test_a_symbol_that_the_venue_does_not_have_is_an_error_on_its_series_only(venue: FakeVenue, settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "NOPEUSDT")

    result = sync(page=10, backfill_pages=0)

    assert (result.series, result.failed, result.candles) == (2, 1, 10)
    assert "NOPEUSDT" in CandleSeries.objects.get(symbol="NOPEUSDT").error
    assert CandleSeries.objects.get(symbol="BTCUSDT").error == ""


@pytest.mark.parametrize("error", [VenueDown("closed for maintenance"), ValueError("surprise")])
def test_one_failing_series_does_not_stop_the_others(venue: FakeVenue, settings: Any, error: Exception) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "ETHUSDT")
    sync(page=10, backfill_pages=0)
    venue.broken = {"ETHUSDT": error}
    venue.now = later = NOW + MINUTE

    result = sync(later, page=10, backfill_pages=0)

    assert (result.failed, result.candles) == (1, 1)
    failed = CandleSeries.objects.get(symbol="ETHUSDT")
    assert str(error) in failed.error
    assert (failed.last_run_at, failed.last_success_at, failed.rows) == (later, NOW, 10)
    assert failed.lag(later) == MINUTE
    venue.broken = {}
    sync(later, page=10, backfill_pages=0)
    failed.refresh_from_db()
    assert (failed.error, failed.rows) == ("", 11)


def test_what_came_before_an_error_is_kept(venue: FakeVenue) -> None:
    real = venue.candles

    async def fail_on_the_third(*arguments: Any, **options: Any) -> Any:
        if len(venue.asked) == 2:
            raise VenueDown("gone")
        return await real(*arguments, **options)

    venue.candles = fail_on_the_third  # type: ignore[method-assign]

    sync(page=100, backfill_pages=5)

    assert len(opens()) == 199
    assert (series().error, series().rows, series().missing) == ("gone", 199, DAY_OF_MINUTES - 199)


def test_markets_that_cannot_be_read_fail_their_series_and_say_so(venue: FakeVenue) -> None:
    venue.broken = {"markets": VenueDown("closed")}

    assert sync().failed == 1
    assert "could not be read" in series().error
    MarketRefresh.objects.update(last_run_at=NOW)  # it was asked at the time of the real clock
    venue.broken = {}
    assert sync(NOW + MINUTE).failed == 1  # not asked again so soon
    assert sync(NOW + 6 * MINUTE).failed == 0


def test_inverse_contracts_go_by_their_own_symbols(settings: Any) -> None:
    settings.TRADING_MARKET_TYPES = ("usd_m", "coin_m")
    linear = FakeVenue(now=NOW, specs=[spec(kind=MarketKind.USD_M)])
    inverse = FakeVenue(now=NOW, specs=[spec("BTCUSD_PERP", MarketKind.COIN_M)])

    with venues(binanceusdm=linear, binancecoinm=inverse):
        assert sync(page=10, backfill_pages=0).candles == 20

    names = CandleSeries.objects.order_by("kind").values_list("venue", "kind", "symbol")
    assert list(names) == [("binancecoinm", "coin_m", "BTCUSD_PERP"), ("binanceusdm", "usd_m", "BTCUSDT")]


def test_a_series_that_another_run_works_on_is_left_alone_until_its_claim_ends(venue: FakeVenue) -> None:
    sync(page=10, backfill_pages=0)
    CandleSeries.objects.update(claimed_until=NOW + CLAIM)
    venue.asked = []

    assert sync(NOW + MINUTE) == SyncResult()
    assert venue.asked == []
    venue.now = NOW + CLAIM
    assert sync(NOW + CLAIM, page=10).series == 1


def test_a_run_that_is_interrupted_gives_its_claims_up(venue: FakeVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(BaseException):
        pass

    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    monkeypatch.setattr("markets.services.candle_rows.candles_upsert", stop)
    with pytest.raises(Stopped):
        sync(page=10)

    assert series().claimed_until is None


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_not_do_the_same_work_twice(venue: FakeVenue, settings: Any) -> None:
    settings.TRADING_SYMBOLS = ("BTCUSDT", "ETHUSDT")
    sync(page=10, backfill_pages=0)
    venue.now, venue.asked = NOW + MINUTE, []
    real, entered, over = venue.candles, threading.Event(), threading.Event()
    results: list[SyncResult] = []

    async def wait_for_the_other(*arguments: Any, **options: Any) -> Any:
        entered.set()
        assert await asyncio.to_thread(over.wait, 10)
        return await real(*arguments, **options)

    venue.candles = wait_for_the_other  # type: ignore[method-assign]

    def second() -> None:
        entered.wait(10)
        results.append(sync(NOW + MINUTE + timedelta(seconds=1), page=10, backfill_pages=0))
        over.set()
        connection.close()

    other = threading.Thread(target=second)
    other.start()
    first = sync(NOW + MINUTE, page=10, backfill_pages=0)
    other.join()

    assert (first.series, first.candles) == (2, 2)
    assert results == [SyncResult()]
    assert len(venue.asked) == 2


def test_only_the_series_that_were_asked_for_are_synced(venue: FakeVenue, settings: Any) -> None:
    settings.TRADING_INTERVALS = ("1m", "1h")
    sync(page=10, backfill_pages=0)
    hourly = CandleSeries.objects.get(interval="1h")
    venue.asked = []

    assert sync(only=[hourly.pk], page=10, backfill_pages=0).series == 1
    assert [asked[2] for asked in venue.asked] == ["1h"]


def test_a_series_that_the_settings_no_longer_name_rests_and_goes_on_later(venue: FakeVenue, settings: Any) -> None:
    sync(page=10, backfill_pages=0)
    settings.TRADING_INTERVALS = ("1h",)
    sync(page=10, backfill_pages=0)
    assert not CandleSeries.objects.get(interval="1m").active
    settings.TRADING_INTERVALS = ("1m",)

    sync(page=10, backfill_pages=0)

    assert series().interval == "1m"
    assert series().rows == 10


def test_daily_candles_outlive_those_of_minutes(venue: FakeVenue, settings: Any) -> None:
    settings.TRADING_INTERVALS = ("1m", "1d")
    settings.CANDLE_RETENTION = ("1d=300",)
    sync(backfill_pages=9)
    assert Candle.objects.filter(interval="1d").count() == 300
    assert Candle.objects.filter(interval="1m").count() == DAY_OF_MINUTES

    candles_prune(now=NOW + timedelta(days=1))

    assert Candle.objects.filter(interval="1d").count() == 299
    assert Candle.objects.filter(interval="1m").count() == 0


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


def test_the_newest_price_is_as_old_as_the_last_look_or_as_the_last_candle(venue: FakeVenue) -> None:
    sync(page=10, backfill_pages=0)
    status = series()

    assert status.lag(NOW + timedelta(seconds=9)) == timedelta(seconds=9)
    status.newest_open_time = THIS_MINUTE - timedelta(hours=1)
    assert status.lag(NOW) == timedelta(minutes=59, seconds=20)
    assert CandleSeries().lag(NOW) is None


def test_a_market_known_before_is_found_without_asking_the_venue_for_its_markets(venue: FakeVenue) -> None:
    sync(page=10, backfill_pages=0)
    venue.broken = {"markets": VenueDown("closed")}

    assert sync(page=10, backfill_pages=0).failed == 0
    assert Market.objects.count() == 2
