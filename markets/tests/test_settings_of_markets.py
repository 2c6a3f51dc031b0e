"""Words in the settings that name nothing are reported at the start."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from markets.checks import check_markets
from markets.venues import registry
from markets.venues.vocabulary import MarketKind
from markets.wanted import series_wanted, symbol_at


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("TRADING_INTERVALS", ("1m", "7m"), "markets.E001"),
        ("TRADING_MARKET_TYPES", ("spot", "margin"), "markets.E002"),
        ("CANDLE_RETENTION", ("1h=x",), "markets.E003"),
        ("CANDLE_RETENTION", ("1h=0",), "markets.E003"),
        ("CANDLE_RETENTION", ("7m=5",), "markets.E003"),
        ("CANDLE_RETENTION", ("1h",), "markets.E003"),
        ("CANDLE_RETENTION", ("1h=999999",), "markets.E003"),
    ],
)
def test_a_wrong_word_is_named(settings: Any, name: str, value: tuple[str, ...], problem: str) -> None:
    setattr(settings, name, value)

    [found] = check_markets(None)

    assert found.id == problem
    assert repr(value[-1]) in found.msg


@pytest.mark.parametrize("hours", ["9-15", "always open", "09:15", "15:30-9:15"])
def test_hours_that_are_none_are_named(settings: Any, hours: str) -> None:
    settings.IIFL_MARKET_HOURS = hours

    [found] = check_markets(None)

    assert found.id == "markets.E007"


def test_shares_are_no_type_of_the_settings(settings: Any) -> None:
    settings.TRADING_MARKET_TYPES = ("spot", "equity")

    assert [found.id for found in check_markets(None)] == ["markets.E002"]


def test_the_defaults_are_right() -> None:
    assert check_markets(None) == []
    assert len(series_wanted()) == 4 * 5 * 2


@pytest.mark.parametrize(
    ("symbol", "inverse"),
    [("BTCUSDT", "BTCUSD_PERP"), ("BTCUSD", "BTCUSD_PERP"), ("BTCUSD_260327", "BTCUSD_260327")],
)
def test_symbols_are_written_as_their_venue_writes_them(symbol: str, inverse: str) -> None:
    assert symbol_at(MarketKind.COIN_M, symbol) == inverse
    assert symbol_at(MarketKind.USD_M, symbol) == symbol


@pytest.fixture
def fresh_registry() -> Iterator[None]:
    registry.venues.cache_clear()
    yield
    registry.venues.cache_clear()


@pytest.mark.usefixtures("fresh_registry")
@pytest.mark.parametrize("slug", ["nowhere", "binance"])
def test_an_exchange_that_ccxt_does_not_have_or_that_is_there_anyway_is_named(settings: Any, slug: str) -> None:
    settings.CCXT_EXCHANGES = ["bybit", slug]

    [found] = check_markets(None)

    assert found.id == "markets.E004"
    assert repr(slug) in found.msg


@pytest.mark.usefixtures("fresh_registry")
def test_a_venue_without_its_module_or_that_refuses_our_ids_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(registry.FIRST_CLASS[0].capabilities, client_order_id="[0-9]{1,18}")
    odd = replace(registry.FIRST_CLASS[0], slug="odd", factory="markets.venues.missing:make", capabilities=short)
    monkeypatch.setattr(registry, "FIRST_CLASS", (*registry.FIRST_CLASS, odd))

    assert [found.id for found in check_markets(None)] == ["markets.E005", "markets.E006"]
