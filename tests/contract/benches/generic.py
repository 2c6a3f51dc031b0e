"""Exchanges through ccxt, each before a simulator that speaks like it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Capabilities, Credentials, OrderReport, Venue
from markets.venues.generic.adapter import GenericVenue
from markets.venues.generic.capabilities import for_exchange
from markets.venues.vocabulary import MarketKind
from tests.contract.bench import Bench, Fault
from tests.simulators.bitget import BitgetSimulator
from tests.simulators.bybit import BybitSimulator
from tests.simulators.generic import ExchangeSimulator
from tests.simulators.kraken import KrakenSimulator
from tests.simulators.okx import INVERSE, LINEAR, OkxSimulator

FAULTS = {
    Fault.ANSWER_LOST: "drop_after",
    Fault.ANSWER_LATE: "timeout",
    Fault.REQUEST_LOST: "drop_before",
    Fault.OVERLOADED: "expired",
    Fault.GARBAGE: "garbage",
    Fault.RATE_LIMIT: "limit",
    Fault.ACCOUNT_LIMIT: "account_limit",
}
POOR = {MarketKind.COIN_M: {"BTC": "0.0000001"}}


@dataclass(frozen=True)
class Market:
    """One market of an exchange, and the name that the simulator has for it."""

    simulator: Callable[[], ExchangeSimulator[Any]]
    slug: str
    name: str
    symbol: str
    kind: MarketKind
    quantity: str
    quote: str = "USDT"


class GenericBench:
    """One market of an exchange."""

    faults = frozenset({*FAULTS, Fault.BAN, Fault.UNREACHABLE})
    fills_in_parts = True

    def __init__(self, market: Market, exchange: ExchangeSimulator[Any]) -> None:
        self.adapter: Venue = GenericVenue(market.slug, address=exchange.url)
        self.adapter.capabilities = capabilities(market)
        self.exchange, self.market = exchange, market
        self.kind, self.symbol, self.quantity = market.kind, market.symbol, Decimal(market.quantity)
        self._keys: set[str] = set()
        self._accounts = count(1)

    @property
    def secrets(self) -> frozenset[str]:
        """All keys, secrets and passphrases that were made."""
        return frozenset(self._keys)

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        rich = {self.market.quote: "1000000", "BTC": "10"}
        made = self.exchange.account(POOR.get(self.kind, {self.market.quote: "1"}) if poor else rich)
        self._keys |= {made.key, made.secret, made.passphrase}
        return AccountAccess(
            f"account-{next(self._accounts)}", Credentials(made.key, made.secret, made.passphrase), hedge_mode=hedge
        )

    def set_price(self, price: Decimal) -> None:
        self.exchange.price(self.market.name, price)

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        assert account.credentials
        self.exchange.fill(account.credentials.key, order.venue_order_id, quantity)

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        match fault:
            case Fault.BAN:
                self.exchange.ban(seconds)
            case Fault.UNREACHABLE:
                self.exchange.is_down = True
            case _:
                self.exchange.fault(FAULTS[fault], seconds=seconds)

    def recover(self) -> None:
        self.exchange.is_down = False

    def requests(self) -> int:
        return sum(self.exchange.requests.values())


def capabilities(market: Market) -> Capabilities:
    """Return what can be done in a market: the suite takes a venue for one kind, and coins are not positions."""
    able = for_exchange(market.slug)
    return replace(able, reduce_only=able.reduce_only and market.kind is not MarketKind.SPOT)


@contextmanager
def made_bench(market: Market) -> Iterator[Bench]:
    with market.simulator() as exchange:
        made = GenericBench(market, exchange)
        try:
            yield made
        finally:
            loop.run(made.adapter.close())


class GenericMaker:
    """Makes benches of one market."""

    faults = GenericBench.faults

    def __init__(self, market: Market) -> None:
        self.market = market
        self.capabilities = capabilities(market)

    def __call__(self, request: pytest.FixtureRequest) -> AbstractContextManager[Bench]:
        return made_bench(self.market)


SPOT, USD_M, COIN_M = MarketKind.SPOT, MarketKind.USD_M, MarketKind.COIN_M
MARKETS = (
    Market(BybitSimulator, "bybit", "spot", "BTCUSDT", SPOT, "0.01"),
    Market(BybitSimulator, "bybit", "linear", "BTCUSDT", USD_M, "0.01"),
    Market(OkxSimulator, "okx", "BTC-USDT", "BTC-USDT", SPOT, "0.01"),
    Market(OkxSimulator, "okx", LINEAR, LINEAR, USD_M, "1"),
    Market(OkxSimulator, "okx", INVERSE, INVERSE, COIN_M, "10"),
    Market(BitgetSimulator, "bitget", "BTCUSDT", "BTCUSDT", USD_M, "0.01"),
    Market(KrakenSimulator, "kraken", "XXBTZUSD", "XXBTZUSD", SPOT, "0.01", quote="USD"),
)
BENCHES: Mapping[str, GenericMaker] = {f"{market.slug}-{market.kind}": GenericMaker(market) for market in MARKETS}
