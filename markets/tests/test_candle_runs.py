"""Which series a run works on: each is claimed once, those that were asked for, and as long as they are wanted."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from markets.models import Candle, CandleSeries
from markets.services.candles import CLAIM, SyncResult, candles_prune
from markets.tests.candle_kit import DAY_OF_MINUTES, MINUTE, NOW, series, sync
from markets.tests.fakes import FakeVenue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_day_of_minutes")]


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
