"""What keeps a copy from following a trade, and what cuts its order (pure).

Entries pass every check of `CHECKS` in that order, then every limit of `limits_on`; exits pass none of them, they are
stopped by what stops the whole account only. Callers set the arithmetic: `with localcontext(CONTEXT)`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from replication.facts import ZERO, Cap, CopyTerms, FollowerMarket, FollowerState, LeaderTrade, Refusal, TradingHours
from replication.sites import Site
from replication.sizing import floor_to_market, step_of
from replication.telling import refuse, told
from replication.vocabulary import CopyState, PositionWord, Reason

ENDING = frozenset({CopyState.STOPPING, CopyState.ENDED})
MINUTES_PER_HOUR = 60
SECOND = timedelta(seconds=1)
WHOLE_SECONDS = SECOND  # many sources cut the time of a trade to the second


class Case(msgspec.Struct, frozen=True):
    """A trade at one copy, and what the copy shares with others that are like it."""

    trade: LeaderTrade
    terms: CopyTerms
    state: FollowerState
    now: datetime
    site: Site
    market: FollowerMarket
    side: PositionWord
    price: Decimal | None


class Limit(msgspec.Struct, frozen=True, gc=False):
    """All of something may be worth `most`; `used` of it is taken. `what` tells it, with a place for `most`."""

    code: Reason
    most: Decimal
    used: Decimal
    what: str


def held_of(state: FollowerState, side: PositionWord) -> Decimal:
    """Return what the copy holds on its side, never less than nothing."""
    return max(state.held if side == PositionWord.LONG else -state.held, ZERO)


def is_within(hours: TradingHours, now: datetime) -> bool:
    """Whether a moment lies in the hours: from the first minute on, before the last; equal ones mean the whole day."""
    local = now.astimezone(ZoneInfo(hours.zone))
    minute, today = local.hour * MINUTES_PER_HOUR + local.minute, local.weekday()
    if hours.since < hours.until:
        return today in hours.days and hours.since <= minute < hours.until
    begun = today if minute >= hours.since else (today - 1) % 7
    return begun in hours.days and (minute >= hours.since or minute < hours.until)


def entry_refusal(case: Case) -> Refusal | None:
    """Return why the copy does not follow a trade that opens or increases, None where it may."""
    for check in CHECKS:
        refusal = check(case)
        if refusal is not None:
            return refusal
    return None


def exit_refusal(terms: CopyTerms, state: FollowerState) -> Refusal | None:
    """Return why the copy cannot follow a trade that reduces or closes: it has ended, or nothing at all is sent."""
    if terms.state == CopyState.ENDED:
        return refuse(Reason.COPY_ENDED, "The copy has ended.")
    return _blocked(state) if state.blocks_exits else None


def out_of_order(trade: LeaderTrade, state: FollowerState) -> Refusal | None:
    """Return a refusal for a trade that came late and belongs to a position before the one that the copy holds."""
    opened = state.opened_at
    if opened is None or trade.event_time + WHOLE_SECONDS >= opened:
        return None
    message = "The leader made this trade before opening the position that the copy holds."
    return refuse(Reason.OUT_OF_ORDER, message, event_time=trade.event_time, opened_at=opened)


def limits_on(case: Case) -> list[Limit]:
    """Return the limits on worth that bind this copy, in the order in which they cut."""
    terms, state = case.terms, case.state
    limits = []
    if terms.max_order is not None:
        limits.append(Limit(Reason.MAX_ORDER, terms.max_order, state.order_worth, "one order may be worth {} at most"))
    if terms.max_symbol is not None:
        what = "all of this symbol may be worth {} at most"
        limits.append(Limit(Reason.MAX_SYMBOL, terms.max_symbol, state.symbol_worth, what))
    if terms.max_exposure is not None:
        what = "all positions of the copy may be worth {} at most"
        limits.append(Limit(Reason.MAX_EXPOSURE, terms.max_exposure, state.copy_worth, what))
    if terms.max_leverage is not None and state.funds is not None:
        most = max(terms.max_leverage * state.funds, ZERO)
        what = "at the leverage allowed the copy's positions may be worth {} at most"
        limits.append(Limit(Reason.MAX_LEVERAGE, most, state.copy_worth, what))
    if state.account_max_worth is not None:
        what = "all positions of the account may be worth {} at most"
        limits.append(Limit(Reason.ACCOUNT_EXPOSURE, state.account_max_worth, state.account_worth, what))
    if state.funds is not None:
        what = "the copy's funds are enough for positions worth {}"
        limits.append(Limit(Reason.FUNDS, case.site.spendable(state.funds), state.copy_worth, what))
    return limits


def capped(case: Case, quantity: Decimal) -> list[Cap]:
    """Return the cuts of a quantity, in order, each to the market's steps; the last one's `after` is what is left."""
    site, caps = case.site, list[Cap]()
    worth = quantity * site.unit
    for limit in limits_on(case):
        left = max(limit.most - limit.used, ZERO)
        if worth > left:
            after = floor_to_market(case.market, left / site.unit, market_order=site.limit is None)
            caps.append(Cap(code=limit.code, before=quantity, after=after, limit=limit.most))
            quantity, worth = after, after * site.unit
    largest = site.largest
    if largest is not None and quantity > largest:
        caps.append(Cap(code=Reason.MAX_QUANTITY, before=quantity, after=largest, limit=largest))
    return caps


def cap_sentence(case: Case, caps: list[Cap]) -> str:
    """Return what cut, from what and to what, as a sentence; of several cuts the deepest, which is the last."""
    last, symbol, asset = caps[-1], case.market.symbol, case.market.quote_asset
    cut = f"Cut from {told(caps[0].before)} to {told(last.after)} of {symbol}"
    for limit in limits_on(case):
        if limit.code == last.code:
            taken = f", and {told(limit.used)} {asset} are in use" if limit.used else ""
            return f"{cut}: {limit.what.format(f'{told(limit.most)} {asset}')}{taken}."
    return f"{cut}: the market takes {told(last.after)} in one order at most."


def _ended(case: Case) -> Refusal | None:
    if case.terms.state in ENDING:
        return refuse(Reason.COPY_ENDED, "The copy has ended or is about to.")
    return None


def _paused(case: Case) -> Refusal | None:
    if case.terms.state == CopyState.PAUSED:
        return refuse(Reason.COPY_PAUSED, "The copy is paused: it follows exits only.")
    resumed, event = case.terms.resumed_at, case.trade.event_time
    if resumed is None or event >= resumed:
        return None
    message = "The leader made this trade before the copy, which had been paused, was resumed."
    return refuse(Reason.COPY_PAUSED, message, event_time=event, resumed_at=resumed)


def _account_blocked(case: Case) -> Refusal | None:
    return _blocked(case.state)


def _blocked(state: FollowerState) -> Refusal | None:
    if state.blocked is None:
        return None
    return refuse(state.blocked, state.blocked_message or "The account sends no orders now.")


def _not_trading(case: Case) -> Refusal | None:
    if case.market.trading:
        return None
    return refuse(Reason.SYMBOL_NOT_TRADING, f"{case.market.symbol} is not trading now.")


def _short_on_spot(case: Case) -> Refusal | None:
    if not case.site.short_on_spot:
        return None
    return refuse(Reason.SHORT_IMPOSSIBLE, f"{case.market.symbol} is a spot market, where nothing can be sold short.")


def _denied(case: Case) -> Refusal | None:
    denied = case.terms.denied_symbols
    if not denied or denied.isdisjoint((case.trade.symbol, case.market.symbol)):
        return None
    return refuse(Reason.SYMBOL_DENIED, f"{case.trade.symbol} is on the copy's list of symbols not to follow.")


def _not_allowed(case: Case) -> Refusal | None:
    allowed = case.terms.allowed_symbols
    if not allowed or not allowed.isdisjoint((case.trade.symbol, case.market.symbol)):
        return None
    return refuse(Reason.SYMBOL_NOT_ALLOWED, f"{case.trade.symbol} is not on the copy's list of symbols to follow.")


def _outside_hours(case: Case) -> Refusal | None:
    hours = case.terms.trading_hours
    if hours is None:
        return None
    try:
        within = is_within(hours, case.now)
    except (KeyError, ValueError, OSError):  # what zoneinfo raises for names that it does not have
        return refuse(Reason.TERMS_INCOMPLETE, f"The copy's trading hours name no time zone: {hours.zone}.")
    if within:
        return None
    message = f"The copy opens nothing outside its trading hours, {_clock(hours.since)} to {_clock(hours.until)}."
    return refuse(Reason.OUTSIDE_HOURS, message, zone=hours.zone, now=case.now)


def _before_copy(case: Case) -> Refusal | None:
    started, event = case.terms.started_at, case.trade.event_time
    if event >= started:
        return None
    message = "The leader made this trade before the copy began."
    return refuse(Reason.BEFORE_COPY, message, event_time=event, started_at=started)


def _too_old(case: Case) -> Refusal | None:
    age, most = case.now - case.trade.event_time, case.terms.max_signal_age_seconds
    if age <= most * SECOND:
        return None
    seconds = Decimal(age // timedelta(milliseconds=1)) / 1000
    message = f"The trade was {told(seconds)} seconds old; the copy follows up to {most} seconds."
    return refuse(Reason.SIGNAL_TOO_OLD, message, age_seconds=seconds, limit_seconds=most)


def _out_of_order(case: Case) -> Refusal | None:
    return None if case.trade.shown else out_of_order(case.trade, case.state)


def _no_price(case: Case) -> Refusal | None:
    if case.price is not None:
        return None
    return refuse(Reason.NO_PRICE, f"Neither {case.market.symbol} nor the leader's trade has a price to size with.")


def _slippage(case: Case) -> Refusal | None:
    most, percent = case.terms.max_slippage_percent, case.site.worse_percent
    if most is None or percent is None or percent <= most:
        return None
    leader, price = case.trade.price, case.market.price
    assert leader is not None
    assert price is not None
    message = (
        f"{case.market.symbol} stands at {told(price)} {case.market.quote_asset}, "
        f"{told(percent)} % worse than the leader's {told(leader)}; "
        f"the copy allows {told(most)} %."
    )
    return refuse(Reason.SLIPPAGE, message, price=price, leader_price=leader, percent=percent, limit_percent=most)


def _other_money(case: Case) -> Refusal | None:
    return case.state.other_money


def _daily_loss(case: Case) -> Refusal | None:
    most, lost = case.terms.max_daily_loss, case.state.lost_today
    if most is None or lost < most:
        return None
    asset = case.market.quote_asset
    message = f"The copy lost {told(lost)} {asset} today (UTC); from {told(most)} on it opens nothing until tomorrow."
    return refuse(Reason.DAILY_LOSS, message, lost=lost, limit=most, asset=asset)


def _opposite_leader(case: Case) -> Refusal | None:
    other = case.state.opposite_leader
    if not other:
        return None
    message = f"The account holds the other side of {case.market.symbol} for {other}; the two would cancel out."
    return refuse(Reason.OPPOSITE_LEADER, message, leader=other)


def _market_taken(case: Case) -> Refusal | None:
    other = case.state.taken_by
    if not other:
        return None
    message = f"The copy follows {other} of this leader in {case.market.symbol}; the two positions would become one."
    return refuse(Reason.MARKET_TAKEN, message, leader_symbol=other)


def _max_positions(case: Case) -> Refusal | None:
    most, positions = case.terms.max_positions, case.state.open_positions
    if most is None or positions < most:
        return None
    if ZERO < held_of(case.state, case.side) >= step_of(case.market):  # less is what fees left of a closed one
        return None
    message = f"The copy has {positions} open positions; it may have {most}."
    return refuse(Reason.MAX_POSITIONS, message, open_positions=positions, limit=most)


def _funds_unknown(case: Case) -> Refusal | None:
    if case.terms.max_leverage is None or case.state.funds is not None:
        return None
    return refuse(Reason.NO_EQUITY, "The funds of the copy are not known, and its leverage is limited.")


def _clock(minutes: int) -> str:
    return "{:02}:{:02}".format(*divmod(minutes, MINUTES_PER_HOUR))


CHECKS: tuple[Callable[[Case], Refusal | None], ...] = (
    _ended,
    _paused,
    _account_blocked,
    _not_trading,
    _short_on_spot,
    _denied,
    _not_allowed,
    _outside_hours,
    _before_copy,
    _too_old,
    _out_of_order,
    _no_price,
    _slippage,
    _other_money,
    _daily_loss,
    _opposite_leader,
    _market_taken,
    _max_positions,
    _funds_unknown,
)
