"""One simulator for all tests of a worker; each test begins anew."""

from collections.abc import Iterator

import pytest

from tests.simulators.binance import BinanceSimulator
from tests.simulators.tests.client import Client


@pytest.fixture(scope="session")
def _running() -> Iterator[BinanceSimulator]:
    with BinanceSimulator() as simulator:
        yield simulator


@pytest.fixture
def exchange(_running: BinanceSimulator) -> BinanceSimulator:
    """An exchange without accounts or faults."""
    _running.reset()
    return _running


@pytest.fixture
def client(exchange: BinanceSimulator) -> Iterator[Client]:
    """A client with a rich account."""
    with Client(exchange, exchange.account()) as made:
        yield made
