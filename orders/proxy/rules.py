"""Which parameters go together, by market and order type, before Binance is asked (pure).

The tables follow Binance's documentation of its order endpoints (spot rest-api, derivatives new-order and algo-order).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from copytrade.lib.structs import Problems
from copytrade.lib.wire import from_milliseconds, iso_time
from markets.venues.base import Capabilities
from markets.venues.vocabulary import OrderType, PositionSide, Side, TimeInForce
from orders.proxy.parameters import Family
from orders.proxy.reading import Given


@dataclass(frozen=True, slots=True)
class TypeRule:
    """What an order type needs and may have beside it; `either`: exactly one of these two.

    `times` are its times in force; a type that does not take the parameter has the only one without saying so.
    """

    house: OrderType
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    times: tuple[str, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """Every ruled parameter that may stand beside the type."""
        return frozenset({*self.needs, *self.may, *self.either})


@dataclass(frozen=True, slots=True)
class Offer:
    """What a market takes, in the words of the house; what its venue does not say is empty, and not checked."""

    symbol: str
    order_types: Collection[str] = ()
    times_in_force: Collection[str] = ()


T = OrderType
SPOT_TIMES = ("GTC", "IOC", "FOK")
FUTURES_TIMES = ("GTC", "IOC", "FOK", "GTX")
TRIGGERED = ("reduceOnly", "workingType", "priceProtect")
SPOT_RULES: Mapping[str, TypeRule] = {
    "LIMIT": TypeRule(T.LIMIT, ("timeInForce", "quantity", "price"), ("icebergQty",), times=SPOT_TIMES),
    "MARKET": TypeRule(T.MARKET, either=("quantity", "quoteOrderQty")),
    "STOP_LOSS": TypeRule(T.STOP_MARKET, ("quantity", "stopPrice")),
    "STOP_LOSS_LIMIT": TypeRule(
        T.STOP_LIMIT, ("timeInForce", "quantity", "price", "stopPrice"), ("icebergQty",), times=SPOT_TIMES
    ),
    "TAKE_PROFIT": TypeRule(T.TAKE_PROFIT_MARKET, ("quantity", "stopPrice")),
    "TAKE_PROFIT_LIMIT": TypeRule(
        T.TAKE_PROFIT_LIMIT, ("timeInForce", "quantity", "price", "stopPrice"), ("icebergQty",), times=SPOT_TIMES
    ),
    "LIMIT_MAKER": TypeRule(T.LIMIT, ("quantity", "price"), ("icebergQty",), times=("GTX",)),
}
_PRICED_STOP = {
    "needs": ("quantity", "stopPrice"),
    "may": ("timeInForce", *TRIGGERED),
    "either": ("price", "priceMatch"),
    "times": FUTURES_TIMES,
}
_MARKET_STOP = {
    "needs": ("stopPrice",),
    "may": ("timeInForce", *TRIGGERED),
    "either": ("quantity", "closePosition"),
    "times": ("GTC",),
}
FUTURES_RULES: Mapping[str, TypeRule] = {
    "LIMIT": TypeRule(
        T.LIMIT,
        ("timeInForce", "quantity"),
        ("reduceOnly", "goodTillDate"),
        ("price", "priceMatch"),
        (*FUTURES_TIMES, "GTD"),
    ),
    "MARKET": TypeRule(T.MARKET, ("quantity",), ("reduceOnly",)),
    "STOP": TypeRule(T.STOP_LIMIT, **_PRICED_STOP),
    "TAKE_PROFIT": TypeRule(T.TAKE_PROFIT_LIMIT, **_PRICED_STOP),
    "STOP_MARKET": TypeRule(T.STOP_MARKET, **_MARKET_STOP),
    "TAKE_PROFIT_MARKET": TypeRule(T.TAKE_PROFIT_MARKET, **_MARKET_STOP),
    "TRAILING_STOP_MARKET": TypeRule(
        T.TRAILING_STOP_MARKET,
        ("quantity", "callbackRate"),
        ("activationPrice", "reduceOnly", "workingType", "timeInForce"),
        times=("GTC",),
    ),
}
RULES: Mapping[Family, Mapping[str, TypeRule]] = {Family.SPOT: SPOT_RULES, Family.FUTURES: FUTURES_RULES}
# The parameters that depend on the type; all others may stand beside every type.
RULED: Mapping[Family, tuple[str, ...]] = {
    family: tuple(sorted(set().union(*(rule.known for rule in rules.values())))) for family, rules in RULES.items()
}
GTD_AHEAD = timedelta(seconds=600)


def check_parameters(given: Given, problems: Problems) -> None:
    """Note what is missing, superfluous or contradictory, as far as the request itself tells."""
    for name in ("symbol", "side", "type"):
        _need(given, name, problems, "is missing")
    rule = RULES[given.family].get(given.text("type"))
    if rule is None:
        return
    kind = given.text("type")
    for name in rule.needs:
        _need(given, name, problems, f"is missing: {kind} orders need it")
    for name in RULED[given.family]:
        if given.has(name) and name not in rule.known:
            problems.add(given.path(name), f"does not go with {kind} orders")
    _check_either(given, rule, problems)
    _check_time(given, rule, problems)
    _check_iceberg(given, problems)
    if given.flag("closePosition") and given.flag("reduceOnly"):
        problems.add(given.path("reduceOnly"), "does not go with closePosition, which only closes anyway")


def check_mode(given: Given, *, hedge_mode: bool, problems: Problems) -> None:
    """Note what does not fit the position mode of a futures account."""
    side = given.text("positionSide") or PositionSide.BOTH.value
    if not hedge_mode:
        if side != PositionSide.BOTH:
            problems.add(given.path("positionSide"), "must be BOTH or absent: the account is in one-way mode")
        return
    if side == PositionSide.BOTH:
        problems.add(given.path("positionSide"), "must be LONG or SHORT: the account is in hedge mode")
    if given.flag("reduceOnly"):
        problems.add(given.path("reduceOnly"), "is not taken in hedge mode: side and positionSide say what closes")
    opens = (given.text("side"), side) in {(Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)}
    if given.flag("closePosition") and opens:
        problems.add(given.path("closePosition"), f"cannot close {side} by a {given.text('side')}")


def check_clock(given: Given, *, now: datetime, problems: Problems) -> None:
    """Note a `goodTillDate` that is too near."""
    until = given.whole("goodTillDate")
    earliest = now + GTD_AHEAD
    if until is not None and from_milliseconds(until) <= earliest:
        problems.add(given.path("goodTillDate"), f"must be more than 600 s ahead, later than {iso_time(earliest)}")


def only_closes(given: Given) -> bool:
    """Return whether an order can make a position only smaller: by its flags, or by its side in hedge mode."""
    sides = given.text("side"), given.text("positionSide")
    closing = sides in {(Side.SELL, PositionSide.LONG), (Side.BUY, PositionSide.SHORT)}
    return closing or given.flag("reduceOnly") or given.flag("closePosition")


def check_abilities(given: Given, able: Capabilities, offer: Offer, *, paper: bool, problems: Problems) -> None:
    """Note what the account's venue (or the paper books instead of it) cannot do, and what the market does not take."""
    place = "with a paper account" if paper else f"in {given.text('marketType') or given.family} markets"
    kind, time = given.text("type"), given.text("timeInForce")
    rule = RULES[given.family].get(kind)
    if rule is not None and rule.house not in able.order_types:
        problems.add(given.path("type"), f"{kind} is not possible {place}")
    elif rule is not None:
        _check_offer(given, rule, able, offer, problems)
    if time and time not in able.times_in_force:
        problems.add(given.path("timeInForce"), f"{time} is not possible {place}")
    if paper and given.has("priceMatch"):
        problems.add(given.path("priceMatch"), f"is not possible {place}: it has no book to match")


