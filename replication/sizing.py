"""How much a copy wants of a leader's trade, in the unit of the follower's market, always towards less (pure).

Callers set the precision and rounding of the arithmetic: `with localcontext(CONTEXT)`.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Context, Decimal
from typing import NamedTuple

import msgspec

from markets.rounding import PRECISION, Bounds, floor_to_steps
from markets.venues.vocabulary import MarketKind
from replication.facts import ZERO, CopyTerms, FollowerMarket, LeaderTrade, Refusal
from replication.telling import refuse, stored, told
from replication.vocabulary import PositionWord, Reason, Strategy

CONTEXT = Context(prec=PRECISION, rounding=ROUND_DOWN)
ONE = Decimal(1)
HUNDRED = Decimal(100)
SAFETY = Decimal("0.98")
ASSUMED_SLIPPAGE_PERCENT = ONE  # where the copy has no limit of its own
NEARLY = Decimal("1e-9")  # of a step: fractions are cut to the digits of a column, a third of three is one


class ExitSize(NamedTuple):
    """What to close: `wanted` before rounding, `quantity` to order now (zero: too small), `remainder` after it."""

    wanted: Decimal
    quantity: Decimal
    remainder: Decimal


class _Case(msgspec.Struct, frozen=True):
    trade: LeaderTrade
    terms: CopyTerms
    market: FollowerMarket
    funds: Decimal | None
    price: Decimal


def side_of(trade: LeaderTrade, terms: CopyTerms) -> PositionWord:
    """Return which side the copy takes: the leader's, or the other one where it is inverted."""
    if not terms.inverted:
        return trade.side
    return PositionWord.SHORT if trade.side == PositionWord.LONG else PositionWord.LONG


def price_of(trade: LeaderTrade, market: FollowerMarket) -> Decimal | None:
    """Return the price to size with: the fresh one at the follower's market, else the leader's."""
    for price in (market.price, trade.price):
        if price is not None and price > ZERO:
            return price
    return None


def discount(slippage: Decimal, leverage: Decimal) -> Decimal:
    """Return which part of the funds may be spent, so that a price worse by `slippage` (0.01 is 1 %) is still paid.

    Binance's rule for copies: (1 - S) / (1 - S + L x S) x 0.98.
    """
    kept = max(ONE - slippage, ZERO)
    return kept / (kept + leverage * slippage) * SAFETY


def discount_of(max_slippage_percent: Decimal | None, leverage: Decimal) -> Decimal:
    """Return the discount of a copy that allows so much slippage."""
    percent = ASSUMED_SLIPPAGE_PERCENT if max_slippage_percent is None else max_slippage_percent
    return discount(percent / HUNDRED, leverage)


def leverage_of(market: FollowerMarket) -> Decimal:
    """Return the leverage with which the follower trades; spot has none."""
    return ONE if market.kind == MarketKind.SPOT else market.leverage


def unit_worth(market: FollowerMarket, price: Decimal) -> Decimal:
    """Return what one unit of the market (a coin or a contract) is worth in the quote asset."""
    return market.contract_size if market.kind == MarketKind.COIN_M else market.contract_size * price


def units_of_base(market: FollowerMarket, base: Decimal, price: Decimal) -> Decimal:
    """Return how many units of the market a quantity of the base asset is; not rounded, so parts add up."""
    if market.kind == MarketKind.COIN_M:
        return base * price / market.contract_size
    return base if market.contract_size == ONE else base / market.contract_size


def floor_to_market(market: FollowerMarket, quantity: Decimal, *, market_order: bool) -> Decimal:
    """Return the largest quantity on the market's steps that is not more; contracts of inverse markets are whole."""
    if not market.filters.quantity_step and market.kind == MarketKind.COIN_M:
        quantity //= ONE
    return floor_to_steps(market.market_steps if market_order else market.limit_steps, quantity)


