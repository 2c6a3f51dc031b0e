"""A leader's trades into changes of the leader's positions, whatever they were read from (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from replication.moves import Move, moves_of, walk_back
from replication.vocabulary import EXITS, Action, PositionWord

ZERO = Decimal(0)
PRECISION = 60
# Fills of one order come together; what comes later is another decision of the leader's.
LONGEST_GAP = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrade:
    """One trade of a leader. `signed` changes the position: of `side`, or in one-way mode (no side) of both as one.

    `unit` is how many coins one unit of `signed` is.
    """

    fact_id: int
    symbol: str
    side: PositionWord | None
    signed: Decimal
    unit: Decimal
    price: Decimal
    time: datetime
    detected_at: datetime
    order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Trades in a row that change one position one way. Quantities are in coins; `exits` names each part's kind."""

    action: Action
    symbol: str
    side: PositionWord
    quantity: Decimal
    price: Decimal | None
    fraction: Decimal | None
    position_before: Decimal
    fact_ids: tuple[int, ...]
    event_time: datetime
    detected_at: datetime
    order_id: int | None

    @property
    def exits(self) -> bool:
        """Return whether it makes the position smaller."""
        return self.action in EXITS


@dataclass(frozen=True, slots=True)
class Step:
    """One trade's move."""

    trade: SeenTrade
    move: Move


def changes_of(trades: Sequence[SeenTrade], after: Decimal) -> list[Change]:
    """Return what trades of one position, oldest first, did to it; `after` is what is held now, in their unit."""
    with localcontext(prec=PRECISION):
        walked = walk_back(after, [trade.signed for trade in trades])
        steps = [
            Step(trade, move)
            for trade, (before, _) in zip(trades, walked, strict=True)
            for move in _moves(trade, before)
        ]
        return [_change(group) for group in _groups(steps)]


def _moves(trade: SeenTrade, before: Decimal) -> Iterable[Move]:
    if trade.side is None:
        return moves_of(before, trade.signed)
    sign = 1 if trade.side == PositionWord.LONG else -1
    moves = moves_of(sign * max(before, ZERO), sign * trade.signed, hedge_side=trade.side)
    # The leader closed what nobody knew of: whoever copied it must not keep it.
    return moves or [Move(Action.CLOSE, trade.side, abs(trade.signed), Decimal(1), ZERO)]


def _groups(steps: Sequence[Step]) -> Iterator[list[Step]]:
    group: list[Step] = []
    for step in steps:
        if group and not _belongs(group[-1], step):
            yield group
            group = []
        group.append(step)
    if group:
        yield group


def _belongs(last: Step, step: Step) -> bool:
    same_way = (last.move.side, last.move.action in EXITS) == (step.move.side, step.move.action in EXITS)
    return same_way and step.trade.time - last.trade.time <= LONGEST_GAP and last.move.action != Action.CLOSE


def _change(group: Sequence[Step]) -> Change:
    first, last = group[0], group[-1]
    quantity = sum((step.move.quantity for step in group), ZERO)
    worth = sum((step.move.quantity * step.trade.price for step in group), ZERO)
    exits = first.move.action in EXITS
    fraction = None
    if exits:
        kept = Decimal(1)
        for step in group:
            kept *= 1 - (step.move.fraction if step.move.fraction is not None else Decimal(1))
        fraction = Decimal(1) if last.move.action == Action.CLOSE else 1 - kept
    unit = first.trade.unit
    return Change(
        action=last.move.action if exits else first.move.action,
        symbol=first.trade.symbol,
        side=first.move.side,
        quantity=quantity * unit,
        price=worth / quantity if quantity else first.trade.price,
        fraction=fraction,
        position_before=abs(first.move.position_before) * unit,
        fact_ids=tuple(step.trade.fact_id for step in group),
        event_time=first.trade.time,
        detected_at=min(step.trade.detected_at for step in group),
        order_id=first.trade.order_id,
    )
