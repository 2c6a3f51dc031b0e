"""Prices: the newest of each part wins, digits stay, one round trip, and nothing known is as good as stale."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
import redis
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copytrade.lib.redis import client
from markets.models import Market
from markets.prices import is_stale, price_for, prices_of, prices_read, prices_write
from markets.venues.base import PriceReport
from markets.venues.vocabulary import MarketKind

T0 = datetime(2026, 3, 10, 12, tzinfo=UTC)
SPOT, USD_M = MarketKind.SPOT, MarketKind.USD_M


def report(symbol: str = "BTCUSDT", seconds: float = 0, kind: MarketKind = SPOT, **prices: str) -> PriceReport:
    values: dict[str, Any] = {name: Decimal(text) for name, text in prices.items()}
    return PriceReport(symbol, kind, T0 + timedelta(seconds=seconds), **values)


def read(symbol: str = "BTCUSDT") -> PriceReport:
    return prices_read("binance", SPOT, [symbol])[symbol]


@pytest.fixture(autouse=True)
def _no_prices(settings: Any) -> None:
    client(settings.REDIS_URL).delete(*(f"copytrade:prices:binance:{kind}" for kind in MarketKind))


def test_a_price_comes_back_with_all_its_digits() -> None:
    prices_write("binance", [report(last="86232.123456789012345678", bid="0.000000000001")])

    assert read() == report(last="86232.123456789012345678", bid="0.000000000001")


def test_an_older_report_does_not_replace_a_newer_one() -> None:
    prices_write("binance", [report(seconds=2, last="102")])
    prices_write("binance", [report(seconds=1, last="101")])
    prices_write("binance", [report(seconds=4, last="104"), report(seconds=3, last="103")])

    assert read() == report(seconds=4, last="104")


def test_parts_from_different_streams_stand_beside_each_other() -> None:
    prices_write("binance", [report(seconds=1, bid="99", ask="101")])

    merged = prices_write("binance", [report(seconds=2, mark="100.5")])

    assert merged == [read()] == [report(seconds=2, bid="99", ask="101", mark="100.5")]


def test_a_part_that_was_not_told_for_long_is_left_out(settings: Any) -> None:
    prices_write("binance", [report(last="100", mark="100")])
    prices_write("binance", [report(seconds=settings.PRICE_STALE_AFTER_SECONDS + 1, mark="120")])

    assert read() == report(seconds=settings.PRICE_STALE_AFTER_SECONDS + 1, mark="120")


def test_kinds_and_venues_are_kept_apart_and_unknown_symbols_left_out() -> None:
    prices_write("binance", [report(last="1"), report(kind=USD_M, last="2"), report("ETHUSDT", last="3")])

    assert prices_read("binance", SPOT, ["BTCUSDT", "ETHUSDT", "NOPE"]).keys() == {"BTCUSDT", "ETHUSDT"}
    assert prices_read("binance", USD_M, ["BTCUSDT"])["BTCUSDT"].last == 2
    assert prices_read("kraken", SPOT, ["BTCUSDT"]) == {}
    assert prices_read("binance", SPOT, []) == {}


def test_a_report_that_tells_nothing_changes_nothing() -> None:
    assert prices_write("binance", [report()]) == []
    assert prices_read("binance", SPOT, ["BTCUSDT"]) == {}


def test_prices_of_markets_of_several_venues_take_one_round_trip(settings: Any) -> None:
    prices_write("binance", [report(last="1"), report(kind=USD_M, last="2")])
    markets = [
        Market(pk=1, venue="binance", kind="spot", symbol="BTCUSDT"),
        Market(pk=2, venue="binance", kind="usd_m", symbol="BTCUSDT"),
        Market(pk=3, venue="kraken", kind="spot", symbol="BTC/USD"),
    ]
    connection = client(settings.REDIS_URL)
    with patch.object(connection, "pipeline", wraps=connection.pipeline) as pipeline:
        found = prices_of(markets)

    assert {key: price.last for key, price in found.items()} == {1: 1, 2: 2}
    assert pipeline.call_count == 1


def test_without_redis_no_price_is_known(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert prices_read("binance", SPOT, ["BTCUSDT"]) == {}
    with pytest.raises(redis.exceptions.RedisError):
        prices_write("binance", [report(last="1")])


def test_a_price_is_stale_after_the_configured_time(settings: Any) -> None:
    settings.PRICE_STALE_AFTER_SECONDS = 15

    assert not is_stale(report(last="1"), T0 + timedelta(seconds=15))
    assert is_stale(report(last="1"), T0 + timedelta(seconds=16))
    assert is_stale(None, T0)


def test_the_next_best_price_stands_in() -> None:
    full = report(last="100", bid="98", ask="100", mark="97")

    assert [price_for(full, use) for use in ("last", "mid", "mark")] == [100, 99, 97]
    assert [price_for(report(mark="97"), use) for use in ("last", "mid", "mark")] == [97, 97, 97]
    assert price_for(report(bid="98"), "mid") is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.permutations([(0, "1"), (1, "2"), (2, "3"), (3, "4"), (4, "5")]), st.integers(1, 4))
def test_whatever_the_order_of_arrival_the_newest_wins(arrivals: list[tuple[int, str]], cut: int) -> None:
    client(django_settings.REDIS_URL).delete("copytrade:prices:binance:spot")
    reports = [report(seconds=seconds, last=price) for seconds, price in arrivals]
    prices_write("binance", reports[:cut])
    prices_write("binance", reports[cut:])

    assert read() == report(seconds=4, last="5")