def step_of(market: FollowerMarket, *, market_order: bool = False) -> Decimal:
    """Return the step of quantities, zero where there is none."""
    step = (market.market_steps if market_order else market.limit_steps).step
    return step or (ONE if market.kind == MarketKind.COIN_M else ZERO)


def bounds_of(market: FollowerMarket, *, market_order: bool, reduce_only: bool = False) -> Bounds:
    """Return the bounds of one order there; what only reduces may be worth little, as at the venues."""
    bounds = market.market_bounds if market_order else market.limit_bounds
    return bounds._replace(least_worth=None) if reduce_only else bounds


def is_below(bounds: Bounds, quantity: Decimal, unit: Decimal | None) -> bool:
    """Whether an order is smaller than the smallest; its worth is not judged where that of a unit is not known."""
    if quantity <= ZERO or (bounds.least is not None and quantity < bounds.least):
        return True
    return bounds.least_worth is not None and unit is not None and quantity * unit < bounds.least_worth


def wanted_quantity(
    trade: LeaderTrade, terms: CopyTerms, market: FollowerMarket, funds: Decimal | None, price: Decimal
) -> Decimal | Refusal:
    """Return what the copy's strategy makes of an opening trade, before limits and rounding, or why it makes nothing.

    `price` is the one to size with (`price_of`), `funds` what the copy may work with, in the quote asset.
    """
    wanted = _STRATEGIES[terms.strategy](_Case(trade, terms, market, funds, price))
    return wanted if isinstance(wanted, Refusal) else max(wanted, ZERO)


def exit_size(
    market: FollowerMarket, held: Decimal, remainder: Decimal, fraction: Decimal, price: Decimal | None
) -> ExitSize:
    """Return how much to close when the leader closed a fraction; held and all results in the market's unit.

    What is still owed of earlier exits (a negative remainder) is closed too, and is no part of what the fraction is
    taken of. A fraction of 1 is everything on the market's steps, however small. Nothing above `held` is ever closed.
    """
    if fraction >= ONE:
        return ExitSize(held, floor_to_market(market, held, market_order=True), ZERO)
    owed = min(max(-remainder, ZERO), held)
    still_to_open = max(remainder, ZERO) * (ONE - fraction)
    wanted = fraction * (held - owed) + owed
    nearly = step_of(market) * NEARLY
    quantity = floor_to_market(market, min(wanted + nearly, held), market_order=True)
    bounds = bounds_of(market, market_order=True, reduce_only=reduces_only(market))
    if is_below(bounds, quantity, None if price is None else unit_worth(market, price)):
        quantity = ZERO
    owed = max(wanted - quantity, ZERO)
    return ExitSize(wanted, quantity, stored(still_to_open - (owed if owed > nearly else ZERO)))


def reduces_only(market: FollowerMarket) -> bool:
    """Whether orders that close say so: hedging accounts name the side instead, spot has no positions."""
    return market.reduce_only and not market.hedge_mode and market.kind != MarketKind.SPOT


def largest_of(market: FollowerMarket, bounds: Bounds, unit: Decimal | None, *, market_order: bool) -> Decimal | None:
    """Return the largest order by quantity and by worth, on the steps; `unit` is the worth of one, None: not known."""
    most = bounds.most
    if bounds.most_worth is not None and unit:
        by_worth = bounds.most_worth / unit
        most = by_worth if most is None else min(most, by_worth)
    return None if most is None else floor_to_market(market, most, market_order=market_order)


def split(market: FollowerMarket, quantity: Decimal, price: Decimal | None) -> list[Decimal]:
    """Return the MARKET orders for a quantity on the steps: as few as the largest order allows, none of them tiny."""
    bounds = bounds_of(market, market_order=True)
    unit = None if price is None else unit_worth(market, price)
    most = largest_of(market, bounds, unit, market_order=True)
    if not most or quantity <= most:
        return [quantity]
    full, rest = divmod(quantity, most)
    parts = [most] * int(full)
    if rest and bounds.least is not None and rest < bounds.least:
        both = parts.pop() + rest
        half = floor_to_market(market, both / 2, market_order=True)
        return [*parts, both - half, half]
    return [*parts, rest] if rest else parts


