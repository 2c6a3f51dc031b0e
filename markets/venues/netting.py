"""Positions of one market that are held apart, told as the one that orders change here (pure).

Shares are held under several products, contracts long and short beside each other where an account hedges; at venues
whose orders name none of these, only what they come to together follows from the trades.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from markets.venues.base import ZERO, PositionReport


def netted(reports: Iterable[PositionReport]) -> tuple[PositionReport, ...]:
    """Return one position of each market, none where its parts even out."""
    parts = defaultdict(list)
    for report in reports:
        parts[report.kind, report.symbol].append(report)
    return tuple(_whole(each) for each in parts.values() if sum(part.quantity for part in each))


def _whole(parts: Sequence[PositionReport]) -> PositionReport:
    """Return the parts as one; its price is the mean of those that are on its side."""
    quantity = sum((part.quantity for part in parts), ZERO)
    same = [part for part in parts if part.quantity * quantity > 0]
    worth = sum((part.entry_price * part.quantity for part in same), ZERO)
    entry = worth / sum(part.quantity for part in same)
    return replace(same[0], quantity=quantity, entry_price=entry, unrealized_pnl=_gain(parts))


def _gain(parts: Sequence[PositionReport]) -> Decimal | None:
    """Return what the parts have won, None where that is not known of one."""
    known = [part.unrealized_pnl for part in parts if part.unrealized_pnl is not None]
    return sum(known, ZERO) if len(known) == len(parts) else None
