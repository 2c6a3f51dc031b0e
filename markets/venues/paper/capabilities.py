"""What the paper books can do: what their venue can, as far as prices tell."""

from dataclasses import replace

from markets.venues.base import Capabilities
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce


def for_paper(own: Capabilities) -> Capabilities:
    """Return the capabilities of a paper account at a venue with these."""
    return replace(
        own,
        order_types=own.order_types - {OrderType.TRAILING_STOP_MARKET},
        times_in_force=own.times_in_force - {TimeInForce.GTD},
        # Shares have no such word at their exchange; the books know what is held.
        reduce_only=own.reduce_only or MarketKind.EQUITY in own.kinds,
        private_stream=False,
        acknowledges_first=False,
        told_as=None,
    )
