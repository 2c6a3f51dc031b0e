"""A paper account in the database, and a hand on its venue's prices."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from markets.models import Market, PaperAccount, PaperOrder
from markets.tests.venues.paper_kit import ASSETS, VENUES, D, request
from markets.venues.base import AccountAccess, MarketSpec, OrderReference, OrderReport, OrderRequest, PriceReport
from markets.venues.errors import VenueError
from markets.venues.paper import books
from markets.venues.paper.accounts import paper_account_open
from markets.venues.paper.books import Answer, Delay, Wish
from markets.venues.paper.facts import MarketKey
from markets.venues.paper.feed import paper_match
from markets.venues.paper.scene import spec_of
from markets.venues.vocabulary import MarketKind
from tests.factories import make_market

STALE_AFTER = timedelta(seconds=15)
PLAIN_TERMS = {"slippage": "0", "liquidity": "0"}


@dataclass
class FakePrices:
    """Prices as the feed would keep them."""

    known: dict[MarketKey, PriceReport] = field(default_factory=dict)

    def set(self, market: MarketSpec, price: Any, *, age: int = 0, **parts: Any) -> PriceReport:
        value, moment = D(price), timezone.now() - timedelta(seconds=age)
        report = PriceReport(market.symbol, market.kind, moment, **{"last": value, "mark": value, **parts})
        self.known[MarketKey(market.kind, market.symbol)] = report
        return report

    def read(self, venue: str, kind: MarketKind, symbols: Sequence[str]) -> Mapping[str, PriceReport]:
        keys = [MarketKey(kind, symbol) for symbol in symbols]
        return {key.symbol: self.known[key] for key in keys if key in self.known}

    def is_stale(self, report: PriceReport, now: datetime) -> bool:
        return now - report.time > STALE_AFTER


class PaperDesk:
    """Accounts at the paper venue over one of Binance's houses, Bitcoin at 50,000."""

    def __init__(self, kind: MarketKind = MarketKind.USD_M) -> None:
        self.venue, self.asset = VENUES[kind], ASSETS[kind]
        self.row: Market = make_market(venue=self.venue)
        self.market = spec_of(self.row)
        self.prices = FakePrices()
        self.prices.set(self.market, 50_000)
        self._numbers = count(1)

    def account(self, amount: Any = 10_000, *, hedge_mode: bool = False, **terms: Any) -> AccountAccess:
        key = f"paper-{next(self._numbers)}"
        paper_account_open(
            key=key, venue=self.venue, asset=self.asset, amount=D(amount), leverage=10, settings=PLAIN_TERMS | terms
        )
        return AccountAccess(key, hedge_mode=hedge_mode)

    def order(self, side: str, quantity: Any = None, **values: Any) -> OrderRequest:
        return request(self.market, side, quantity, **{"client_order_id": f"order-{next(self._numbers)}", **values})

    def place(self, access: AccountAccess, order: OrderRequest) -> OrderReport:
        (answer,) = self.place_all((access, order))
        if isinstance(answer, VenueError):
            raise answer
        return answer

    def place_all(self, *items: tuple[AccountAccess, OrderRequest]) -> list[Answer]:
        until = time.monotonic() + 5
        wishes = [Wish(access, order, until, has_waited=True) for access, order in items]
        return [
            answer for answer in books.place_batch(self.venue, wishes, self.prices) if not isinstance(answer, Delay)
        ]

    def query(self, access: AccountAccess, order: OrderRequest) -> OrderReport | None:
        return books.query(self.venue, access, reference(order))

    def cancel(self, access: AccountAccess, order: OrderRequest) -> OrderReport:
        return books.cancel(self.venue, access, reference(order))

    def price(self, price: Any, **parts: Any) -> int:
        """Let the market move, and the feed tell it."""
        report = self.prices.set(self.market, price, **parts)
        return paper_match(venue=self.venue, prices=[report], source=self.prices)

    def total(self, access: AccountAccess, asset: str = "") -> Decimal:
        return self.amounts(access, asset)["total"]

    def amounts(self, access: AccountAccess, asset: str = "") -> dict[str, Decimal]:
        stored = PaperAccount.objects.get(key=access.id).balances[asset or self.asset]
        return {name: Decimal(value) for name, value in stored.items()}

    def stored(self, order: OrderRequest) -> PaperOrder:
        return PaperOrder.objects.get(client_order_id=order.client_order_id)


def reference(order: OrderRequest) -> OrderReference:
    return OrderReference(order.symbol, order.kind, order.type, order.client_order_id)
