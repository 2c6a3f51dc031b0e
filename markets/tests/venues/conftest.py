"""Fixtures for the tests of venues."""

from collections.abc import Iterator

import pytest

from markets.tests.venues.connections_kit import carrier  # noqa: F401  (a fixture)
from markets.tests.venues.exchange import House, house


@pytest.fixture
def spot() -> Iterator[House]:
    """Binance's spot market."""
    with house("binance") as opened:
        yield opened


@pytest.fixture
def usd_m() -> Iterator[House]:
    """Binance's USD-M market."""
    with house("binanceusdm") as opened:
        yield opened


@pytest.fixture
def coin_m() -> Iterator[House]:
    """Binance's COIN-M market."""
    with house("binancecoinm") as opened:
        yield opened
