"""A simulated exchange for the tests of this app."""

from collections.abc import Iterator

import pytest

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
