"""The paper books over the three houses of Binance, whose simulator tells candles and prices."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.utils import timezone

from copytrade.lib import loop
from markets.models import Market, PaperAccount, PaperOrder
from markets.prices import prices_write
from markets.venues.base import AccountAccess, MarketSpec, OrderReport, PriceReport, Venue
from markets.venues.binance.adapter import make
from markets.venues.paper.accounts import paper_account_open, paper_funds_move
from markets.venues.paper.adapter import PaperVenue
from markets.venues.paper.feed import paper_match
from markets.venues.paper.terms import share
from markets.venues.registry import capabilities
from markets.venues.vocabulary import MarketKind
from tests.contract.addresses import pointed_at
from tests.contract.bench import Bench, Fault
from tests.contract.paper_faults import BREAKS, Books, PausedPrices
from tests.simulators.binance import BinanceSimulator

MARKETS = {
    "binance": (MarketKind.SPOT, "BTCUSDT", "0.01"),
    "binanceusdm": (MarketKind.USD_M, "BTCUSDT", "0.01"),
    "binancecoinm": (MarketKind.COIN_M, "BTCUSD_PERP", "10"),
}
RICH: Mapping[MarketKind, Mapping[str, str]] = {
    MarketKind.SPOT: {"USDT": "1000000", "BTC": "10"},
    MarketKind.USD_M: {"USDT": "1000000"},
    MarketKind.COIN_M: {"BTC": "10"},
}
POOR: Mapping[MarketKind, Mapping[str, str]] = {
    MarketKind.SPOT: {"USDT": "1"},
    MarketKind.USD_M: {"USDT": "1"},
    MarketKind.COIN_M: {"BTC": "0.0000001"},
}


class PaperBench:
    """Paper accounts at a house of Binance."""

    faults = frozenset({*BREAKS, Fault.RATE_LIMIT, Fault.UNREACHABLE})
    fills_in_parts = True
    secrets: frozenset[str] = frozenset()

    def __init__(self, slug: str, exchange: BinanceSimulator, live: Venue) -> None:
        self.slug, self.exchange, self.live = slug, exchange, live
        self.books, self.prices = Books(), PausedPrices()
        self.adapter: Venue = PaperVenue(slug, prices=self.prices, live=live, runs=self.books)
        self.kind, self.symbol, quantity = MARKETS[slug]
        self.quantity = Decimal(quantity)
        self._numbers = count(1)
        for spec in loop.run(self.live.markets()):
            if spec.symbol == self.symbol:
                Market.objects.create(venue=slug, **columns(spec))
        self._tell()

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        key = f"contract-{next(self._numbers)}"
        (asset, amount), *others = (POOR if poor else RICH)[self.kind].items()
        paper_account_open(key=key, venue=self.slug, asset=asset, amount=Decimal(amount))
        for other, more in others:
            paper_funds_move(key=key, asset=other, amount=Decimal(more))
        return AccountAccess(key, hedge_mode=hedge)

    def set_price(self, price: Decimal) -> None:
        self.exchange.price(self.kind.value, self.symbol, price)
        self._tell()

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        """Let the price come to the order, with so little liquidity that just this quantity fills."""
        assert order.price is not None
        stored = PaperOrder.objects.get(pk=order.venue_order_id)
        spec = Market.objects.get(venue=self.slug)
        each = spec.contract_size if self.kind is MarketKind.COIN_M else spec.contract_size * order.price
        part = share(account.id, order.client_order_id, stored.trades + 1)
        liquidity = quantity * each / part * Decimal("1.000001")
        PaperAccount.objects.filter(key=account.id).update(settings={"liquidity": f"{liquidity:f}"})
        at = order.price
        touched = PriceReport(self.symbol, self.kind, timezone.now(), last=at, bid=at, ask=at, mark=at)
        paper_match(venue=self.slug, prices=prices_write(self.slug, [touched]))

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        if fault is Fault.RATE_LIMIT:
            self.prices.until = timezone.now() + timedelta(seconds=seconds)
        elif fault is Fault.UNREACHABLE:
            self.books.is_away = True
        else:
            self.books.fault = fault

    def recover(self) -> None:
        self.books.is_away = False

    def requests(self) -> int:
        return self.books.reached

    def _tell(self) -> None:
        """Do what the price feed does."""
        reports = prices_write(self.slug, loop.run(self.live.prices(self.kind, [self.symbol])))
        paper_match(venue=self.slug, prices=reports)


def columns(spec: MarketSpec) -> dict[str, Any]:
    """Return a market as its row keeps it."""
    values = asdict(spec)
    filters: dict[str, Any] = values.pop("filters")
    return values | filters


@contextmanager
def bench(slug: str) -> Iterator[PaperBench]:
    with ExitStack() as stack:
        exchange = stack.enter_context(BinanceSimulator())
        stack.enter_context(pointed_at(exchange))
        live = make(slug)
        stack.callback(lambda: loop.run(live.close()))
        made = PaperBench(slug, exchange, live)
        stack.callback(lambda: loop.run(made.adapter.close()))
        yield made


class PaperMaker:
    """Makes benches over one house. What they store is committed, for the adapter's threads see nothing else."""

    faults = PaperBench.faults
    marks = (pytest.mark.django_db(transaction=True, available_apps=["markets"]),)

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.capabilities = capabilities(slug, paper=True)

    def __call__(self, request: pytest.FixtureRequest) -> AbstractContextManager[Bench]:
        return bench(self.slug)


BENCHES: Mapping[str, PaperMaker] = {f"paper-{slug}": PaperMaker(slug) for slug in MARKETS}
