"""Series that fail say so in their own row, keep what they got, and stop no others."""

from typing import Any

import pytest

from markets.models import CandleSeries, Market, MarketRefresh
from markets.tests.candle_kit import DAY_OF_MINUTES, MINUTE, NOW, opens, series, sync
from markets.tests.fakes import FakeVenue
from markets.venues.errors import VenueDown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_day_of_minutes")]


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


def test_a_market_known_before_is_found_without_asking_the_venue_for_its_markets(venue: FakeVenue) -> None:
    sync(page=10, backfill_pages=0)
    venue.broken = {"markets": VenueDown("closed")}

    assert sync(page=10, backfill_pages=0).failed == 0
    assert Market.objects.count() == 2