def _fixed_ratio(case: _Case) -> Decimal | Refusal:
    if case.terms.ratio is None:
        return _incomplete("ratio")
    return units_of_base(case.market, case.trade.quantity * case.terms.ratio, case.price)


def _percentage(case: _Case) -> Decimal | Refusal:
    if case.terms.percentage is None:
        return _incomplete("percentage")
    if case.funds is None or case.funds <= ZERO:
        return refuse(
            Reason.NO_EQUITY, "The copy has no funds that are known, and its orders are a percentage of them."
        )
    return _units_of_worth(case, case.funds * case.terms.percentage / HUNDRED * case.trade.order_share)


def _fixed_quantity(case: _Case) -> Decimal | Refusal:
    if case.terms.fixed_quantity is None:
        return _incomplete("quantity")
    return units_of_base(case.market, case.terms.fixed_quantity * case.trade.order_share, case.price)


def _fixed_amount(case: _Case) -> Decimal | Refusal:
    if case.terms.fixed_amount is None:
        return _incomplete("amount")
    return _units_of_worth(case, case.terms.fixed_amount * case.trade.order_share)


def _equity_proportional(case: _Case) -> Decimal | Refusal:
    """Spend the same part of the funds as margin: amount_ratio = leader's margin / leader's equity.

    Margin is worth / leverage on both sides, and both are taken at one price, which therefore cancels out.
    """
    trade, equity = case.trade, case.trade.equity
    if case.funds is None or case.funds <= ZERO:
        return refuse(
            Reason.NO_EQUITY, "The copy has no funds that are known, and its orders are in proportion to them."
        )
    if equity is None or equity <= ZERO:
        return refuse(Reason.NO_EQUITY, "The leader's equity is not known, and orders are in proportion to it.")
    base = trade.quantity * case.funds * (ONE if case.terms.ratio is None else case.terms.ratio)
    leverage = leverage_of(case.market)
    if trade.leverage is None or trade.leverage <= ZERO or trade.leverage == leverage:
        return units_of_base(case.market, base / equity, case.price)
    return units_of_base(case.market, base * leverage / (equity * trade.leverage), case.price)


def _multiplier_tiers(case: _Case) -> Decimal | Refusal:
    trade, tiers = case.trade, sorted(case.terms.tiers)
    if not tiers:
        return _incomplete("tiers")
    part = trade.quantity * (trade.price or case.price)
    worth = part / trade.order_share if trade.order_share > ZERO else part
    reached = [multiplier for since, multiplier in tiers if since <= worth]
    if not reached:
        least, asset = tiers[0][0], case.market.quote_asset
        message = f"The leader's order is worth {told(worth)} {asset}; the copy follows from {told(least)} on."
        return refuse(Reason.BELOW_FIRST_TIER, message, worth=worth, least=least, asset=asset)
    return units_of_base(case.market, trade.quantity * reached[-1], case.price)


def _units_of_worth(case: _Case, worth: Decimal) -> Decimal:
    return worth / unit_worth(case.market, case.price)


def _incomplete(what: str) -> Refusal:
    return refuse(Reason.TERMS_INCOMPLETE, f"The copy's settings do not name the {what}.", missing=what)


_STRATEGIES: dict[Strategy, Callable[[_Case], Decimal | Refusal]] = {
    Strategy.FIXED_RATIO: _fixed_ratio,
    Strategy.PERCENTAGE: _percentage,
    Strategy.FIXED_QUANTITY: _fixed_quantity,
    Strategy.FIXED_AMOUNT: _fixed_amount,
    Strategy.EQUITY_PROPORTIONAL: _equity_proportional,
    Strategy.MULTIPLIER_TIERS: _multiplier_tiers,
}
