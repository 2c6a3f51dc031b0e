"""How many statements pushes and candles need: unlike time, the same on every machine."""

import pytest

from benchmarks import bench_candles
from benchmarks.bench_ingest import TARGETS, count_statements
from markets.venues.registry import adapters_close
from tests.contract.addresses import pointed_at
from tests.simulators.binance import BinanceSimulator

KEY = "benchmark-key-of-more-than-twenty-characters"


@pytest.mark.django_db(transaction=True)
def test_pushes_stay_within_their_statements(settings):
    settings.INGEST_API_KEY = KEY

    counts = count_statements(KEY)

    assert all(counts["environment"][size] <= target for size, target in TARGETS.items()), counts
    assert counts["database"] == {size: count + 1 for size, count in counts["environment"].items()}


@pytest.mark.django_db(transaction=True)
def test_four_thousand_candles_stay_within_their_statements(settings):
    settings.TRADING_SYMBOLS = bench_candles.SYMBOLS
    settings.TRADING_INTERVALS = bench_candles.INTERVALS
    settings.TRADING_MARKET_TYPES = bench_candles.MARKET_TYPES

    with BinanceSimulator() as exchange, pointed_at(exchange):
        adapters_close()
        try:
            results = bench_candles.measure_sync(bench_candles.Plan(rounds=1, past_pages=0))
        finally:
            adapters_close()

    assert results["candles"] == bench_candles.CANDLES
    assert results["statements"] <= 11, results
    assert results["again"]["statements"] <= 11, results
