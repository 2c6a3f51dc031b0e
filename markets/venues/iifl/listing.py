"""The built-in listing: large shares of the NSE with prices of the order of the real ones (pure).

It is for paper accounts where no market data is configured. It names no instrument numbers: orders to the real
exchange take those from the exchange's own master, never from here.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache

from markets.filters import Filters
from markets.venues.base import MarketSpec
from markets.venues.vocabulary import MarketKind

SIMULATED = "SIMULATED"
CURRENCY = "INR"
TICK = Decimal("0.05")
LOT = Decimal(1)
MOST = Decimal(1_000_000)  # the exchange freezes larger orders

REFERENCES = """
    ACC 1985.00  ADANIENT 2480.00  ADANIPORTS 1345.00  APOLLOHOSP 6890.00  ASIANPAINT 2465.00  AXISBANK 1178.00
    BAJAJ-AUTO 8760.00  BAJAJFINSV 1985.00  BAJFINANCE 915.00  BALKRISIND 2853.50  BHARTIARTL 1845.00  BPCL 318.00
    BRITANNIA 5520.00  CIPLA 1510.00  COALINDIA 392.00  DIVISLAB 6640.00  DRREDDY 1285.00  EICHERMOT 5580.00
    GAIL 192.00  GRASIM 2760.00  HCLTECH 1650.00  HDFCBANK 1960.00  HDFCLIFE 762.00  HEROMOTOCO 4310.00
    HINDALCO 668.00  HINDUNILVR 2360.00  ICICIBANK 1425.00  INDUSINDBK 815.00  INFY 1605.00  IOC 141.00  ITC 418.00
    JSWSTEEL 985.00  KOTAKBANK 2095.00  LT 3610.00  M&M 3040.00  MARUTI 12380.00  NESTLEIND 2390.00  NTPC 338.00
    ONGC 243.00  PIDILITIND 3020.00  POWERGRID 291.00  RELIANCE 2450.50  SBILIFE 1790.00  SBIN 812.00
    SUNPHARMA 1690.00  TATACONSUM 1105.00  TATAMOTORS 702.00  TATASTEEL 159.00  TCS 3480.00  TECHM 1575.00
    TITAN 3560.00  ULTRACEMCO 11720.00  VEDL 445.00  WIPRO 252.00
"""


@cache
def references() -> Mapping[str, Decimal]:
    """Return the symbols with their reference prices in rupees."""
    words = REFERENCES.split()
    return {symbol: Decimal(price) for symbol, price in zip(words[::2], words[1::2], strict=True)}


def built_in() -> Sequence[MarketSpec]:
    """Return the markets, known without asking anybody; their status says that their prices are simulated."""
    return [share_spec(symbol, status=SIMULATED) for symbol in references()]


def share_spec(
    symbol: str,
    *,
    status: str,
    tick: Decimal = TICK,
    lot: Decimal = LOT,
    most: Decimal = MOST,
    bounds: tuple[Decimal | None, Decimal | None] = (None, None),
) -> MarketSpec:
    """Return a share as a market; `bounds` are the lowest and the highest price of the day."""
    return MarketSpec(
        symbol=symbol,
        kind=MarketKind.EQUITY,
        base_asset=symbol[:32],
        quote_asset=CURRENCY,
        margin_asset=CURRENCY,
        status=status,
        trading=True,
        contract_type="",
        contract_size=Decimal(1),
        filters=Filters(
            price_tick=tick,
            price_min=bounds[0] or tick,
            price_max=bounds[1],
            quantity_step=lot,
            quantity_min=lot,
            quantity_max=most,
        ),
    )
