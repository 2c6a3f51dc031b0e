"""What is known of a venue's markets while paper orders are worked on: rules, prices, and how old those are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from copytrade.lib.wire import plain_digits
from markets.filters import Filters
from markets.models import Market
from markets.prices import is_stale, prices_read
from markets.venues.base import MarketSpec, PriceReport
from markets.venues.paper import pricing
from markets.venues.paper.engine import View
from markets.venues.paper.facts import MarketKey
from markets.venues.vocabulary import MarketKind, OrderType, TimeInForce


class Prices(Protocol):
    """Where prices come from."""

    def read(self, venue: str, kind: MarketKind, symbols: Sequence[str]) -> Mapping[str, PriceReport]:
        """Return the last prices that are known, by symbol."""
        ...

    def is_stale(self, report: PriceReport, now: datetime) -> bool:
        """Whether a price is too old for new risk."""
        ...


class FeedPrices:
    """The prices that the price feed keeps."""

    def read(self, venue: str, kind: MarketKind, symbols: Sequence[str]) -> Mapping[str, PriceReport]:
        """Return the last prices that are known, by symbol."""
        return prices_read(venue, kind, symbols)

    def is_stale(self, report: PriceReport, now: datetime) -> bool:
        """Whether a price is too old for new risk."""
        return is_stale(report, now)


@dataclass(frozen=True, slots=True)
class Scene:
    """Markets and prices at one moment."""

    markets: Mapping[MarketKey, MarketSpec]
    prices: Mapping[MarketKey, PriceReport]
    stale: frozenset[MarketKey]
    marks: Mapping[MarketKey, Decimal]
    now: datetime

    def view(self, key: MarketKey) -> View | None:
        """Return what an order in a market sees, None where there is no such market."""
        market = self.markets.get(key)
        if market is None:
            return None
        return View(market, self.prices.get(key), key in self.stale, self.marks, self.now)


def scene_of(
    venue: str, keys: Iterable[MarketKey], *, source: Prices, now: datetime, known: Iterable[PriceReport] = ()
) -> Scene:
    """Return the scene of some markets, in one statement and one round trip for each kind; `known` prices go first."""
    wanted = set(keys)
    prices = prices_of(venue, wanted, source=source, known=known)
    return Scene(
        markets=_markets(venue, wanted),
        prices=prices,
        stale=frozenset(key for key, price in prices.items() if source.is_stale(price, now)),
        marks=marks_of(prices),
        now=now,
    )


def prices_of(
    venue: str, keys: Iterable[MarketKey], *, source: Prices, known: Iterable[PriceReport] = ()
) -> dict[MarketKey, PriceReport]:
    """Return the prices of some markets, in one round trip for each kind; `known` ones go first."""
    wanted = set(keys)
    fresh = {key: price for price in known if (key := MarketKey(price.kind, price.symbol)) in wanted}
    return {**_read(venue, wanted - fresh.keys(), source), **fresh}


def marks_of(prices: Mapping[MarketKey, PriceReport]) -> dict[MarketKey, Decimal]:
    """Return the prices that positions are valued at."""
    return {key: mark for key, price in prices.items() if (mark := pricing.mark(price))}


def stored_markets(venue: str) -> list[MarketSpec]:
    """Return all markets of a venue as they are stored."""
    return [spec_of(row) for row in Market.objects.filter(venue=venue)]


def plain(value: Decimal) -> Decimal:
    """Return a stored amount without the zeros that fill its column."""
    return Decimal(plain_digits(value))


def _read(venue: str, keys: Iterable[MarketKey], source: Prices) -> dict[MarketKey, PriceReport]:
    by_kind = defaultdict(list)
    for key in sorted(keys):
        by_kind[key.kind].append(key.symbol)
    found = {kind: source.read(venue, kind, symbols) for kind, symbols in by_kind.items()}
    return {MarketKey(kind, symbol): price for kind, prices in found.items() for symbol, price in prices.items()}


def _markets(venue: str, keys: set[MarketKey]) -> dict[MarketKey, MarketSpec]:
    rows = Market.objects.filter(venue=venue, symbol__in=sorted({key.symbol for key in keys})) if keys else []
    specs = (spec_of(row) for row in rows)
    return {key: spec for spec in specs if (key := MarketKey(spec.kind, spec.symbol)) in keys}


def spec_of(row: Market) -> MarketSpec:
    """Return a stored market as its venue listed it."""
    rules: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(Filters)}
    rules |= {name: plain(rule) for name, rule in rules.items() if isinstance(rule, Decimal)}
    return MarketSpec(
        symbol=row.symbol,
        kind=MarketKind(row.kind),
        base_asset=row.base_asset,
        quote_asset=row.quote_asset,
        margin_asset=row.margin_asset,
        status=row.status,
        trading=row.trading and row.delisted_at is None,
        contract_type=row.contract_type,
        contract_size=plain(row.contract_size),
        filters=Filters(**rules),
        pair=row.pair,
        order_types=tuple(OrderType(word) for word in row.order_types),
        times_in_force=tuple(TimeInForce(word) for word in row.times_in_force),
    )
