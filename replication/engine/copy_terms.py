"""The settings of a copy, as its row has them, into the terms that the planner takes."""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from copytrade.lib.words import by_word
from replication.facts import CopyTerms, TradingHours
from replication.vocabulary import CopyState, MinimumPolicy, Strategy

STATES, STRATEGIES, POLICIES = by_word(CopyState), by_word(Strategy), by_word(MinimumPolicy)


def terms_of(row: Any) -> CopyTerms:
    """Return the terms of a copy from its columns; JSON columns come as text."""
    return CopyTerms(  # by place: by name it takes twice as long
        STATES[row.state],
        STRATEGIES[row.strategy],
        row.started_at,
        row.resumed_at,
        row.ratio,
        row.percentage,
        row.fixed_quantity,
        row.fixed_amount,
        tiers_of(row.tiers),
        row.inverted,
        row.max_order,
        row.max_symbol,
        row.max_exposure,
        row.max_positions,
        row.max_leverage,
        row.max_daily_loss,
        row.max_slippage_percent,
        row.max_signal_age_seconds,
        frozenset(row.allowed_symbols),
        frozenset(row.denied_symbols),
        POLICIES[row.minimum_policy],
        hours_of(row.trading_hours),
    )


@lru_cache(maxsize=1024)
def tiers_of(text: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the tiers of a copy, from the smallest worth on; none where they cannot be read."""
    try:
        tiers = msgspec.json.decode(text, type=list[dict[str, Decimal]])
        return tuple(sorted((tier["from"], tier["multiplier"]) for tier in tiers))
    except (msgspec.DecodeError, KeyError):
        return ()


@lru_cache(maxsize=1024)
def hours_of(text: str) -> TradingHours | None:
    """Return the trading hours of a copy, None for always; such as never are where they cannot be read."""
    hours = msgspec.json.decode(text)
    if not hours:
        return None
    try:
        return TradingHours(
            zone=hours["zone"],
            days=frozenset(hours["days"]),
            since=_minute(hours["from"]),
            until=_minute(hours["to"]),
        )
    except (KeyError, TypeError, ValueError):
        return TradingHours(zone="", days=frozenset(), since=0, until=0)


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
