"""What the tests of candles share: a day of Bitcoin's minutes, and a venue that has them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from markets.models import Candle, CandleSeries
from markets.services.candles import SyncResult, candles_sync
from markets.tests.fakes import FakeVenue, venues

MINUTE = timedelta(minutes=1)
THIS_MINUTE = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOW = THIS_MINUTE + timedelta(seconds=20)
DAY_OF_MINUTES = 1440


@pytest.fixture
def one_day_of_minutes(settings: Any) -> None:
    """Keep candles of one minute, of one spot market, for one day."""
    settings.TRADING_SYMBOLS = ("BTCUSDT",)
    settings.TRADING_INTERVALS = ("1m",)
    settings.TRADING_MARKET_TYPES = ("spot",)
    settings.CANDLE_RETENTION_DAYS = 1
    settings.CANDLE_RETENTION = ()


@pytest.fixture
def venue() -> Iterator[FakeVenue]:
    """Return the spot venue, which has every candle up to `NOW`."""
    fake = FakeVenue(now=NOW)
    with venues(binance=fake):
        yield fake


def sync(now: datetime = NOW, **options: Any) -> SyncResult:
    """Bring the candles up to date."""
    return candles_sync(now=now, **options)


def opens() -> list[datetime]:
    """Return when the stored candles begin."""
    return list(Candle.objects.order_by("open_time").values_list("open_time", flat=True))


def minutes(first: datetime, last: datetime) -> list[datetime]:
    """Return all minutes from the first to the last."""
    return [first + step * MINUTE for step in range((last - first) // MINUTE + 1)]


def series() -> CandleSeries:
    """Return the one series that is kept."""
    return CandleSeries.objects.get(active=True)
