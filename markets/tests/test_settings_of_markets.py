"""Words in the settings that name nothing are reported at the start."""

from typing import Any

import pytest

from markets.checks import check_markets
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
