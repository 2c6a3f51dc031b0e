"""What a complete report changes about the positions of a leader (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """An open position; `size` is signed."""

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
    raw: str = "{}"
    id: UUID | None = None
    opened_at: datetime | None = None

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
    """What to write: opened, changed by the leader, moved by the market, closed."""

    opened: Sequence[HeldPosition] = ()
    updated: Sequence[HeldPosition] = ()
    moved: Sequence[HeldPosition] = ()
    closed: Sequence[HeldPosition] = ()

    @property
    def symbols(self) -> set[str]:
        """Return the symbols whose positions opened, changed or closed."""
        return {position.symbol for position in (*self.opened, *self.updated, *self.closed)}


def plan_positions(held: Iterable[HeldPosition], reported: Iterable[HeldPosition]) -> PositionPlan:
    """Compare what is held with a complete report: what it does not list is closed."""
    before = {position.identity: position for position in held}
    opened, updated, moved = [], [], []
    for position in sorted(reported, key=lambda position: position.identity):
        known = before.pop(position.identity, None)
        if known is None:
            opened.append(position)
        elif known.traded != position.traded:
            updated.append(replace(position, id=known.id, opened_at=known.opened_at))
        elif known.shown != position.shown:
            moved.append(replace(position, id=known.id, opened_at=known.opened_at))
    return PositionPlan(opened, updated, moved, sorted(before.values(), key=lambda position: position.identity))


def is_newer(reported: datetime, known: datetime | None, *, now: datetime, tolerance: timedelta) -> bool:
    """Return whether a report may replace what an earlier one said.

    A report from the future is believed until one comes whose clock is right: else a single wrong clock would
    silence its leader until that moment is reached.
    """
    if known is None or reported > known:
        return True
    latest = now + tolerance
    return known > latest and reported <= latest
