"""System checks of the settings about markets, and of the registry of venues."""

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

from markets.intervals import INTERVALS
from markets.venues.iifl.house import read_hours
from markets.venues.registry import FIRST_CLASS, GENERIC, PAPER, venues
from markets.wanted import VENUES


def check_markets(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report words in the settings that name no interval, no market type, or no number of days."""
    return [Error(message, hint=hint, id=identifier) for identifier, message, hint in _problems()]


def _problems() -> Iterator[tuple[str, str, str]]:
    intervals, kinds = ", ".join(INTERVALS), ", ".join(VENUES)
    for word in settings.TRADING_INTERVALS:
        if word not in INTERVALS:
            yield (
                "markets.E001",
                f"TRADING_INTERVALS has {word!r}, which is no interval.",
                f"Write some of {intervals}.",
            )
    for word in settings.TRADING_MARKET_TYPES:
        if word not in set(VENUES):
            yield "markets.E002", f"TRADING_MARKET_TYPES has {word!r}, which is no type.", f"Write some of {kinds}."
    for entry in settings.CANDLE_RETENTION:
        interval, _, days = entry.partition("=")
        if interval not in INTERVALS or not (days.isascii() and days.isdigit() and 0 < int(days) <= 36_500):
            yield "markets.E003", f"CANDLE_RETENTION has {entry!r}.", "Write intervals with their days, such as 1h=365."
    try:
        read_hours(settings.IIFL_MARKET_HOURS)
    except ValueError:
        hint = "Write hours of India such as 09:15-15:30, or always."
        yield "markets.E007", f"IIFL_MARKET_HOURS has {settings.IIFL_MARKET_HOURS!r}, which are no hours.", hint
    yield from _venue_problems()


def _venue_problems() -> Iterator[tuple[str, str, str]]:
    """Look at venues without loading them: importing ccxt takes more than a second."""
    exchanges = _exchanges_of_ccxt()
    first = {info.slug for info in FIRST_CLASS}
    for slug in settings.CCXT_EXCHANGES:
        if slug in first or slug not in exchanges:
            hint = "Write names of exchanges as ccxt has them, such as bybit; Binance is always there."
            yield "markets.E004", f"CCXT_EXCHANGES has {slug!r}, which is no exchange of ccxt's.", hint
    factories = {GENERIC, PAPER, *(info.factory for info in venues().values())}
    for factory in sorted(factories):
        if find_spec(factory.partition(":")[0]) is None:
            yield "markets.E005", f"There is no module for the venue's factory {factory}.", "See docs/add-a-venue.md."
    for info in venues().values():
        if not re.fullmatch(info.capabilities.client_order_id, "0" * 32):
            hint = "Our ids are 32 hexadecimal digits; the venue needs a rule of its own."
            yield "markets.E006", f"{info.slug} does not take our client order ids.", hint


def _exchanges_of_ccxt() -> set[str]:
    spec = find_spec("ccxt")
    folders = spec.submodule_search_locations if spec else None
    return {file.stem for folder in folders or () for file in Path(folder, "async_support").glob("[a-z]*.py")}
