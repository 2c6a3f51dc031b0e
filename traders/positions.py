"""What a complete report changes about the positions of a leader (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import msgspec

from traders.fills import empty_object


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """An open position; `size` is signed. `change` is what a plan does with it: opened, updated, moved, closed."""

    symbol: str
    side: str
    size: Decimal
    entry_price: Decimal
    mark_price: Decimal | None
    leverage: Decimal | None
    margin_usdt: Decimal | None
    margin_type: str
    pnl_usdt: Decimal | None
    roe_pct: Decimal | None
    contract_type: str = ""
    size_asset: str = ""
    raw: msgspec.Raw = field(default_factory=empty_object)
    id: UUID | None = None
    change: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """Return symbol and side: a hedging leader holds both sides of a symbol at once."""
        return self.symbol, self.side

    @property
    def traded(self) -> tuple[object, ...]:
        """Return what only the leader's own doing changes; the rest moves with the market."""
        return self.size, self.entry_price, self.leverage, self.margin_type, self.contract_type

    @property
    def shown(self) -> tuple[object, ...]:
        """Return all figures that people see."""
        return (*self.traded, self.mark_price, self.margin_usdt, self.pnl_usdt, self.roe_pct, self.size_asset)


@dataclass(frozen=True, slots=True)
class PositionPlan:
    """What to write: each position that opened, was changed by the leader, moved with the market, or closed."""

    positions: Sequence[HeldPosition] = ()

    def having(self, *changes: str) -> list[HeldPosition]:
        """Return the positions with one of these changes."""
        return [position for position in self.positions if position.change in changes]

    @property
    def symbols(self) -> set[str]:
        """Return the symbols whose positions opened, changed or closed."""
        return {position.symbol for position in self.having("opened", "updated", "closed")}


def plan_positions(held: Iterable[HeldPosition], reported: Iterable[HeldPosition]) -> PositionPlan:
    """Compare what is held with a complete report: what it does not list is closed."""
    before = {position.identity: position for position in held}
    planned = []
    for position in sorted(reported, key=lambda position: position.identity):
        known = before.pop(position.identity, None)
        if known is None:
            planned.append(replace(position, id=uuid4(), change="opened"))
        elif known.shown != position.shown:
            change = "moved" if known.traded == position.traded else "updated"
            planned.append(replace(position, id=known.id, change=change))
    closed = sorted(before.values(), key=lambda position: position.identity)
    return PositionPlan([*planned, *(replace(position, change="closed") for position in closed)])


def is_newer(reported: datetime, known: datetime | None, *, now: datetime, tolerance: timedelta) -> bool:
    """Return whether a report may replace what an earlier one said.

    A report from the future is believed until one comes whose clock is right: else a single wrong clock would
    silence its leader until that moment is reached.
    """
    if known is None or reported > known:
        return True
    latest = now + tolerance
    return known > latest and reported <= latest
