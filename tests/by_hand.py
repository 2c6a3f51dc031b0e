"""Somebody who trades at an exchange itself, by hand, with an account here that nobody lets trade."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from copytrade.lib.loop import run
from markets.models import Market
from markets.services.refresh import markets_refresh
from markets.venues import registry
from markets.venues.base import Credentials, OrderRequest, Venue
from markets.venues.generic.adapter import GenericVenue
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from orders.access import accesses_of
from orders.models import Credential, Mode, Reconciliation, TradingAccount
from orders.services.reconcile import account_reconcile
from orders.vault import seal
from tests.contract.addresses import pointed_at
from tests.contract.benches import binance, generic
from tests.factories import make_account
from tests.simulators.binance import BinanceSimulator
from tests.simulators.generic import ExchangeSimulator

GENERIC = {f"{market.slug}-{market.kind}": market for market in generic.MARKETS}
BINANCE = ("binance", "binanceusdm")
_numbers = count(1)


class ByHand:
    """An account in one market of an exchange, a simulator; `place` is its owner's way to that."""

    def __init__(
        self,
        exchange: Any,
        account: TradingAccount,
        market: Market,
        quantity: Decimal,
        place: Callable[[OrderRequest], Any],
    ) -> None:
        self.exchange, self.account, self.market, self.quantity = exchange, account, market, quantity
        self._place = place

    def trade(self, side: Side = Side.BUY, position_side: PositionSide = PositionSide.BOTH, *, times: int = 1) -> None:
        """Buy at the market, unless something else is said, without a client order id of ours."""
        kind, size = MarketKind(self.market.kind), self.quantity * times
        order = OrderRequest("", self.market.symbol, kind, side, OrderType.MARKET, size)
        self._place(replace(order, position_side=position_side))

    def hedge(self) -> None:
        """Hold long and short positions beside each other from now on, at an exchange that is reached through ccxt."""
        for made in self.exchange.exchange.accounts.values():
            made.ledger.hedge_mode = True

    def compare(self) -> Reconciliation:
        """Compare the account with its exchange, as a schedule does."""
        self.account.refresh_from_db()
        report = account_reconcile(account=self.account, trigger="schedule")
        assert not report.error
        return report


@contextmanager
def by_hand(name: str, patch: pytest.MonkeyPatch) -> Iterator[ByHand]:
    """Begin with an account that has never been compared; live trading stays switched off."""
    registry.adapters_close()
    with _at_binance(name) if name in BINANCE else _at_generic(GENERIC[name], patch) as hand:
        yield hand
        registry.adapters_close()


@contextmanager
def _at_generic(market: generic.Market, patch: pytest.MonkeyPatch) -> Iterator[ByHand]:
    with market.simulator() as exchange:
        make = registry._make

        def made_here(slug: str, *, paper: bool) -> Venue:
            here = slug == market.slug and not paper
            return GenericVenue(slug, address=exchange.url) if here else make(slug, paper=paper)

        patch.setattr(registry, "_make", made_here)
        made = exchange.account({market.quote: "1000000", "BTC": "10"})
        account = _account(market.slug, Credentials(made.key, made.secret, made.passphrase))
        row = Market.objects.get(venue=market.slug, symbol=market.symbol, kind=market.kind)
        yield ByHand(exchange, account, row, Decimal(market.quantity), _placing(exchange, made.key, market.name))


def _placing(exchange: ExchangeSimulator[Any], key: str, name: str) -> Callable[[OrderRequest], Any]:
    return lambda request: exchange.place(key, name, [request])


@contextmanager
def _at_binance(slug: str) -> Iterator[ByHand]:
    kind, symbol, quantity = binance.MARKETS[slug]
    with BinanceSimulator() as exchange, pointed_at(exchange):
        made = exchange.account()
        account = _account(slug, Credentials(made.key, made.secret))
        row = Market.objects.get(venue=slug, symbol=symbol, kind=kind)

        def place(request: OrderRequest) -> None:
            named = replace(request, client_order_id=f"web_{next(_numbers)}")  # Binance gives each order one
            run(registry.adapter(slug).place(accesses_of([account])[account.pk], named))

        yield ByHand(exchange, account, row, Decimal(quantity), place)


def _account(venue: str, keys: Credentials) -> TradingAccount:
    markets_refresh(venue=venue)
    account = make_account(venue=venue, mode=Mode.LIVE)
    ciphertext, key_id = seal(keys, account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="hint", can_trade=True)
    return account
