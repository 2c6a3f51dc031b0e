"""What a follower may set, and whether it fits together (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from copytrade.billing.limits import LIMITS, limits_problems
from replication.vocabulary import MinimumPolicy, Strategy

Problem = dict[str, str]
NEEDED = {
    Strategy.FIXED_RATIO: "ratio",
    Strategy.PERCENTAGE: "percentage",
    Strategy.FIXED_QUANTITY: "fixed_quantity",
    Strategy.FIXED_AMOUNT: "fixed_amount",
    Strategy.MULTIPLIER_TIERS: "tiers",
}
AMOUNTS = (
    "ratio",
    "percentage",
    "fixed_quantity",
    "fixed_amount",
    "allocated",
    "max_order",
    "max_symbol",
    "max_exposure",
    "max_leverage",
    "max_daily_loss",
    "max_drawdown_percent",
    "max_slippage_percent",
)
MOST = {"ratio": Decimal(1000), "percentage": Decimal(100)}
MOST_TIERS, MOST_SYMBOLS = 20, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CopySettings:
    """All that a follower decides about a copy; the fields are those of `Copy`."""

    strategy: Strategy = Strategy.FIXED_RATIO
    ratio: Decimal | None = None
    percentage: Decimal | None = None
    fixed_quantity: Decimal | None = None
    fixed_amount: Decimal | None = None
    tiers: tuple[Mapping[str, str], ...] = ()
    inverted: bool = False
    allocated: Decimal | None = None
    max_order: Decimal | None = None
    max_symbol: Decimal | None = None
    max_exposure: Decimal | None = None
    max_positions: int | None = None
    max_leverage: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    max_slippage_percent: Decimal | None = None
    max_signal_age_seconds: int = 60
    allowed_symbols: tuple[str, ...] = ()
    denied_symbols: tuple[str, ...] = ()
    minimum_policy: MinimumPolicy = MinimumPolicy.SKIP
    copy_open_positions: bool = False
    trading_hours: Mapping[str, Any] | None = None


def settings_problems(settings: CopySettings) -> Iterator[Problem]:
    """Yield all that is wrong with settings, each with the `path` of its field and a `message`."""
    needed = NEEDED.get(settings.strategy)
    if needed and not getattr(settings, needed):
        yield _problem(needed, f"is needed for {settings.strategy}")
    for name in AMOUNTS:
        if name not in LIMITS:
            yield from _amount_problems(name, getattr(settings, name))
    yield from limits_problems({name: getattr(settings, name) for name in LIMITS})
    if both := sorted(set(settings.allowed_symbols) & set(settings.denied_symbols)):
        yield _problem("denied_symbols", f"{', '.join(both)} cannot be allowed and denied")
    yield from tier_problems(settings.tiers)
    yield from hours_problems(settings.trading_hours)


def _amount_problems(name: str, value: Decimal | None) -> Iterator[Problem]:
    if value is None:
        return
    if not value.is_finite() or value <= 0:
        yield _problem(name, "must be more than 0")
    elif name in MOST and value > MOST[name]:
        yield _problem(name, f"must be at most {MOST[name]}")


def tier_problems(tiers: tuple[Mapping[str, str], ...]) -> Iterator[Problem]:
    """Yield what is wrong with tiers: each begins at another worth, and multiplies by more than 0."""
    if len(tiers) > MOST_TIERS:
        yield _problem("tiers", f"must be at most {MOST_TIERS}")
    starts = [Decimal(tier["from"]) for tier in tiers]
    if len(set(starts)) < len(starts):
        yield _problem("tiers", "two of them begin at the same worth")
    for index, tier in enumerate(tiers):
        if Decimal(tier["from"]) < 0:
            yield _problem(f"tiers[{index}].from", "must be 0 or more")
        if not 0 < Decimal(tier["multiplier"]) <= MOST["ratio"]:
            yield _problem(f"tiers[{index}].multiplier", f"must be more than 0 and at most {MOST['ratio']}")


def hours_problems(hours: Mapping[str, Any] | None) -> Iterator[Problem]:
    """Yield what is wrong with trading hours."""
    if not hours:
        return
    try:
        ZoneInfo(str(hours["zone"]))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield _problem("trading_hours.zone", "is not a time zone, such as Asia/Kolkata")
    if not hours["days"]:
        yield _problem("trading_hours.days", "must name at least one day, 0 is Monday")
    if hours["from"] == hours["to"]:
        yield _problem("trading_hours.to", "must differ from the beginning")


def _problem(path: str, message: str) -> Problem:
    return {"path": path, "message": message}
