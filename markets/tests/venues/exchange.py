"""A simulated Binance with an adapter before it, for tests of what only Binance does."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Credentials, OrderReference, OrderReport, OrderRequest
from markets.venues.binance.adapter import Binance, make
from markets.venues.vocabulary import MarketKind, OrderType, Side, TimeInForce
from tests.contract.addresses import pointed_at
from tests.contract.bench import run
from tests.simulators.binance import BinanceSimulator

SYMBOLS = {"binance": "BTCUSDT", "binanceusdm": "BTCUSDT", "binancecoinm": "BTCUSD_PERP"}


@dataclass
class House:
    """One house: its simulator, its adapter, and a rich account."""

    slug: str
    exchange: BinanceSimulator
    adapter: Binance
    access: AccountAccess
    orders: int = 0

    @property
    def kind(self) -> MarketKind:
        return self.adapter.gateway.house.kind

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.slug]

    def order(self, **changes: Any) -> OrderRequest:
        """Return an order that rests below the price, with these changes."""
        self.orders += 1
        values: dict[str, Any] = {
            "client_order_id": f"binance{self.orders:04d}",
            "symbol": self.symbol,
            "kind": self.kind,
            "side": Side.BUY,
            "type": OrderType.LIMIT,
            "quantity": Decimal(10) if self.kind is MarketKind.COIN_M else Decimal("0.01"),
            "price": Decimal(75000),
            "time_in_force": TimeInForce.GTC,
        }
        return OrderRequest(**{**values, **changes})

    def place(self, request: OrderRequest) -> OrderReport:
        return run(self.adapter.place(self.access, request))

    def query(self, request: OrderRequest) -> OrderReport | None:
        return run(self.adapter.query(self.access, self.reference(request)))

    def cancel(self, request: OrderRequest) -> OrderReport:
        return run(self.adapter.cancel(self.access, self.reference(request)))

    @staticmethod
    def reference(request: OrderRequest) -> OrderReference:
        return OrderReference(request.symbol, request.kind, request.type, request.client_order_id)

    def seen(self, path: str) -> int:
        """Return how often a path (with its method before it) was called."""
        return int(self.exchange.counts()["requests"].get(path, 0))


def eventually(happened: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Ask until it has happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it has not happened"


@contextmanager
def house(slug: str, **account: Any) -> Iterator[House]:
    """Open a house."""
    with BinanceSimulator() as exchange, pointed_at(exchange):
        made = exchange.account(**account)
        adapter = cast("Binance", make(slug))
        try:
            access = AccountAccess("1", Credentials(made.key, made.secret), hedge_mode=account.get("hedge", False))
            yield House(slug, exchange, adapter, access)
        finally:
            loop.run(adapter.close())
