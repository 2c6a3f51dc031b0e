"""System checks of the settings about markets."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

from markets.intervals import INTERVALS
from markets.venues.vocabulary import MarketKind


def check_markets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report words in the settings that name no interval, no market type, or no number of days."""
    return [Error(message, hint=hint, id=identifier) for identifier, message, hint in _problems()]


def _problems() -> Iterator[tuple[str, str, str]]:
    intervals, kinds = ", ".join(INTERVALS), ", ".join(MarketKind)
    for word in settings.TRADING_INTERVALS:
        if word not in INTERVALS:
            yield (
                "markets.E001",
                f"TRADING_INTERVALS has {word!r}, which is no interval.",
                f"Write some of {intervals}.",
            )
    for word in settings.TRADING_MARKET_TYPES:
        if word not in set(MarketKind):
            yield "markets.E002", f"TRADING_MARKET_TYPES has {word!r}, which is no type.", f"Write some of {kinds}."
    for entry in settings.CANDLE_RETENTION:
        interval, _, days = entry.partition("=")
        if interval not in INTERVALS or not (days.isascii() and days.isdigit() and 0 < int(days) <= 36_500):
            yield "markets.E003", f"CANDLE_RETENTION has {entry!r}.", "Write intervals with their days, such as 1h=365."
