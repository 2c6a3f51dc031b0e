"""What one copy does about one trade of its leader (pure).

`plan` decides for entries: the checks of `risk.CHECKS`, what the strategy wants, the limits, the market's steps, its
smallest order. For exits: whether anything can be sent at all, and how much. Every decision that orders nothing, or
less than was wanted, says why, in a sentence and in numbers.
"""

from datetime import datetime
from decimal import Decimal, localcontext

from copytrade.lib.wire import plain_digits
from markets.rounding import Bounds
from markets.venues.vocabulary import OrderType, Side, TimeInForce
from replication.facts import (
    SET_OFF,
    ZERO,
    Cap,
    CopyTerms,
    Decision,
    FollowerMarket,
    FollowerState,
    LeaderTrade,
    OrderPlan,
    Refusal,
)
from replication.risk import Case, cap_sentence, capped, entry_refusal, exit_refusal, held_of, out_of_order
from replication.sites import Site, site_of
from replication.sizing import (
    CONTEXT,
    ONE,
    bounds_of,
    exit_size,
    floor_to_market,
    is_below,
    reduces_only,
    side_of,
    split,
    step_of,
    unit_worth,
    wanted_quantity,
)
from replication.telling import refuse, stored, told
from replication.vocabulary import EXITS, Action, IntentState, MinimumPolicy, PositionWord, Reason


def plan(
    trade: LeaderTrade, terms: CopyTerms, market: FollowerMarket | None, state: FollowerState, now: datetime
) -> Decision:
    """Return what the copy does: orders to write, a reason to order nothing, or to wait.

    `market` is where the follower trades the leader's symbol, None where nothing corresponds to it.
    """
    if market is not None:
        with localcontext(CONTEXT):
            return plan_at(site_of(trade, terms, market), trade, terms, state, now)
    message = f"Nothing at the follower's venue corresponds to {trade.symbol}."
    refusal = refuse(Reason.SYMBOL_UNMAPPED, message, symbol=trade.symbol)
    return _skipped(trade, side_of(trade, terms), refusal, state.remainder)


def plan_at(site: Site, trade: LeaderTrade, terms: CopyTerms, state: FollowerState, now: datetime) -> Decision:
    """Do as `plan` does, for one of many copies that share a site (`site_of` this trade and these terms).

    Callers set the arithmetic: `with localcontext(CONTEXT)`, once for all of them.
    """
    case = Case(trade, terms, state, now, site, site.market, site.side, site.price)
    return _plan_exit(case) if trade.action in EXITS else _plan_entry(case)


def _plan_entry(case: Case) -> Decision:
    state, price = case.state, case.price
    refusal = entry_refusal(case)
    if refusal is not None:
        return _skipped(case.trade, case.side, refusal, state.remainder)
    assert price is not None  # the checks have seen to it
    if state.earlier_order_open:
        return _waiting(case)
    wanted = wanted_quantity(case.trade, case.terms, case.market, state.funds, price)
    if isinstance(wanted, Refusal):
        return _skipped(case.trade, case.side, wanted, state.remainder)
    accumulates = case.terms.minimum_policy == MinimumPolicy.ACCUMULATE
    carried = state.remainder if accumulates else min(state.remainder, ZERO)
    if carried < ZERO and carried + wanted <= ZERO:
        return _set_off(case, wanted, carried)
    return _order_entry(case, wanted, carried)


def _order_entry(case: Case, wanted: Decimal, carried: Decimal) -> Decision:
    """Cut what is wanted together with what is carried over to the limits and onto the steps, and order it."""
    site = case.site
    accumulates = case.terms.minimum_policy == MinimumPolicy.ACCUMULATE
    # what was too small of earlier parts of the leader's order; who accumulates carries that over anyhow
    total = carried + wanted + (ZERO if accumulates else case.state.order_carried)
    fitting = floor_to_market(case.market, total + site.nearly, market_order=site.limit is None)
    total = max(total, fitting)
    caps = capped(case, fitting)
    quantity = caps[-1].after if caps else fitting
    if is_below(site.bounds, quantity, site.lowest_unit):
        return _too_small(case, wanted, carried, total if not caps else quantity, caps)
    return Decision(
        state=IntentState.PLANNED,
        exits=False,
        side=case.side,
        orders=(_entry_order(case, quantity),),
        message=cap_sentence(case, caps) if caps else "",
        numbers={SET_OFF: plain_digits(-carried)} if carried < ZERO else {},
        caps=_told_caps(caps) if caps else (),
        wanted=stored(wanted),
        remainder=stored(total - quantity) if accumulates and not caps else ZERO,
    )


def _entry_order(case: Case, quantity: Decimal) -> OrderPlan:
    limit = case.site.limit
    return OrderPlan(
        side=case.site.order_side,
        position_side=case.site.position_side,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        quantity=quantity,
        worth=stored(quantity * case.site.unit),
        price=limit,
        time_in_force=None if limit is None else TimeInForce.IOC,
    )


def _too_small(case: Case, wanted: Decimal, carried: Decimal, total: Decimal, caps: list[Cap]) -> Decision:
    """Nothing is raised to the minimum. What a limit has cut below it is not remembered: more would be cut as well."""
    bounds = case.site.bounds
    if caps and total <= ZERO:
        refusal = refuse(caps[-1].code, cap_sentence(case, caps), **_smallest(case, bounds))
        return _skipped(case.trade, case.side, refusal, stored(carried), wanted, caps)
    accumulates = case.terms.minimum_policy == MinimumPolicy.ACCUMULATE
    sentence = f"{told(total)} of {case.market.symbol} is below the smallest order, {_smallest_told(case, bounds)}"
    numbers = {"wanted": wanted, "carried": carried, **_smallest(case, bounds)}
    if accumulates and not caps:
        refusal = refuse(Reason.ACCUMULATED, f"{sentence}; it is kept and added to the next.", **numbers)
        return _skipped(case.trade, case.side, refusal, stored(total), wanted)
    message = f"{cap_sentence(case, caps)} {sentence}." if caps else f"{sentence}."
    refusal = refuse(Reason.BELOW_MINIMUM, message, **numbers)
    return _skipped(case.trade, case.side, refusal, stored(carried), wanted, caps)


