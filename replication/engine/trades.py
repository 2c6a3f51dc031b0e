"""A leader's trades into changes of the leader's positions, whatever they were read from (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from replication.moves import Move, moves_of, walk_back
from replication.telling import stored
from replication.vocabulary import EXITS, Action, PositionWord

ZERO, ONE = Decimal(0), Decimal(1)
PRECISION = 60
# Fills of one order come together; what comes later is another decision of the leader's.
LONGEST_GAP = timedelta(seconds=10)
MOST = Decimal(10) ** 28  # of what is set aside: less than a column takes, and more than there is of anything


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrade:
    """One trade of a leader. `signed` changes the position: of `side`, or in one-way mode (no side) of both as one.

    `unit` is how many coins one unit of `signed` is. For each `net` that the position changed, `gross` was traded: more
    where the fee was taken out of the coins bought. `order_quantity` is how large the leader's order is,
    where that is known. One that is `known` has had its signal: it tells only what became of those before it. One that
    is set `aside` will have its own later: it tells only what the position was. `era` is how many of these are before.
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
    order_quantity: Decimal | None = None
    gross: Decimal = ONE
    net: Decimal = ONE
    known: bool = False
    aside: bool = False
    era: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Trades in a row that change one position one way. Quantities are in coins; `exits` names each part's kind.

    `order_share` is which part of the leader's order was traded. What is `superseded` opened something that the leader
    had closed again before it became known. What is `in_doubt` is the less of two, since it depends on whether trades
    that cannot be taken up have happened. What is not `shown` is more than the leader held right after it.
    """

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
    order_share: Decimal | None = None
    superseded: bool = False
    in_doubt: bool = False
    shown: bool = True

    @property
    def exits(self) -> bool:
        """Return whether it makes the position smaller."""
        return self.action in EXITS

    @property
    def does(self) -> Decimal:
        """Return how much it does to a position: the fraction that it closes, or the coins that it opens."""
        return self.quantity if self.fraction is None else self.fraction


@dataclass(frozen=True, slots=True)
class Step:
    """One trade's move."""

    trade: SeenTrade
    move: Move
    shown: bool = True

    @property
    def traded(self) -> Decimal:
        """Return how much was traded for it; multiplied first, so that all of a trade is exactly what was traded."""
        return self.move.quantity * self.trade.gross / self.trade.net


def changes_of(trades: Sequence[SeenTrade], after: Decimal, *, step: Decimal = ZERO) -> list[Change]:
    """Return what trades of one position, oldest first, did to it; `after` is what is held now, in their unit.

    What is left of a position and is less than `step` cannot be traded: it counts as closed. A trade that became known
    after later ones counts for as much of it as these have left. Those that are set aside bring nothing themselves.
    """
    with localcontext(prec=PRECISION):
        whole = _walked(trades, after, step)
        left = _left_of(whole)
        steps = _sound(_walked(list(_fresh(trades, left)), after, step))
        gone = [each for each in _sound(whole) if not each.trade.known and not left[each.trade.fact_id]]
        changes = [*_superseded(gone), *(_change(group, _closed_by_order(steps)) for group in _groups(steps))]
        return sorted(changes, key=lambda change: change.event_time)


def changes_of_doubtful(
    trades: Sequence[SeenTrade], after: Decimal, otherwise: Decimal | None, *, step: Decimal = ZERO
) -> list[Change]:
    """Return the same where it is not certain that the trades set aside have happened.

    `otherwise` is what is held now if they have not, None where they certainly have. Of each change the one that does
    less is taken: a smaller fraction, or less opened.
    """
    changes = changes_of(trades, after, step=step)
    if otherwise is None:
        return changes
    never = [replace(trade, signed=ZERO) if trade.aside else trade for trade in trades]
    by_facts = {(other.fact_ids, other.exits): other for other in changes_of(never, otherwise, step=step)}
    return [_lesser(change, by_facts.get((change.fact_ids, change.exits), change)) for change in changes]


def _lesser(one: Change, other: Change) -> Change:
    if (one.does, one.superseded) == (other.does, other.superseded):
        return one
    return replace(min(one, other, key=lambda change: (not change.superseded, change.does)), in_doubt=True)


