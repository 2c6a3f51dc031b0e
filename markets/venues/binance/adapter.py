"""Binance as a venue: spot, USD-M and COIN-M, one object each."""

from django.conf import settings

from markets.venues.base import Venue
from markets.venues.binance.accounts import Accounts, Modes
from markets.venues.binance.contracts import Contracts
from markets.venues.binance.gateway import Gateway
from markets.venues.binance.houses import house
from markets.venues.binance.market_data import MarketData
from markets.venues.binance.streams import Streams
from markets.venues.binance.trading import Trading
from markets.venues.budget import Budget


class Binance(Trading, Accounts, MarketData, Streams):
    """One house of Binance; its parts share the gateway and what they have learnt of contracts and modes."""

    def __init__(self, gateway: Gateway) -> None:
        self.slug = gateway.house.slug
        self.capabilities = gateway.house.capabilities
        self.gateway = gateway
        self.contracts = Contracts(gateway.house.kind, self.markets)
        self.modes = Modes(gateway)

    async def close(self) -> None:
        """Close what is open."""
        await self.gateway.close()


def make(slug: str) -> Venue:
    """Return an adapter of `binance`, `binanceusdm` or `binancecoinm` at the addresses of the settings."""
    gateway = Gateway(
        house(slug, settings), budget=Budget(settings.REDIS_URL), timeout_seconds=settings.VENUE_TIMEOUT_SECONDS
    )
    return Binance(gateway)
