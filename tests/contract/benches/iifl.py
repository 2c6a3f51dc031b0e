"""IIFL's shares, before a simulator of XTS.

XTS acknowledges orders before the exchange has decided. It pauses single accounts, for a second: it asks nobody else
for a pause, bans nobody, and has no word for being overloaded.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

import pytest
from django.test import override_settings

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Credentials, OrderReport
from markets.venues.iifl.adapter import make
from markets.venues.iifl.capabilities import EQUITY
from markets.venues.vocabulary import MarketKind
from tests.contract.bench import Bench, Fault
from tests.simulators.iifl import IiflSimulator
from tests.simulators.iifl.api import MARKET_KEY, MARKET_SECRET

MANY = 1_000_000
KINDS = {
    Fault.ANSWER_LOST: "drop_after",
    Fault.ANSWER_LATE: "bad_gateway",
    Fault.REQUEST_LOST: "drop_before",
    Fault.GARBAGE: "garbage",
    Fault.ACCOUNT_LIMIT: "rate_limit",
}


def pointed_at(exchange: IiflSimulator, **settings: object) -> override_settings:
    """Return a context in which IIFL is a simulator, with nothing that makes tests slow or depend on the hour."""
    usual: dict[str, object] = {
        "IIFL_URL": exchange.url,
        "IIFL_MARKET_DATA_KEY": MARKET_KEY,
        "IIFL_MARKET_DATA_SECRET": MARKET_SECRET,
        "IIFL_MARKET_HOURS": "always",
        "IIFL_ORDERS_PER_SECOND": 1000,
        "IIFL_BOOK_CALLS_PER_SECOND": 1000,
    }
    return override_settings(**{**usual, **settings})


class IiflBench:
    """Accounts at IIFL."""

    faults = frozenset({*KINDS, Fault.UNREACHABLE, Fault.STREAM_LOST, Fault.FILL_UNTOLD})
    fills_in_parts = True
    kind, symbol, quantity = MarketKind.EQUITY, "RELIANCE", Decimal(10)

    def __init__(self, exchange: IiflSimulator) -> None:
        self.adapter = make("iifl")
        self.exchange = exchange
        self._keys: dict[str, str] = {}

    @property
    def secrets(self) -> frozenset[str]:
        """All keys and secrets that were made."""
        return frozenset((*self._keys, *self._keys.values()))

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        made = self.exchange.account(balance="1" if poor else "10000000")
        self._keys[made.key] = made.secret
        return AccountAccess(f"account-{made.client}", Credentials(made.key, made.secret), hedge_mode=hedge)

    def set_price(self, price: Decimal) -> None:
        self.exchange.price(self.symbol, price)

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        self.exchange.fill(int(order.venue_order_id), int(quantity))

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        match fault:
            case Fault.STREAM_LOST:
                self.exchange.kill_sockets()
            case Fault.FILL_UNTOLD:
                self.exchange.untold()
            case Fault.UNREACHABLE:
                self.exchange.fault("drop_before", count=MANY)
            case _:
                self.exchange.fault(KINDS[fault], method="POST", path="/interactive/orders")

    def recover(self) -> None:
        self.exchange.clear_faults()

    def requests(self) -> int:
        return sum(self.exchange.counts()["requests"].values())


@contextmanager
def bench() -> Iterator[Bench]:
    with IiflSimulator() as exchange, pointed_at(exchange):
        made = IiflBench(exchange)
        try:
            yield made
        finally:
            loop.run(made.adapter.close())


class IiflMaker:
    """Makes benches of IIFL."""

    faults = IiflBench.faults
    capabilities = EQUITY

    def __call__(self, request: pytest.FixtureRequest) -> AbstractContextManager[Bench]:
        return bench()


BENCHES: Mapping[str, IiflMaker] = {"iifl": IiflMaker()}