def _fresh(trades: Sequence[SeenTrade], left: Mapping[int, Decimal]) -> Iterator[SeenTrade]:
    """Return what has had no signal, each for as much as is left of it."""
    era = 0
    for trade in trades:
        if not trade.known:
            yield replace(trade, signed=trade.signed * left.get(trade.fact_id, ONE), era=era)
        era += trade.aside


def _sound(steps: Iterable[Step]) -> list[Step]:
    return [each for each in steps if not each.trade.aside]


def _walked(trades: Sequence[SeenTrade], after: Decimal, step: Decimal) -> list[Step]:
    walked = walk_back(after, [trade.signed for trade in trades])
    return [
        Step(trade, move, shown=trade.side is None or before >= ZERO)
        for trade, (before, _) in zip(trades, walked, strict=True)
        if trade.signed
        for move in _moves(trade, before, step)
    ]


def _left_of(steps: Sequence[Step]) -> Mapping[int, Decimal]:
    """Return for each trade which part of it known exits after it have left."""
    left: dict[int, Decimal] = {}
    kept = ONE
    for step in reversed(steps):
        left.setdefault(step.trade.fact_id, kept)
        if step.trade.known and step.move.action in EXITS:
            kept *= ONE - (ONE if step.move.fraction is None else step.move.fraction)
    return left


def _moves(trade: SeenTrade, before: Decimal, step: Decimal) -> Iterable[Move]:
    if trade.side is None:
        moves = moves_of(before, trade.signed)
    else:
        sign = 1 if trade.side == PositionWord.LONG else -1
        moves = moves_of(sign * max(before, ZERO), sign * trade.signed, hedge_side=trade.side)
        # The leader closed what nobody knew of: whoever copied it must not keep it.
        moves = moves or [Move(Action.CLOSE, trade.side, abs(trade.signed), ONE, ZERO)]
    return [_without_dust(move, step) for move in moves]


def _without_dust(move: Move, step: Decimal) -> Move:
    if move.action == Action.REDUCE and abs(move.position_before) - move.quantity < step:
        return move._replace(action=Action.CLOSE, fraction=ONE)
    return move


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
    together = step.trade.time - last.trade.time <= LONGEST_GAP and step.trade.order_id == last.trade.order_id
    return same_way and together and last.trade.era == step.trade.era and last.move.action != Action.CLOSE


def _closed_by_order(steps: Sequence[Step]) -> Mapping[int | None, Decimal]:
    """Return how much of each order closed something: the rest of it is what an entry is a share of."""
    closed: dict[int | None, Decimal] = {}
    for step in steps:
        if step.move.action in EXITS:
            closed[step.trade.order_id] = closed.get(step.trade.order_id, ZERO) + step.move.quantity
    return closed


def _change(group: Sequence[Step], closed: Mapping[int | None, Decimal]) -> Change:
    first, last = group[0], group[-1]
    quantity = sum((step.traded for step in group), ZERO)
    worth = sum((step.traded * step.trade.price for step in group), ZERO)
    exits = first.move.action in EXITS
    unit = first.trade.unit
    return Change(
        action=last.move.action if exits else first.move.action,
        symbol=first.trade.symbol,
        side=first.move.side,
        quantity=quantity * unit,
        price=worth / quantity if quantity else first.trade.price,
        fraction=_fraction(group) if exits else None,
        position_before=abs(first.move.position_before) * unit,
        fact_ids=tuple(step.trade.fact_id for step in group),
        event_time=first.trade.time,
        detected_at=min(step.trade.detected_at for step in group),
        order_id=first.trade.order_id,
        order_share=None if exits else _share(first.trade, quantity, closed),
        shown=all(step.shown for step in group),
    )


def _fraction(group: Sequence[Step]) -> Decimal:
    if group[-1].move.action == Action.CLOSE:
        return ONE
    before, closed = abs(group[0].move.position_before), sum((step.move.quantity for step in group), ZERO)
    return stored(min(ONE, closed / before))


def _share(trade: SeenTrade, quantity: Decimal, closed: Mapping[int | None, Decimal]) -> Decimal | None:
    opening = (trade.order_quantity or ZERO) - closed.get(trade.order_id, ZERO)
    return stored(min(ONE, quantity / opening)) if opening > 0 else None


def _superseded(gone: Sequence[Step]) -> Iterator[Change]:
    """Tell of entries that came to nothing; exits that came to nothing concern nobody."""
    for step in gone:
        if step.move.action not in EXITS:
            yield replace(_change([step], {}), superseded=True)
