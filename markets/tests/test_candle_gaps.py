"""Candles that the venue does not have itself: remembered once that is sure, and not asked for again for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from copytrade.lib.wire import to_milliseconds
from markets.fetching import SeriesPlan, fetch_series
from markets.intervals import shift
from markets.models import Candle
from markets.services.candles import DOUBT
from markets.tests.candle_kit import DAY_OF_MINUTES, MINUTE, NOW, THIS_MINUTE, minutes, opens, series, sync
from markets.tests.fakes import FakeVenue
from markets.venues.vocabulary import MarketKind

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_day_of_minutes")]


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
