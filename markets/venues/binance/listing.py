"""exchangeInfo as markets with their filters (pure).

Filters are read by name: their order differs from symbol to symbol, and a venue drops and adds some. A part that is 0
is switched off. Order types that the house has no word for are left out. Conditional types of futures are listed like
all others, though they are placed elsewhere. Sources: the filter and exchangeInfo pages of the three APIs.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from markets.filters import Filters
from markets.venues.base import MarketSpec
from markets.venues.binance.numbers import amount, positive
from markets.venues.binance.orders import FUTURES_TYPES, LIMIT_MAKER, SPOT_TYPES
from markets.venues.vocabulary import PRICED_TYPES, MarketKind, OrderType, TimeInForce

Entry = Mapping[str, Any]
TRADING = "TRADING"
SPOT_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})


def read_listing(reply: Entry, kind: MarketKind) -> list[MarketSpec]:
    """Return all markets of an answer of exchangeInfo, those that do not trade too."""
    return [read_market(entry, kind) for entry in reply["symbols"]]


def read_market(entry: Entry, kind: MarketKind) -> MarketSpec:
    """Return one market; COIN-M calls the status `contractStatus` and counts in contracts."""
    status = str(entry.get("contractStatus") or entry["status"])
    return MarketSpec(
        symbol=str(entry["symbol"]),
        kind=kind,
        base_asset=str(entry["baseAsset"]),
        quote_asset=str(entry["quoteAsset"]),
        margin_asset=str(entry.get("marginAsset", entry["quoteAsset"])),
        status=status,
        trading=status == TRADING and bool(entry.get("isSpotTradingAllowed", True)),
        contract_type=str(entry.get("contractType", "")),
        contract_size=amount(entry["contractSize"]) if kind is MarketKind.COIN_M else Decimal(1),
        filters=read_filters(entry),
        pair=str(entry.get("pair", "")),
        order_types=read_order_types(entry, kind),
        times_in_force=read_times_in_force(entry, kind),
    )


def read_order_types(entry: Entry, kind: MarketKind) -> tuple[OrderType, ...]:
    """Return the types that a symbol takes, none where it does not say."""
    words = SPOT_TYPES if kind is MarketKind.SPOT else FUTURES_TYPES
    listed = {words[word] for word in entry.get("orderTypes") or () if word in words}
    return tuple(each for each in OrderType if each in listed)


def read_times_in_force(entry: Entry, kind: MarketKind) -> tuple[TimeInForce, ...]:
    """Return the times in force that a symbol takes, none where it does not say."""
    listed = _spot_times(entry) if kind is MarketKind.SPOT else set(entry.get("timeInForce") or ())
    return tuple(each for each in TimeInForce if each in listed)


def _spot_times(entry: Entry) -> set[TimeInForce]:
    """Return what the types of a spot symbol say: post-only is a type there, and the other times are all symbols'."""
    listed = set(entry.get("orderTypes") or ())
    priced = any(SPOT_TYPES.get(word) in PRICED_TYPES for word in listed - {LIMIT_MAKER})
    return (set(SPOT_TIMES) if priced else set()) | ({TimeInForce.GTX} if LIMIT_MAKER in listed else set())


def read_filters(entry: Entry) -> Filters:
    """Return the rules of a market."""
    named = {each["filterType"]: each for each in entry["filters"]}
    prices, lots = named.get("PRICE_FILTER", {}), named.get("LOT_SIZE", {})
    market_lots = named.get("MARKET_LOT_SIZE", {})
    notional = named.get("NOTIONAL") or named.get("MIN_NOTIONAL") or {}
    band = named.get("PERCENT_PRICE_BY_SIDE") or named.get("PERCENT_PRICE") or {}
    return Filters(
        price_tick=positive(prices, "tickSize"),
        price_min=positive(prices, "minPrice"),
        price_max=positive(prices, "maxPrice"),
        quantity_step=positive(lots, "stepSize"),
        quantity_min=positive(lots, "minQty"),
        quantity_max=positive(lots, "maxQty"),
        market_quantity_step=positive(market_lots, "stepSize"),
        market_quantity_min=positive(market_lots, "minQty"),
        market_quantity_max=positive(market_lots, "maxQty"),
        notional_min=positive(notional, "notional") or positive(notional, "minNotional"),
        notional_max=positive(notional, "maxNotional"),
        notional_min_on_market=bool(notional.get("applyMinToMarket", notional.get("applyToMarket", True))),
        notional_max_on_market=bool(notional.get("applyMaxToMarket", False)),
        price_factor_up=positive(band, "bidMultiplierUp") or positive(band, "multiplierUp"),
        price_factor_down=positive(band, "askMultiplierDown") or positive(band, "multiplierDown"),
        trigger_protect=positive(entry, "triggerProtect"),
    )
