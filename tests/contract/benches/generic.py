"""An exchange through ccxt: Bybit's spot market and its linear contracts, before a simulator that speaks like it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from markets.venues import loop
from markets.venues.base import AccountAccess, Credentials, OrderReport, Venue
from markets.venues.generic.adapter import GenericVenue
from markets.venues.vocabulary import MarketKind
from tests.contract.bench import Bench, Fault, Maker
from tests.simulators.generic import BybitSimulator

KINDS = {"spot": MarketKind.SPOT, "linear": MarketKind.USD_M}
CREATE = "/v5/order/create"
FAULTS = {
    Fault.ANSWER_LOST: "drop_after",
    Fault.ANSWER_LATE: "timeout",
    Fault.REQUEST_LOST: "drop_before",
    Fault.OVERLOADED: "expired",
    Fault.GARBAGE: "garbage",
    Fault.RATE_LIMIT: "limit",
}


class GenericBench:
    """One category of Bybit."""

    faults = frozenset(FAULTS)
    fills_in_parts = True

    def __init__(self, category: str, exchange: BybitSimulator) -> None:
        self.adapter: Venue = GenericVenue("bybit", address=exchange.url)
        if category == "spot":
            # The suite takes a venue for one kind of market, and coins are not positions.
            self.adapter.capabilities = replace(self.adapter.capabilities, reduce_only=False)
        self.exchange, self.category = exchange, category
        self.kind, self.symbol, self.quantity = KINDS[category], "BTCUSDT", Decimal("0.01")
        self._keys: dict[str, str] = {}

    @property
    def secrets(self) -> frozenset[str]:
        """All keys and secrets that were made."""
        return frozenset((*self._keys, *self._keys.values()))

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        made = self.exchange.account({"USDT": "1"} if poor else {"USDT": "1000000", "BTC": "10"})
        self._keys[made.key] = made.secret
        return AccountAccess(f"account-{len(self._keys)}", Credentials(made.key, made.secret), hedge_mode=hedge)

    def set_price(self, price: Decimal) -> None:
        self.exchange.price(self.category, price)

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        assert account.credentials
        self.exchange.fill(account.credentials.key, order.venue_order_id, quantity)

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        self.exchange.fault(FAULTS[fault], path=CREATE, seconds=seconds)

    def requests(self) -> int:
        return sum(self.exchange.requests.values())


@contextmanager
def made_bench(category: str) -> Iterator[Bench]:
    with BybitSimulator([category]) as exchange:
        made = GenericBench(category, exchange)
        try:
            yield made
        finally:
            loop.run(made.adapter.close())


def bench(category: str, request: pytest.FixtureRequest) -> AbstractContextManager[Bench]:
    return made_bench(category)


BENCHES: Mapping[str, Maker] = {f"bybit-{category}": partial(bench, category) for category in KINDS}
