"""Where copies of a chunk trade: made once for all that are alike, of whom there are thousands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from markets.models import Market
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce
from replication.engine.loading import Follower, usual_leverage
from replication.facts import CopyTerms, FollowerMarket, LeaderTrade
from replication.sites import Site, site_of


@dataclass(frozen=True, slots=True)
class Places:
    """Markets and sites as the copies see them that follow one signal; `prices` are the fresh ones, by market."""

    prices: Mapping[int, Decimal]
    _markets: dict[tuple[Any, ...], FollowerMarket] = field(default_factory=dict)
    _sites: dict[tuple[Any, ...], Site] = field(default_factory=dict)

    def market(self, market: Market, follower: Follower) -> FollowerMarket:
        """Return a market as a copy sees it."""
        key = (market.id, follower.live, follower.hedge_mode, follower.leverage)
        if key not in self._markets:
            self._markets[key] = market_seen(
                market,
                self.prices.get(market.id),
                paper=not follower.live,
                hedge_mode=follower.hedge_mode,
                leverage=follower.leverage,
            )
        return self._markets[key]

    def site(self, market: Market, follower: Follower, trade: LeaderTrade, terms: CopyTerms) -> Site:
        """Return where a copy follows the signal's trade, which has one price in each market."""
        key = (
            market.id,
            follower.live,
            follower.hedge_mode,
            follower.leverage,
            terms.inverted,
            terms.max_slippage_percent,
        )
        site = self._sites.get(key)
        if site is None:
            site = self._sites[key] = site_of(trade, terms, self.market(market, follower))
        return site


def market_seen(
    market: Market, price: Decimal | None, *, paper: bool, hedge_mode: bool, leverage: Decimal | None
) -> FollowerMarket:
    """Return a market as the planner wants it; `leverage` is the account's there, None where nobody told it."""
    kind, able = MarketKind(market.kind), capabilities(market.venue, paper=paper)
    contracts = kind != MarketKind.SPOT
    return FollowerMarket(
        symbol=market.symbol,
        kind=kind,
        quote_asset=market.quote_asset,
        filters=market.filters,
        contract_size=market.contract_size,
        trading=market.trading,
        price=price,
        reduce_only=able.reduce_only and contracts,
        limit_ioc=OrderType.LIMIT in able.order_types and TimeInForce.IOC in able.times_in_force,
        hedge_mode=hedge_mode and contracts,
        leverage=(leverage or usual_leverage(kind)) if contracts else Decimal(1),
    )
