"""What can be traded: the recorded exchangeInfo of each market, its filters read as Decimals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from tests.simulators.exchange.kinds import COIN_M, ZERO, Market

DATA = Path(__file__).resolve().parents[1] / "data"
PRICES = {"BTC": "76915", "ETH": "2900", "BNB": "700", "SOL": "150"}
PRICE_OF_OTHERS = "100"


@dataclass(slots=True, frozen=True)
class Range:
    """Least, most and step of a price or quantity; zero disables a part."""

    least: Decimal
    most: Decimal
    step: Decimal


@dataclass(slots=True, frozen=True, eq=False)
class Symbol:
    """One symbol. Quantities of COIN-M count contracts of `contract_size` USD each."""

    market: Market
    name: str
    base: str
    quote: str
    margin: str
    pair: str
    contract_type: str
    contract_size: Decimal
    price_places: int
    quantity_places: int
    prices: Range
    lots: Range
    market_lots: Range
    least_notional: Decimal
    most_notional: Decimal
    up: Decimal
    down: Decimal
    most_orders: int
    order_types: frozenset[str]
    status: str
    raw: Mapping[str, Any]

    def value(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Return the worth of a quantity in the asset that pays for it: quote asset, or the coin on COIN-M."""
        return value_of(self, quantity, price)


@lru_cache(maxsize=10_000)  # who follows somebody all trade the same, and one number is kept for all of them
def value_of(symbol: Symbol, quantity: Decimal, price: Decimal) -> Decimal:
    """Return what `Symbol.value` does, which asks here."""
    if symbol.market is COIN_M:
        return quantity * symbol.contract_size / price
    return quantity * price


def read_symbol(market: Market, raw: Mapping[str, Any]) -> Symbol:
    """Return the symbol that an entry of exchangeInfo describes."""
    filters = {entry["filterType"]: entry for entry in raw["filters"]}
    prices, lots, bounds = filters["PRICE_FILTER"], filters["LOT_SIZE"], _bounds(filters)
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    orders = filters.get("MAX_NUM_ORDERS", {})
    spot = market is Market.SPOT
    return Symbol(
        market=market,
        name=raw["symbol"],
        base=raw["baseAsset"],
        quote=raw["quoteAsset"],
        margin=raw.get("marginAsset", raw["quoteAsset"]),
        pair=raw.get("pair", raw["symbol"]),
        contract_type=raw.get("contractType", ""),
        contract_size=Decimal(raw.get("contractSize", 1)),
        price_places=8 if spot else raw["pricePrecision"],
        quantity_places=8 if spot else raw["quantityPrecision"],
        prices=Range(Decimal(prices["minPrice"]), Decimal(prices["maxPrice"]), Decimal(prices["tickSize"])),
        lots=_lots(lots),
        market_lots=_lots(filters.get("MARKET_LOT_SIZE", lots)),
        least_notional=Decimal(notional.get("notional", notional.get("minNotional", "0"))),
        most_notional=Decimal(notional.get("maxNotional", "0")),
        up=bounds[0],
        down=bounds[1],
        most_orders=orders.get("maxNumOrders", orders.get("limit", 0)),
        order_types=frozenset(raw["orderTypes"]),
        status=raw.get("contractStatus", raw.get("status", "TRADING")),
        raw=raw,
    )


def _lots(entry: Mapping[str, str]) -> Range:
    return Range(Decimal(entry["minQty"]), Decimal(entry["maxQty"]), Decimal(entry["stepSize"]))


def _bounds(filters: Mapping[str, Mapping[str, Any]]) -> tuple[Decimal, Decimal]:
    sided, plain = filters.get("PERCENT_PRICE_BY_SIDE"), filters.get("PERCENT_PRICE")
    if sided:
        return Decimal(sided["bidMultiplierUp"]), Decimal(sided["askMultiplierDown"])
    return (Decimal(plain["multiplierUp"]), Decimal(plain["multiplierDown"])) if plain else (ZERO, ZERO)


def first_price(symbol: Symbol) -> Decimal:
    """Return the price at which a symbol begins."""
    return Decimal(PRICES.get(symbol.base, PRICE_OF_OTHERS))


class Catalogue:
    """The exchangeInfo of one market."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.symbols: dict[str, Symbol] = {}
        self._envelope, entries = _recorded(market)
        self._encoded: dict[tuple[str, ...], bytes] = {}
        for entry in entries:
            self.add(entry)

    def add(self, raw: Mapping[str, Any]) -> Symbol:
        """List a symbol, or replace the one of that name."""
        symbol = read_symbol(self.market, raw)
        self.symbols[symbol.name] = symbol
        self._encoded.clear()
        return symbol

    def like(
        self, name: str, model: str, changes: Mapping[str, Any], filters: Mapping[str, Mapping[str, Any]]
    ) -> Symbol:
        """List a symbol that differs from another one by fields and by fields of its filters."""
        raw = dict(self.symbols[model].raw)
        if name not in self.symbols:
            base = name.partition("_")[0].removesuffix(raw["quoteAsset"])
            raw.update(symbol=name, baseAsset=base)
            raw.update({"pair": name.partition("_")[0]} if "pair" in raw else {})
            raw.update({"marginAsset": base} if self.market is Market.COIN_M else {})
        raw.update(changes)
        raw["filters"] = [{**entry, **filters.get(entry["filterType"], {})} for entry in raw["filters"]]
        return self.add(raw)

    def encoded(self, now: int, names: Iterable[str] = ()) -> bytes:
        """Return the body of exchangeInfo for these symbols, or for all."""
        wanted = tuple(names)
        if wanted not in self._encoded:
            chosen = [self.symbols[name].raw for name in wanted or self.symbols]
            self._encoded[wanted] = msgspec.json.encode({**self._envelope, "symbols": chosen})
        return b'{"serverTime":%d,%b' % (now, self._encoded[wanted][1:])


def load(name: str) -> Any:
    """Return a recorded body."""
    return msgspec.json.decode((DATA / f"{name}.json").read_bytes())


def _recorded(market: Market) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match market:
        case Market.SPOT:
            envelope = load("spot_exchangeinfo_4symbols")
            entries = envelope.pop("symbols")
        case Market.USD_M:
            # One symbol was recorded live; the others come from the demo venue of the same year.
            envelope = load("usdm_exchangeinfo_btcusdt")
            entries = envelope.pop("symbols")
            known = {entry["symbol"] for entry in entries}
            others = load("usdm_demo_exchangeinfo_4symbols_2026")["symbols"]
            entries += [entry for entry in others if entry["symbol"] not in known]
        case Market.COIN_M:
            envelope = load("coinm_exchangeinfo_btcusd")
            entries = envelope.pop("symbols")
    envelope.pop("serverTime")
    return envelope, entries
