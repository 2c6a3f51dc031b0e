"""The markets of the demo world, for as long as their venues have not listed them.

Their rules are those that Binance had in 2024 (spot) and 2026 (USD-M); they only have to be plausible. The status tells
such a row from one of a venue: `markets_refresh` overwrites it, like all the rest.
"""

from decimal import Decimal

from django.db import transaction
from django.db.models import ProtectedError

from copytrade.ops.demo.market import INSTRUMENTS
from markets.models import CandleSeries, Market, MarketRefresh
from markets.venues.vocabulary import MarketKind
from markets.wanted import VENUES

STATUS = "DEMO"
QUOTE = "USDT"

# Tick, least and highest price; step and highest quantity, the highest of a MARKET order; least notional.
USD_M = {
    "BTCUSDT": ("0.1", "556.8", "4529764", "0.001", "1000", "120", "50"),
    "ETHUSDT": ("0.01", "39.86", "306177", "0.001", "10000", "2000", "20"),
    "SOLUSDT": ("0.01", "0.42", "6857", "0.01", "1000000", "6000", "5"),
    "HYPEUSDT": ("0.001", "0.001", "100000", "0.01", "100000", "50000", "5"),
    "XRPUSDT": ("0.0001", "0.0143", "100000", "0.1", "10000000", "2000000", "5"),
    "DOGEUSDT": ("0.00001", "0.00244", "30", "1", "50000000", "30000000", "5"),
    "BNBUSDT": ("0.01", "6.6", "100000", "0.01", "100000", "1500", "5"),
    "1000PEPEUSDT": ("0.0000001", "0.0000001", "200", "1", "10000000000", "300000000", "5"),
}
SPOT = {
    "BTCUSDT": ("0.01", "0.01", "1000000", "0.00001", "9000", "129.84957276", "5"),
    "ETHUSDT": ("0.01", "0.01", "1000000", "0.0001", "9000", "3125.75267907", "5"),
    "SOLUSDT": ("0.01", "0.01", "10000", "0.001", "90000", "64306.31937238", "5"),
    "XRPUSDT": ("0.0001", "0.0001", "10000", "0.1", "9222449", "4000000", "5"),
    "DOGEUSDT": ("0.00001", "0.00001", "1000", "1", "9000000", "8000000", "5"),
    "BNBUSDT": ("0.1", "0.1", "100000", "0.001", "900000", "4883.5223682", "5"),
}


def markets_seed() -> int:
    """Add the markets that are missing at venues that never listed theirs; return how many were added."""
    listed = set(MarketRefresh.objects.exclude(last_success_at=None).values_list("venue", flat=True))
    rows = [row for row in demo_markets() if row.venue not in listed]
    before = Market.objects.filter(status=STATUS).count()
    Market.objects.bulk_create(rows, ignore_conflicts=True)
    return Market.objects.filter(status=STATUS).count() - before


@transaction.atomic
def markets_remove() -> int:
    """Delete the markets that no venue has listed since and that nothing refers to; return how many."""
    rows = list(Market.objects.filter(status=STATUS).select_for_update().order_by("pk"))
    # A series without a candle would keep its market; the next sync gives it the one that there is then.
    CandleSeries.objects.filter(market__in=rows, market__candles=None).update(market=None)
    return sum(_is_removed(row) for row in rows)


def demo_markets() -> list[Market]:
    """Return the rows, unsaved."""
    usd_m = [_market(MarketKind.USD_M, symbol, *rules) for symbol, rules in USD_M.items()]
    return usd_m + [_market(MarketKind.SPOT, symbol, *rules) for symbol, rules in SPOT.items()]


def _is_removed(row: Market) -> bool:
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError:
        return False
    return True


def _market(
    kind: MarketKind,
    symbol: str,
    tick: str,
    least: str,
    highest: str,
    step: str,
    most: str,
    at_once: str,
    notional: str,
) -> Market:
    spot = kind is MarketKind.SPOT
    row = Market(
        venue=VENUES[kind],
        symbol=symbol,
        kind=kind,
        base_asset=INSTRUMENTS[symbol].asset,
        quote_asset=QUOTE,
        margin_asset=QUOTE,
        pair="" if spot else symbol,
        contract_type="" if spot else "PERPETUAL",
        status=STATUS,
        price_tick=Decimal(tick),
        price_min=Decimal(least),
        price_max=Decimal(highest),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step),
        quantity_max=Decimal(most),
        market_quantity_max=Decimal(at_once),
        notional_min=Decimal(notional),
        price_factor_up=Decimal(5 if spot else "1.05"),
        price_factor_down=Decimal("0.2" if spot else "0.95"),
    )
    if spot:
        row.notional_max = Decimal(9_000_000)
    else:
        row.market_quantity_step = row.market_quantity_min = Decimal(step)
        row.trigger_protect = Decimal("0.05")
    return row
