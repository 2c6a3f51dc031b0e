"""What is known of one position of a leader: what it stands for, the trades, and what is held after them (pure)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from replication.engine.instruments import Instrument
from replication.engine.trades import SeenTrade


class Unseen(NamedTuple):
    """What was closed of a position while nobody saw the trade: held, left, and when that was shown."""

    held: Decimal
    left: Decimal
    at: datetime


@dataclass(slots=True)
class Book:
    """A position of a leader. `after` is what is held now, in the unit of the trades; less than `step` is nothing.

    `otherwise` is what is held if trades that are set aside have not happened, None where they certainly have.
    Of `inverse` contracts a leader buys so many dollars' worth, however many coins that is. `unseen` was closed before
    the first of the trades.
    """

    instrument: Instrument
    venue: str
    after: Decimal
    equity: Decimal | None = None
    leverage: Decimal | None = None
    step: Decimal = Decimal(0)
    inverse: bool = False
    otherwise: Decimal | None = None
    unseen: Unseen | None = None
    trades: list[SeenTrade] = field(default_factory=list)

    @property
    def fresh(self) -> list[SeenTrade]:
        """Return the trades that have had no signal yet, oldest first."""
        return [trade for trade in self.trades if not trade.known]

    def stand(self, before: Decimal, unseen: Unseen | None) -> None:
        """Let the fresh trades begin with what was held before, instead of ending with what is held after them."""
        self.after, self.unseen = before, unseen
        for trade in self.fresh:
            self.after = max(Decimal(0), self.after + trade.signed)
