"""The three houses of Binance, before a simulator that speaks like them."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

import pytest

from copytrade.lib import loop
from markets.venues.base import AccountAccess, Credentials, OrderReport
from markets.venues.binance.adapter import make
from markets.venues.binance.capabilities import COIN_M, SPOT, USD_M
from markets.venues.vocabulary import MarketKind
from tests.contract.addresses import pointed_at
from tests.contract.bench import Bench, Fault
from tests.simulators.binance import BinanceSimulator

PLACES = {
    "binance": ("/api/v3/order", "executionReport"),
    "binanceusdm": ("/fapi/v1/order", "ORDER_TRADE_UPDATE"),
    "binancecoinm": ("/dapi/v1/order", "ORDER_TRADE_UPDATE"),
}
MARKETS = {
    "binance": (MarketKind.SPOT, "BTCUSDT", "0.01"),
    "binanceusdm": (MarketKind.USD_M, "BTCUSDT", "0.01"),
    "binancecoinm": (MarketKind.COIN_M, "BTCUSD_PERP", "10"),
}
POOR: Mapping[str, Mapping[str, str]] = {
    "spot": {"USDT": "1", "BTC": "0.00001"},
    "usd_m": {"USDT": "1"},
    "coin_m": {"BTC": "0.0000001"},
}
CAPABILITIES = {MarketKind.SPOT: SPOT, MarketKind.USD_M: USD_M, MarketKind.COIN_M: COIN_M}
KINDS = {
    Fault.ANSWER_LOST: "drop_after",
    Fault.ANSWER_LATE: "timeout_408",
    Fault.REQUEST_LOST: "drop_before",
    Fault.OVERLOADED: "throttled_503",
    Fault.GARBAGE: "garbage",
    Fault.RATE_LIMIT: "rate_limit",
}


class BinanceBench:
    """A house of Binance."""

    faults = frozenset(Fault)
    fills_in_parts = True

    def __init__(self, slug: str, exchange: BinanceSimulator) -> None:
        self.adapter = make(slug)
        self.exchange = exchange
        self.kind, self.symbol, quantity = MARKETS[slug]
        self.quantity = Decimal(quantity)
        self._path, self._event = PLACES[slug]
        self._keys: dict[str, str] = {}

    @property
    def secrets(self) -> frozenset[str]:
        """All keys and secrets that were made."""
        return frozenset((*self._keys, *self._keys.values()))

    def account(self, *, poor: bool = False, hedge: bool = False) -> AccountAccess:
        made = self.exchange.account(balances=POOR if poor else None, hedge=hedge)
        self._keys[made.key] = made.secret
        return AccountAccess(f"account-{made.uid}", Credentials(made.key, made.secret), hedge_mode=hedge)

    def set_price(self, price: Decimal) -> None:
        self.exchange.price(self.kind.value, self.symbol, price)

    def fill_part(self, account: AccountAccess, order: OrderReport, quantity: Decimal) -> None:
        assert account.credentials
        key = account.credentials.key
        self.exchange.fill(key, self.kind.value, int(order.venue_order_id), quantity=quantity)

    def misbehave(self, fault: Fault, *, seconds: float = 60.0) -> None:
        match fault:
            case Fault.STREAM_LOST:
                self.exchange.kill_sockets()
            case Fault.FILL_UNTOLD:
                self.exchange.fault("stream_withhold", event=self._event, count=None)
            case Fault.ACCOUNT_LIMIT:
                told = {"status": 400, "code": -1015, "message": "Too many new orders."}
                self.exchange.fault("error", method="POST", path=self._path, **told)
            case Fault.UNREACHABLE:
                self.exchange.fault("drop_before", count=None)
            case Fault.BAN:
                self.exchange.ban(seconds)
            case Fault.RATE_LIMIT:
                self.exchange.fault(KINDS[fault], seconds=seconds)
            case _:
                self.exchange.fault(KINDS[fault], method="POST", path=self._path, seconds=seconds)

    def recover(self) -> None:
        self.exchange.clear_faults()

    def requests(self) -> int:
        return sum(self.exchange.counts()["requests"].values())


@contextmanager
def bench(slug: str) -> Iterator[Bench]:
    with BinanceSimulator() as exchange, pointed_at(exchange):
        made = BinanceBench(slug, exchange)
        try:
            yield made
        finally:
            loop.run(made.adapter.close())


class BinanceMaker:
    """Makes benches of one house."""

    faults = BinanceBench.faults

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.capabilities = CAPABILITIES[MARKETS[slug][0]]

    def __call__(self, request: pytest.FixtureRequest) -> AbstractContextManager[Bench]:
        return bench(self.slug)


BENCHES: Mapping[str, BinanceMaker] = {slug: BinanceMaker(slug) for slug in MARKETS}
