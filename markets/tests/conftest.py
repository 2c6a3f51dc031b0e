"""A simulated exchange, and what the tests of candles share."""

from collections.abc import Iterator

import pytest

from markets.tests.candle_kit import one_day_of_minutes, venue  # noqa: F401  (fixtures)
from markets.venues.registry import adapters_close
from tests.contract.addresses import pointed_at
from tests.simulators.binance import BinanceSimulator


@pytest.fixture
def exchange() -> Iterator[BinanceSimulator]:
    """Binance on loopback, which the venues of this process speak to until the test ends."""
    with BinanceSimulator() as simulator, pointed_at(simulator):
        adapters_close()
        try:
            yield simulator
        finally:
            adapters_close()
