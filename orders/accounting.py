"""What fills add up to: quantity, cost, realised result and fees (pure).

Quantities are signed (short is negative) and in the venue's unit. Money is in the settlement asset: the quote asset,
on inverse markets the coin. Results are before fees; fees in other assets are kept by asset, since what they were
worth is not known here. Cost is what a position was entered for, as a sum, so that nothing is lost by averaging: a
position that is closed in parts realises exactly what closing it at once would have.
Formulas of inverse contracts: result = contracts x size x (1/entry - 1/exit) for a long one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from operator import attrgetter
from typing import TypeVar

import msgspec
from msgspec.structs import replace

ZERO = Decimal(0)
STEP = Decimal(1).scaleb(-28)  # columns have 30 places
EXACT = Context(prec=60)  # digits: sums are exact, whatever the size of the amounts
key_of = attrgetter("key")
time_of = attrgetter("time")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a market settles. `tracks_shorts` is false on spot, where nobody can hold less than nothing."""

    contract_size: Decimal
    inverse: bool
    tracks_shorts: bool
    base_asset: str
    settlement_asset: str


class FactKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """The order of facts: by time, then by the venue's trade id (as a number where it is one)."""

    time: datetime
    digits: int
    trade: str


class FillFact(msgspec.Struct, frozen=True, gc=False):
    """A trade. `quantity` is positive; `buy` says which way."""

    time: datetime
    venue_trade_id: str
    buy: bool
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str

    @property
    def key(self) -> FactKey:
        """Its place among the facts."""
        return FactKey(self.time, len(self.venue_trade_id), self.venue_trade_id)


class AdjustmentFact(msgspec.Struct, frozen=True):
    """From `time` on, the position is what the venue says it is."""

    time: datetime
    trade_id: str
    quantity: Decimal
    cost: Decimal

    @property
    def key(self) -> FactKey:
        """Its place among the facts."""
        return FactKey(self.time, len(self.trade_id), self.trade_id)


Fact = FillFact | AdjustmentFact
FactT = TypeVar("FactT", bound=Fact)


class Position(msgspec.Struct, frozen=True):
    """A position at one moment."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    other_fees: Mapping[str, Decimal] = msgspec.field(default_factory=dict)
    opened_at: datetime | None = None


def value_of(terms: Terms, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what so much is worth at a price, in the settlement asset."""
    with localcontext(EXACT):
        return _value(terms, quantity, price)


def entry_price(terms: Terms, position: Position) -> Decimal | None:
    """Return the average price of entry, None where nothing is held."""
    if not position.quantity or not position.cost:
        return None
    with localcontext(EXACT):
        size = abs(position.quantity) * terms.contract_size
        return _exact(size / position.cost) if terms.inverse else _exact(position.cost / size)


def unrealized_pnl(terms: Terms, position: Position, price: Decimal) -> Decimal:
    """Return what closing all of it at a price would realise."""
    value = value_of(terms, abs(position.quantity), price)
    with localcontext(EXACT):
        return _result(terms, position.quantity > 0, position.cost, value)


def book(terms: Terms, position: Position, fact: Fact) -> Position:
    """Return the position after one more fact."""
    with localcontext(EXACT):
        return booked(terms, position, fact)


def book_all(terms: Terms, facts: Sequence[Fact], position: Position | None = None) -> Position:
    """Return the position after all facts, in their own order."""
    with localcontext(EXACT):
        return booked_all(terms, facts, position)


def is_late(facts: Iterable[Fact], newest: FactKey | None) -> bool:
    """Return whether any of new facts belongs before one that is booked already."""
    if newest is None or min(map(time_of, facts)) > newest.time:  # mostly: it is quick to see
        return False
    return any(fact.key < newest for fact in facts)


def newest(facts: Sequence[Fact]) -> FactKey:
    """Return the place of the last of facts."""
    return facts[0].key if len(facts) == 1 else max(map(key_of, facts))  # mostly it is one


def in_order(facts: Sequence[FactT]) -> Sequence[FactT]:
    """Return facts in their own order."""
    return sorted(facts, key=key_of) if len(facts) > 1 else facts  # mostly it is one


def booked_all(terms: Terms, facts: Sequence[Fact], position: Position | None = None) -> Position:
    """Do as `book_all` does, for callers who set the arithmetic, once for many positions: it takes long."""
    current = position or Position()
    for fact in in_order(facts):
        current = booked(terms, current, fact)
    return current


def booked(terms: Terms, position: Position, fact: Fact) -> Position:
    """Do as `book` does, for callers who set the arithmetic: `with localcontext(EXACT)`."""
    if isinstance(fact, AdjustmentFact):
        opened = (position.opened_at or fact.time) if fact.quantity else None
        return replace(position, quantity=fact.quantity, cost=fact.cost, opened_at=opened)
    moved, held = _moved(terms, fact), position.quantity
    if held and (held > ZERO) != (moved > ZERO):
        closing = min(abs(moved), abs(held))
        position = _close(terms, position, closing, fact)
        moved = moved + closing if moved < ZERO else moved - closing
    if moved and (moved > ZERO or terms.tracks_shorts):
        position = _open(terms, position, moved, fact)
    return _charge(terms, position, fact) if fact.fee else position


def _moved(terms: Terms, fact: FillFact) -> Decimal:
    """Return what a trade adds to what is held.

    Spot takes its fee out of the coins. It is counted among the fees for what it is worth at the trade's price, so it
    leaves at that price: not bought at all, or sold as well.
    """
    signed = fact.quantity if fact.buy else -fact.quantity
    return signed - fact.fee if fact.fee and _paid_in_coins(terms, fact) else signed


def _value(terms: Terms, quantity: Decimal, price: Decimal) -> Decimal:
    size = quantity * terms.contract_size
    return _exact(size / price) if terms.inverse and price else _exact(size * price)


def _close(terms: Terms, position: Position, closing: Decimal, fact: FillFact) -> Position:
    if not closing:
        return position
    held, long = abs(position.quantity), position.quantity > ZERO
    cost = position.cost if closing == held else _exact(position.cost * closing / held)
    result = _result(terms, long, cost, _value(terms, closing, fact.price))
    left = held - closing
    return replace(
        position,
        quantity=left if long else -left,
        cost=position.cost - cost,
        realized_pnl=position.realized_pnl + result,
        opened_at=position.opened_at if left else None,
    )


def _open(terms: Terms, position: Position, opening: Decimal, fact: FillFact) -> Position:
    return replace(
        position,
        quantity=position.quantity + opening,
        cost=position.cost + _value(terms, abs(opening), fact.price),
        opened_at=position.opened_at or fact.time,
    )


def _result(terms: Terms, long: bool, cost: Decimal, value: Decimal) -> Decimal:  # noqa: FBT001
    gain = cost - value if terms.inverse else value - cost
    return gain if long else -gain


def _charge(terms: Terms, position: Position, fact: FillFact) -> Position:
    if fact.fee_asset == terms.settlement_asset:
        return replace(position, fees=position.fees + fact.fee)
    if _paid_in_coins(terms, fact):
        return replace(position, fees=position.fees + _value(terms, fact.fee, fact.price))
    others = dict(position.other_fees)
    others[fact.fee_asset] = others.get(fact.fee_asset, ZERO) + fact.fee
    return replace(position, other_fees=others)


def _paid_in_coins(terms: Terms, fact: FillFact) -> bool:
    return fact.fee_asset == terms.base_asset and not terms.tracks_shorts


def _exact(value: Decimal) -> Decimal:
    return value.quantize(STEP, ROUND_HALF_EVEN)
