"""What is known of one position of a leader: what it stands for, the trades, and what is held after them (pure)."""

from dataclasses import dataclass, field
from decimal import Decimal

from replication.engine.instruments import Instrument
from replication.engine.trades import SeenTrade


@dataclass(slots=True)
class Book:
    """A position of a leader. `after` is what is held now, in the unit of the trades; less than `step` is nothing.

    `otherwise` is what is held if trades that are set aside have not happened, None where they certainly have.
    Of `inverse` contracts a leader buys so many dollars' worth, however many coins that is.
    """

    instrument: Instrument
    venue: str
    after: Decimal
    equity: Decimal | None = None
    leverage: Decimal | None = None
    step: Decimal = Decimal(0)
    inverse: bool = False
    otherwise: Decimal | None = None
    trades: list[SeenTrade] = field(default_factory=list)