def _set_off(case: Case, wanted: Decimal, carried: Decimal) -> Decision:
    left = carried + wanted
    message = f"{told(wanted)} of {case.market.symbol} is set off against {told(-carried)} that was still to be closed."
    refusal = refuse(Reason.ACCUMULATED, message, wanted=wanted, carried=carried)
    return _skipped(case.trade, case.side, refusal, stored(left), wanted)


def _plan_exit(case: Case) -> Decision:
    state = case.state
    refusal = exit_refusal(case.terms, state)
    if refusal is not None:
        return _skipped(case.trade, case.side, refusal, state.remainder)
    if state.earlier_order_open:
        return _waiting(case)
    refusal = out_of_order(case.trade, state)
    if refusal is not None:
        return _skipped(case.trade, case.side, refusal, state.remainder)
    held, fraction = held_of(state, case.side), _fraction(case.trade)
    if not held:
        message = f"The copy holds nothing of {case.market.symbol} on this side."
        left = stored(max(state.remainder, ZERO) * (ONE - fraction))
        return _skipped(case.trade, case.side, refuse(Reason.NOTHING_HELD, message), left)
    return _order_exit(case, held, fraction)


def _order_exit(case: Case, held: Decimal, fraction: Decimal) -> Decision:
    market = case.market
    size = exit_size(market, held, case.state.remainder, fraction, case.price)
    if not size.quantity:
        return _owed(case, held, fraction, size.wanted, size.remainder)
    return Decision(
        state=IntentState.PLANNED,
        exits=True,
        side=case.side,
        orders=tuple(_exit_order(case, part) for part in split(market, size.quantity, case.price)),
        wanted=stored(size.wanted),
        remainder=size.remainder,
    )


def _exit_order(case: Case, quantity: Decimal) -> OrderPlan:
    worth = ZERO if case.price is None else quantity * unit_worth(case.market, case.price)
    return OrderPlan(
        side=Side.SELL if case.site.order_side == Side.BUY else Side.BUY,
        position_side=case.site.position_side,
        type=OrderType.MARKET,
        quantity=quantity,
        worth=stored(worth),
        reduce_only=reduces_only(case.market),
    )


def _owed(case: Case, held: Decimal, fraction: Decimal, wanted: Decimal, remainder: Decimal) -> Decision:
    """Say what an exit that is too small leaves: something to close later, or less than any order can close."""
    symbol, step = case.market.symbol, step_of(case.market, market_order=True)
    if fraction >= ONE:
        message = f"The {told(held)} of {symbol} that is held is less than one step of the market, {told(step)}."
        refusal = refuse(Reason.BELOW_MINIMUM, message, held=held, step=step)
    else:
        bounds = bounds_of(case.market, market_order=True, reduce_only=reduces_only(case.market))
        smallest = _smallest_told(case, bounds)
        message = (
            f"{told(wanted)} of {symbol} is below the smallest order, {smallest}; it is closed with the next exit."
        )
        refusal = refuse(Reason.ACCUMULATED, message, wanted=wanted, held=held, **_smallest(case, bounds))
    return _skipped(case.trade, case.side, refusal, remainder, wanted)


def _fraction(trade: LeaderTrade) -> Decimal:
    """Return which part to close; all of it where the trade does not say, which leaves the least at risk."""
    if trade.action == Action.CLOSE or trade.fraction is None:
        return ONE
    return min(max(trade.fraction, ZERO), ONE)


def _smallest(case: Case, bounds: Bounds) -> dict[str, Decimal]:
    numbers = {"smallest_quantity": bounds.least or step_of(case.market)}
    if bounds.least_worth is not None:
        numbers["smallest_worth"] = bounds.least_worth
    return numbers if case.price is None else {**numbers, "price": case.price}


def _smallest_told(case: Case, bounds: Bounds) -> str:
    quantity = told(bounds.least or step_of(case.market))
    if bounds.least_worth is None:
        return quantity
    return f"{quantity} and worth {told(bounds.least_worth)} {case.market.quote_asset}"


def _told_caps(caps: list[Cap]) -> tuple[Cap, ...]:
    return tuple(
        Cap(code=cap.code, before=cap.before, after=cap.after, limit=None if cap.limit is None else stored(cap.limit))
        for cap in caps
    )


def _waiting(case: Case) -> Decision:
    return Decision(
        state=IntentState.WAITING,
        exits=case.trade.action in EXITS,
        side=case.side,
        code=Reason.EARLIER_ORDER_OPEN,
        message=f"An earlier order of the copy in {case.market.symbol} is not final yet.",
        remainder=case.state.remainder,
    )


def _skipped(
    trade: LeaderTrade,
    side: PositionWord,
    refusal: Refusal,
    remainder: Decimal,
    wanted: Decimal | None = None,
    caps: list[Cap] | None = None,
) -> Decision:
    return Decision(
        state=IntentState.SKIPPED,
        exits=trade.action in EXITS,
        side=side,
        code=refusal.code,
        message=refusal.message,
        numbers=refusal.numbers,
        caps=_told_caps(caps or []),
        wanted=None if wanted is None else stored(wanted),
        remainder=remainder,
    )