def _check_offer(given: Given, rule: TypeRule, able: Capabilities, offer: Offer, problems: Problems) -> None:
    """Note a type or a time in force that the venue knows and this market does not take, with those that it takes."""
    time = given.text("timeInForce")
    if not _offers(offer, rule):
        rules = RULES[given.family].items()
        taken = [name for name, each in rules if each.house in able.order_types and _offers(offer, each)]
        _note_untaken(given, "type", offer, taken, problems)
    elif time in rule.times and time in able.times_in_force and not _offers_time(offer, time):
        taken = [each for each in rule.times if each in able.times_in_force and _offers_time(offer, each)]
        _note_untaken(given, "timeInForce", offer, taken, problems)


def _note_untaken(given: Given, name: str, offer: Offer, taken: Sequence[str], problems: Problems) -> None:
    others = f"which takes {', '.join(taken)}" if taken else "which takes none"
    problems.add(given.path(name), f"{given.text(name)} is not possible in {offer.symbol}, {others}")


def _offers(offer: Offer, rule: TypeRule) -> bool:
    known = not offer.order_types or rule.house in offer.order_types
    return known and (not rule.times or any(_offers_time(offer, time) for time in rule.times))


def _offers_time(offer: Offer, time: str) -> bool:
    return not offer.times_in_force or time in offer.times_in_force


def _need(given: Given, name: str, problems: Problems, message: str) -> None:
    """Note a parameter that is absent; one that was unreadable has a problem already."""
    if not given.has(name) and name not in given.spellings:
        problems.add(name, message)


def _check_either(given: Given, rule: TypeRule, problems: Problems) -> None:
    if not rule.either:
        return
    first, second = rule.either
    if given.has(first) and given.has(second):
        problems.add(given.path(second), f"stands instead of {given.path(first)}: write one of the two")
    elif not given.has(first) and not given.has(second):
        _need(given, first, problems, f"is missing: {given.text('type')} orders need it, or {second}")


def _check_time(given: Given, rule: TypeRule, problems: Problems) -> None:
    time = given.text("timeInForce")
    if time and "timeInForce" in rule.known and time not in rule.times:
        allowed = ", ".join(rule.times)
        problems.add(given.path("timeInForce"), f"must be one of {allowed} on {given.text('type')} orders")
    if "goodTillDate" not in rule.known:
        return
    if time == TimeInForce.GTD:
        _need(given, "goodTillDate", problems, "is missing: GTD orders need it")
    elif given.has("goodTillDate"):
        problems.add(given.path("goodTillDate"), "goes with timeInForce GTD only")


def _check_iceberg(given: Given, problems: Problems) -> None:
    shown, whole = given.amount("icebergQty"), given.amount("quantity")
    if shown is None:
        return
    if given.text("timeInForce") not in {"", TimeInForce.GTC}:
        problems.add(given.path("icebergQty"), "goes with timeInForce GTC only")
    if whole is not None and shown > whole:
        problems.add(given.path("icebergQty"), f"is more than the {given.path('quantity')}")
