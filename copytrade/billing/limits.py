"""Which limits a new copy may begin with, in the words of `replication.Copy`, and which are possible (pure)."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

Figure = Decimal | int
Problem = dict[str, str]

LIMITS = (
    "max_order",
    "max_symbol",
    "max_exposure",
    "max_positions",
    "max_leverage",
    "max_daily_loss",
    "max_drawdown_percent",
    "max_slippage_percent",
    "max_signal_age_seconds",
)
COUNTS = ("max_positions", "max_signal_age_seconds")
MONEY = ("max_order", "max_symbol", "max_exposure", "max_daily_loss")
NARROW_TO_WIDE = ("max_order", "max_symbol", "max_exposure")
MOST = {"max_leverage": Decimal(1000), "max_drawdown_percent": Decimal(100), "max_slippage_percent": Decimal(50)}


def limits_problems(limits: Mapping[str, Figure | None]) -> Iterator[Problem]:
    """Yield all that is wrong with limits, each with the `path` of its field and a `message`; None does not bind."""
    for name in LIMITS:
        value = limits.get(name)
        if value is not None and (message := _wrong(name, value)):
            yield {"path": name, "message": message}
    yield from _order_problems(limits)


def _wrong(name: str, value: Figure) -> str:
    if name in COUNTS:
        return "must be 1 or more" if value < 1 else ""
    if not Decimal(value).is_finite() or value <= 0:
        return "must be more than 0"
    return f"must be at most {MOST[name]}" if name in MOST and value > MOST[name] else ""


def _order_problems(limits: Mapping[str, Figure | None]) -> Iterator[Problem]:
    """A narrower limit that is larger than the wider one would never bind: somebody mixed them up."""
    known = [(name, value) for name in NARROW_TO_WIDE if (value := limits.get(name)) is not None]
    for (narrow, smaller), (wide, larger) in pairwise(known):
        if smaller > larger:
            yield {"path": narrow, "message": f"must not be more than {wide}"}
