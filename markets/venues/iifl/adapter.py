"""IIFL as a venue: shares of the NSE over XTS."""

from django.conf import settings

from markets.venues.base import Venue
from markets.venues.budget import Budget
from markets.venues.iifl.accounts import Accounts
from markets.venues.iifl.capabilities import EQUITY
from markets.venues.iifl.gateway import Gateway
from markets.venues.iifl.house import house_of
from markets.venues.iifl.instruments import Instruments
from markets.venues.iifl.master import SEGMENT
from markets.venues.iifl.shared import Shared
from markets.venues.iifl.streams import Streams
from markets.venues.iifl.trading import Trading


class Iifl(Trading, Accounts, Streams):
    """IIFL; its parts share the gateway and the list of instruments."""

    capabilities = EQUITY

    def __init__(self, slug: str, gateway: Gateway) -> None:
        self.slug = slug
        self.gateway = gateway
        self.instruments = Instruments(lambda: gateway.master([SEGMENT]))

    async def close(self) -> None:
        """Close what is open."""
        await self.gateway.close()


def make(slug: str) -> Venue:
    """Return an adapter at the address of the settings."""
    gateway = Gateway(
        house_of(settings),
        budget=Budget(settings.REDIS_URL),
        shared=Shared(settings.REDIS_URL),
        timeout_seconds=settings.VENUE_TIMEOUT_SECONDS,
    )
    return Iifl(slug, gateway)
