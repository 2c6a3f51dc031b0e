"""The words in which the house speaks of orders; adapters translate them into each venue's own (pure)."""

from enum import StrEnum


class MarketKind(StrEnum):
    """What is traded: coins, linear contracts (settled in the quote), inverse ones (settled in the coin), or shares.

    Shares are held on margin, long or short, and settled in the currency: they count as linear contracts of size one.
    """

    SPOT = "spot"
    USD_M = "usd_m"
    COIN_M = "coin_m"
    EQUITY = "equity"


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class PositionSide(StrEnum):
    """Which position an order belongs to; `BOTH` is the only one of an account in one-way mode, and of spot."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class OrderType(StrEnum):
    """How an order trades; the ones with a stop wait for a price first."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"


# Where stops that wait are counted apart from orders, one market has two of a number: theirs begins so here, until they
# are triggered and have an order's own.
WAITING_STOP = "algo:"
CONDITIONAL_TYPES = frozenset(OrderType) - {OrderType.MARKET, OrderType.LIMIT}
PRICED_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})


class TimeInForce(StrEnum):
    """How long an order with a price waits; GTX is post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class WorkingType(StrEnum):
    """Which price triggers a conditional order."""

    MARK_PRICE = "MARK_PRICE"
    CONTRACT_PRICE = "CONTRACT_PRICE"


class VenueStatus(StrEnum):
    """What a venue says of an order that it has."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


FINAL_STATUSES = frozenset(VenueStatus) - {VenueStatus.NEW, VenueStatus.PARTIALLY_FILLED}
