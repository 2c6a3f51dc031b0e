"""At which prices paper orders trade and trigger (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from markets.venues.base import MarketSpec, PriceReport
from markets.venues.paper.facts import Order
from markets.venues.paper.numbers import ONE, ZERO, floored, raised
from markets.venues.paper.terms import Terms, share
from markets.venues.vocabulary import MarketKind, OrderType, Side, WorkingType

MOST_TRADES = 20  # of one market order at once; the last one takes what is left
STOPS = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an order at one price."""

    price: Decimal
    quantity: Decimal


def best(price: PriceReport, side: Side) -> Decimal | None:
    """Return the best price for an order of this side: the other side's where it is known, else the last."""
    return (price.ask if side is Side.BUY else price.bid) or price.last or price.mark


def mark(price: PriceReport) -> Decimal | None:
    """Return the price that positions are valued at."""
    return price.mark or price.last or price.bid or price.ask


def trigger_price(price: PriceReport, working_type: WorkingType | None) -> Decimal | None:
    """Return the price that stops look at: the last one unless the mark is asked for."""
    if working_type is WorkingType.MARK_PRICE:
        return mark(price)
    return price.last or mark(price)


def has_reached(order_type: OrderType, side: Side, stop_price: Decimal, now: Decimal) -> bool:
    """Whether a price triggers: stops run with the market, take-profits against it."""
    upwards = (order_type in STOPS) == (side is Side.BUY)
    return now >= stop_price if upwards else now <= stop_price


def is_protected(order: Order, market: MarketSpec, price: PriceReport) -> bool:
    """Whether the last price is too far from the mark for an order with `price_protect` to fire."""
    widest = market.filters.trigger_protect
    if not order.price_protect or widest is None or not price.mark or not price.last:
        return False
    return abs(price.mark - price.last) > price.mark * widest


def crosses(side: Side, limit: Decimal, touch: Decimal) -> bool:
    """Whether a limit order of this side would trade at the best price."""
    return touch <= limit if side is Side.BUY else touch >= limit


def slipped(touch: Decimal, side: Side, basis_points: Decimal, tick: Decimal | None) -> Decimal:
    """Return a price that is worse by some basis points, on the tick beyond."""
    if side is Side.BUY:
        return raised(touch * (ONE + basis_points / 10_000), tick)
    lower = floored(touch * (ONE - basis_points / 10_000), tick)
    return lower if lower > 0 else tick or touch


def liquid_quantity(market: MarketSpec, price: Decimal, terms: Terms, part: Decimal) -> Decimal | None:
    """Return what one trade takes at most: a part of the liquidity, at least one step; None where there is no limit."""
    if terms.liquidity is None:
        return None
    each = market.contract_size if market.kind is MarketKind.COIN_M else market.contract_size * price
    step = market.filters.quantity_step
    return max(floored(terms.liquidity * part / each, step), step or ZERO) or None


def sweep(
    quantity: Decimal,
    side: Side,
    market: MarketSpec,
    touch: Decimal,
    terms: Terms,
    client_order_id: str,
    first: int = 1,
) -> Iterator[Slice]:
    """Yield the trades of a market order: each takes a part of the liquidity, a slippage further away than the last."""
    for level in range(1, MOST_TRADES + 1):
        price = slipped(touch, side, terms.slippage * level, market.filters.price_tick)
        part = share(terms.seed, client_order_id, first + level - 1)
        most = liquid_quantity(market, price, terms, part)
        if most is None or quantity <= most or level == MOST_TRADES:
            yield Slice(price, quantity)
            return
        yield Slice(price, most)
        quantity -= most


def nibble(order: Order, market: MarketSpec, price: Decimal, terms: Terms) -> Slice:
    """Return what a limit order gets at once, at a price that it accepts."""
    most = liquid_quantity(market, price, terms, share(terms.seed, order.client_order_id, order.trades + 1))
    return Slice(price, order.remaining if most is None else min(order.remaining, most))


def no_worse(side: Side, price: Decimal, limit: Decimal) -> Decimal:
    """Return the price, at worst the limit."""
    return min(price, limit) if side is Side.BUY else max(price, limit)
