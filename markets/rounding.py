"""Fitting quantities and prices to a market's filters, always towards less, and saying what does not fit (pure).

The rules are Binance's (binance.md §5); a rule that a market does not have is None in its `Filters`, a step or bound of
zero is switched off. Quantities are in the venue's unit: base asset, contracts where inverse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal, localcontext
from enum import StrEnum
from math import lcm
from typing import NamedTuple

from copytrade.lib.wire import plain_digits
from markets.filters import ZERO, Filters
from markets.venues.vocabulary import MarketKind, Side

PRECISION = 130  # digits: two amounts as they are stored, multiplied
DECIMAL_PLACES = 30


class ProblemCode(StrEnum):
    """Which rule an order breaks."""

    LOT_SIZE = "LOT_SIZE"
    MIN_QUANTITY = "MIN_QUANTITY"
    MAX_QUANTITY = "MAX_QUANTITY"
    PRICE_FILTER = "PRICE_FILTER"
    MIN_NOTIONAL = "MIN_NOTIONAL"
    MAX_NOTIONAL = "MAX_NOTIONAL"
    PERCENT_PRICE = "PERCENT_PRICE"


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: a sentence for people, and the numbers behind it."""

    code: ProblemCode
    message: str
    numbers: Mapping[str, Decimal] = field(default_factory=dict)


class Steps(NamedTuple):
    """Where amounts may lie: on an offset and so many steps above it; everywhere from zero on without a step."""

    step: Decimal | None
    offset: Decimal


class Bounds(NamedTuple):
    """The smallest and the largest order of a market, as quantity and as worth; None does not bind."""

    least: Decimal | None
    most: Decimal | None
    least_worth: Decimal | None
    most_worth: Decimal | None


def quantity_floor(
    filters: Filters, quantity: Decimal, *, market_order: bool, kind: MarketKind = MarketKind.SPOT
) -> Decimal:
    """Return the largest quantity on the market's steps that does not exceed what was asked; zero where none is.

    It may be below the smallest order: `check_order` names that. MARKET orders meet both of their steps. The kind
    matters only to markets whose minimum is not on the step: contracts count their steps from there.
    """
    with localcontext(prec=PRECISION):
        return floor_to_steps(quantity_steps(filters, market_order=market_order, kind=kind), quantity)


def quantity_steps(filters: Filters, *, market_order: bool, kind: MarketKind) -> Steps:
    """Return where quantities may lie, for callers who round many; they set the arithmetic."""
    step = quantity_step(filters, market_order=market_order)
    return Steps(step, _offset(filters.quantity_min, filters.quantity_step, kind))


