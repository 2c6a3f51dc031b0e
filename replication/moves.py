"""What trades did to a position: opened, increased, reduced or closed it, or turned it round (pure).

Positions are signed, short is negative. Everything is counted in one unit, whichever the caller's is.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from replication.facts import ZERO
from replication.telling import stored
from replication.vocabulary import Action, PositionWord

PRECISION = 130  # digits: amounts as they are stored, multiplied
DUST = Decimal("1e-9")  # of the position before: what is left of it, or goes beyond it, is noise of the source
ALL = Decimal(1)


class Move(NamedTuple):
    """One change of a position. `quantity` is positive; `fraction` is None for what opens or increases.

    `position_before` is signed, as the move found it.
    """

    action: Action
    side: PositionWord
    quantity: Decimal
    fraction: Decimal | None
    position_before: Decimal


def walk_back(after: Decimal, signed: Sequence[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """Return the position before and after each trade, from what is held after the last; trades are in time order."""
    steps = []
    with localcontext(prec=PRECISION):
        for quantity in reversed(signed):
            before = after - quantity
            steps.append((before, after))
            after = before
    return steps[::-1]


def moves_of(before: Decimal, signed_quantity: Decimal, *, hedge_side: PositionWord | None = None) -> list[Move]:
    """Return what a trade (bought: positive) does: one move; two where it turns a position; none for nothing.

    With `hedge_side` the position is that side of a hedging account: it never turns, selling more than is held closes
    it, and selling what is not held does nothing.
    """
    with localcontext(prec=PRECISION):
        if hedge_side is not None:
            return _hedged(before, signed_quantity, hedge_side)
        if not before or (before > 0) == (signed_quantity > 0):
            return _entry(before, signed_quantity, _side(signed_quantity))
        moves = _exit(before, abs(signed_quantity))
        beyond = before + signed_quantity
        if (beyond > 0) == (signed_quantity > 0) and abs(beyond) > abs(before) * DUST:
            moves += _entry(ZERO, beyond, _side(signed_quantity))
        return moves


def _hedged(before: Decimal, signed: Decimal, side: PositionWord) -> list[Move]:
    long = side == PositionWord.LONG
    held = before if (before > 0) == long else ZERO
    if (signed > 0) == long:
        return _entry(held, signed, side)
    return _exit(held, abs(signed)) if held else []


def _entry(before: Decimal, signed: Decimal, side: PositionWord) -> list[Move]:
    if not signed:
        return []
    return [Move(Action.INCREASE if before else Action.OPEN, side, abs(signed), None, before)]


def _exit(before: Decimal, quantity: Decimal) -> list[Move]:
    if not quantity:
        return []
    held = abs(before)
    if held - quantity <= held * DUST:
        return [Move(Action.CLOSE, _side(before), min(quantity, held), ALL, before)]
    return [Move(Action.REDUCE, _side(before), quantity, stored(quantity / held), before)]


def _side(signed: Decimal) -> PositionWord:
    return PositionWord.LONG if signed > 0 else PositionWord.SHORT
