"""Where copies trade what their leader did, and at which prices (pure).

Callers set the arithmetic: `with localcontext(CONTEXT)`.
"""

from decimal import Decimal
from functools import cached_property

import msgspec

from markets.rounding import Bounds, price_round
from markets.venues.vocabulary import MarketKind, PositionSide, Side
from replication.facts import ZERO, CopyTerms, FollowerMarket, LeaderTrade
from replication.sizing import (
    HUNDRED,
    NEARLY,
    bounds_of,
    discount_of,
    largest_of,
    leverage_of,
    price_of,
    side_of,
    step_of,
    unit_worth,
)
from replication.vocabulary import PositionWord


class Site(msgspec.Struct, frozen=True, dict=True):
    """What copies share that follow one trade in one market, on the same side and with the same slippage.

    Thousands of them do, so each figure is found once, when the first one asks for it. `price` is the one to size with,
    None where none is known.
    """

    market: FollowerMarket
    side: PositionWord
    price: Decimal | None
    leader_price: Decimal | None
    max_slippage_percent: Decimal | None

    @cached_property
    def short_on_spot(self) -> bool:
        """Whether copies would have to sell what they do not have."""
        return self.market.kind == MarketKind.SPOT and self.side == PositionWord.SHORT

    @cached_property
    def worse_percent(self) -> Decimal | None:
        """By how many per cent the market is worse than the leader's price, None where one of both is not known."""
        leader, price = self.leader_price, self.market.price
        if leader is None or price is None or leader <= ZERO or price <= ZERO:
            return None
        return worse_percent(self.side, leader, price)

    @cached_property
    def limit(self) -> Decimal | None:
        """The worst price to enter at, on the market's ticks; None where nothing limits it or the venue cannot.

        It is the leader's price and the slippage allowed; the market's own where the leader's is not known. It stays
        within the band of prices that the venue takes, on the far side of which no better price lies.
        """
        percent, rules = self.max_slippage_percent, self.market.filters
        reference = self.leader_price if self.leader_price is not None and self.leader_price > ZERO else self.price
        if percent is None or reference is None or not self.market.limit_ioc:
            return None
        buys, fresh = self.side == PositionWord.LONG, self.market.price
        allowed = reference * (HUNDRED + (percent if buys else -percent)) / HUNDRED
        factor = rules.price_factor_up if buys else rules.price_factor_down
        ends = [rules.price_max if buys else rules.price_min, fresh * factor if fresh and factor else None]
        pick = min if buys else max
        limit = price_round(rules, pick([allowed, *(end for end in ends if end)]), up=not buys, kind=self.market.kind)
        return limit if limit > ZERO else None

    @cached_property
    def order_side(self) -> Side:
        """Whether entries buy or sell."""
        return Side.BUY if self.side == PositionWord.LONG else Side.SELL

    @cached_property
    def position_side(self) -> PositionSide:
        """Which position orders name: one of two where the account has both."""
        if not self.market.hedge_mode or self.market.kind == MarketKind.SPOT:
            return PositionSide.BOTH
        return PositionSide(self.side.value)

    @cached_property
    def bounds(self) -> Bounds:
        """The bounds of one entry."""
        return bounds_of(self.market, market_order=self.limit is None)

    @cached_property
    def nearly(self) -> Decimal:
        """What a quantity may be short of a step and still be on it."""
        return step_of(self.market) * NEARLY

    @cached_property
    def unit(self) -> Decimal:
        """What one unit of the market is worth."""
        assert self.price is not None, "what has no price is not sized"
        return unit_worth(self.market, self.price)

    @cached_property
    def lowest_unit(self) -> Decimal:
        """What a venue takes it to be worth that multiplies with the limit: less, where sellers have one."""
        assert self.price is not None, "what has no price is not sized"
        return self.unit if self.limit is None else unit_worth(self.market, min(self.limit, self.price))

    @cached_property
    def largest(self) -> Decimal | None:
        """The largest entry in one order, None where nothing binds it."""
        return largest_of(self.market, self.bounds, self.unit, market_order=self.limit is None)

    @cached_property
    def leverage(self) -> Decimal:
        """The leverage with which copies trade."""
        return leverage_of(self.market)

    @cached_property
    def discount(self) -> Decimal:
        """Which part of the funds may be spent."""
        return discount_of(self.max_slippage_percent, self.leverage)

    def spendable(self, funds: Decimal) -> Decimal:
        """Return what all positions of a copy may be worth for its funds: funds x leverage x discount."""
        return max(funds, ZERO) * self.leverage * self.discount


def site_of(trade: LeaderTrade, terms: CopyTerms, market: FollowerMarket) -> Site:
    """Return where a copy follows a trade."""
    return Site(market, side_of(trade, terms), price_of(trade, market), trade.price, terms.max_slippage_percent)


def worse_percent(side: PositionWord, leader: Decimal, price: Decimal) -> Decimal:
    """Return by how many per cent a price is worse than the leader's to enter at; better ones are negative."""
    more = price - leader if side == PositionWord.LONG else leader - price
    return more * HUNDRED / leader