def floor_to_steps(steps: Steps, value: Decimal) -> Decimal:
    """Return the largest amount on the steps that is not more, zero where none is, for callers who set the arithmetic.

    It has no digits that say nothing, and no exponent.
    """
    step, offset = steps
    if not step:
        return _plain(max(value, ZERO))
    if value < offset:
        return ZERO
    return _plain(offset + (value - offset) // step * step)


def quantity_step(filters: Filters, *, market_order: bool) -> Decimal | None:
    """Return the step of quantities, None where there is none. MARKET orders meet both of theirs."""
    return _common_step(filters.quantity_step, filters.market_quantity_step if market_order else None)


def order_bounds(filters: Filters, *, market_order: bool) -> Bounds:
    """Return the bounds of one order, which of MARKET orders are the tighter ones of two."""
    least, most = filters.quantity_min, filters.quantity_max
    if market_order:
        least = max((bound for bound in (least, filters.market_quantity_min) if bound), default=None)
        most = min((bound for bound in (most, filters.market_quantity_max) if bound), default=None)
    exempt = market_order and not filters.notional_min_on_market
    unbound = market_order and not filters.notional_max_on_market
    return Bounds(
        least or None,
        most or None,
        None if exempt else filters.notional_min or None,
        None if unbound else filters.notional_max or None,
    )


def price_round(filters: Filters, price: Decimal, *, up: bool, kind: MarketKind = MarketKind.SPOT) -> Decimal:
    """Return the price on the market's ticks next to the one asked: at or above it with `up`, else at or below.

    A buyer stays on the safe side by rounding down, a seller by rounding up.
    """
    with localcontext(prec=PRECISION):
        tick = filters.price_tick
        lower = floor_to_steps(Steps(tick, _offset(filters.price_min, tick, kind)), price)
        return _plain(lower + tick) if up and tick and lower < price else lower


def contracts_from_base(quantity: Decimal, *, price: Decimal, contract_size: Decimal) -> Decimal:
    """Return how many whole inverse contracts a quantity of the base asset buys at a price, never more."""
    with localcontext(prec=PRECISION):
        return _plain(quantity * price // contract_size)


def base_from_contracts(contracts: Decimal, *, price: Decimal, contract_size: Decimal) -> Decimal:
    """Return the quantity of the base asset that inverse contracts stand for at a price, cut after 30 places."""
    with localcontext(prec=PRECISION):
        exact = contracts * contract_size / price
        return _plain(exact.quantize(Decimal(1).scaleb(-DECIMAL_PLACES), rounding=ROUND_DOWN))


def notional_of(kind: MarketKind, contract_size: Decimal, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what a quantity is worth in the quote asset; inverse contracts are worth the same at every price."""
    with localcontext(prec=PRECISION):
        worth = quantity * contract_size
        return _plain(worth if kind == MarketKind.COIN_M else worth * price)


def check_order(
    filters: Filters,
    *,
    kind: MarketKind,
    side: Side,
    market_order: bool,
    quantity: Decimal | None = None,
    quote_quantity: Decimal | None = None,
    price: Decimal | None = None,
    stop_price: Decimal | None = None,
    reference_price: Decimal | None = None,
    mark_price: Decimal | None = None,
    reduce_only: bool = False,
    contract_size: Decimal = Decimal(1),
) -> list[Problem]:
    """Return every rule that an order breaks, none for one that the venue's filters let pass.

    `market_order` says that it trades at the market, at once or once triggered. Its worth is taken at
    `reference_price`; what cannot be known is not checked: neither the worth without a price, nor the band without
    `mark_price`, nor a quantity that is left to the venue (None: the whole position, or `quote_quantity`'s worth).
    """
    with localcontext(prec=PRECISION):
        problems = [] if quantity is None else _quantity_problems(filters, kind, quantity, market_order)
        for name, value in (("price", price), ("stop_price", stop_price)):
            if value is not None:
                problems += _price_problems(filters, kind, name, value)
        worth = quote_quantity
        at = price if price is not None else reference_price
        if worth is None and quantity is not None and at is not None:
            worth = notional_of(kind, contract_size, quantity, at)
        if worth is not None:
            exempt = reduce_only and kind != MarketKind.SPOT
            problems += _notional_problems(filters, worth, market_order=market_order, exempt=exempt)
        if price is not None and mark_price is not None:
            problems += _band_problems(filters, kind, side, price, mark_price)
        return problems


def _quantity_problems(filters: Filters, kind: MarketKind, quantity: Decimal, market_order: bool) -> list[Problem]:  # noqa: FBT001
    least, most, _, _ = order_bounds(filters, market_order=market_order)
    problems = []
    if quantity <= ZERO or (least and quantity < least):
        problems.append(_below(ProblemCode.MIN_QUANTITY, "quantity", quantity, least or ZERO))
    if most and quantity > most:
        problems.append(_above(ProblemCode.MAX_QUANTITY, "quantity", quantity, most))
    if quantity_floor(filters, quantity, market_order=market_order, kind=kind) != quantity:
        step = quantity_step(filters, market_order=market_order) or ZERO
        problems.append(_off_step(ProblemCode.LOT_SIZE, "quantity", quantity, step))
    return problems


def _price_problems(filters: Filters, kind: MarketKind, name: str, price: Decimal) -> list[Problem]:
    least, most, tick = filters.price_min, filters.price_max, filters.price_tick
    if price <= ZERO or (least and price < least):
        return [_below(ProblemCode.PRICE_FILTER, name, price, least or ZERO)]
    if most and price > most:
        return [_above(ProblemCode.PRICE_FILTER, name, price, most)]
    if tick and price_round(filters, price, up=False, kind=kind) != price:
        return [_off_step(ProblemCode.PRICE_FILTER, name, price, tick)]
    return []


def _notional_problems(filters: Filters, worth: Decimal, *, market_order: bool, exempt: bool) -> list[Problem]:
    least, most = filters.notional_min, filters.notional_max
    if least and worth < least and not exempt and (filters.notional_min_on_market or not market_order):
        return [_below(ProblemCode.MIN_NOTIONAL, "notional", worth, least)]
    if most and worth > most and (filters.notional_max_on_market or not market_order):
        return [_above(ProblemCode.MAX_NOTIONAL, "notional", worth, most)]
    return []


def _band_problems(filters: Filters, kind: MarketKind, side: Side, price: Decimal, mark: Decimal) -> list[Problem]:
    """Contracts bound buyers above and sellers below, spot markets bound both on both sides."""
    up, down = filters.price_factor_up, filters.price_factor_down
    both = kind == MarketKind.SPOT
    if up and price > mark * up and (both or side == Side.BUY):
        return [_above(ProblemCode.PERCENT_PRICE, "price", price, _plain(mark * up))]
    if down and price < mark * down and (both or side == Side.SELL):
        return [_below(ProblemCode.PERCENT_PRICE, "price", price, _plain(mark * down))]
    return []


def _offset(minimum: Decimal | None, step: Decimal | None, kind: MarketKind) -> Decimal:
    return minimum % step if minimum and step and kind != MarketKind.SPOT else ZERO


def _common_step(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """Return the smallest step that is on both."""
    if not first or not second:
        return first or second or None
    places = max(0, *(-int(step.as_tuple().exponent) for step in (first, second)))
    one, other = (int(step.scaleb(places)) for step in (first, second))
    return Decimal(lcm(one, other)).scaleb(-places)


def _plain(value: Decimal) -> Decimal:
    """Return the value with no digits that say nothing, and without an exponent: venues count the digits."""
    least = value.normalize() or ZERO  # which is never below zero, as texts would say
    return Decimal(f"{least:f}") if least == least.to_integral_value() else least


def _below(code: ProblemCode, name: str, value: Decimal, least: Decimal) -> Problem:
    message = f"The {_word(name)} {plain_digits(value)} is below the smallest, {plain_digits(least)}."
    return Problem(code, message, {name: value, "least": least})


def _above(code: ProblemCode, name: str, value: Decimal, most: Decimal) -> Problem:
    message = f"The {_word(name)} {plain_digits(value)} is above the largest, {plain_digits(most)}."
    return Problem(code, message, {name: value, "most": most})


def _off_step(code: ProblemCode, name: str, value: Decimal, step: Decimal) -> Problem:
    message = f"The {_word(name)} {plain_digits(value)} is not on the steps of {plain_digits(step)}."
    return Problem(code, message, {name: value, "step": step})


def _word(name: str) -> str:
    return name.replace("_", " ")
