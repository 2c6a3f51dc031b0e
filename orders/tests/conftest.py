"""What the tests of orders share."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from markets.venues import registry
from markets.venues.base import Credentials
from orders.executor.checking import orders_check
from orders.models import Credential, Mode, Order, Origin, TradingAccount
from orders.services.placing import order_write
from orders.tests import memory_venue
from orders.tests.memory_venue import MemoryVenue
from orders.tests.proxy_kit import ada, binance, binance_process  # noqa: F401  (fixtures)
from orders.tests.reopening_kit import resting  # noqa: F401  (a fixture)
from orders.vault import seal
from tests.beside import pool  # noqa: F401  (a fixture)
from tests.factories import make_account, make_market


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[MemoryVenue]:
    """A venue in memory, registered as `fake`; live trading is on."""
    settings.LIVE_TRADING = True
    fresh = memory_venue.renew()
    monkeypatch.setattr(registry, "FIRST_CLASS", (*registry.FIRST_CLASS, memory_venue.INFO))
    registry.venues.cache_clear()
    registry.adapters_close()
    yield fresh
    registry.venues.cache_clear()
    registry.adapters_close()


@pytest.fixture
def without_reduce_only(venue: MemoryVenue, monkeypatch: pytest.MonkeyPatch) -> MemoryVenue:
    """Let the venue be one that has no reduce-only, such as a broker of shares."""
    info = replace(memory_venue.INFO, capabilities=replace(memory_venue.CAPABILITIES, reduce_only=False))
    monkeypatch.setattr(registry, "FIRST_CLASS", (*registry.FIRST_CLASS[:-1], info))
    registry.venues.cache_clear()
    return venue


@pytest.fixture
def account(db: None, venue: MemoryVenue) -> TradingAccount:
    """A live account at the fake venue, with a key."""
    return make_live_account()


def make_live_account(**values: Any) -> TradingAccount:
    """Return a live account at the fake venue that may trade."""
    account = make_account(**{"venue": "fake", "mode": Mode.LIVE, "live_enabled": True, **values})
    ciphertext, key_id = seal(Credentials("key", "secret"), account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="key", can_trade=True)
    return account


@pytest.fixture
def write(account: TradingAccount) -> Callable[..., Order]:
    """Write an order of the account: buy 0.5 at the market, unless something else is said."""
    market = make_market(venue="fake")

    def write_order(**values: Any) -> Order:
        return order_write(
            **{
                "account": account,
                "market": market,
                "origin": Origin.MANUAL,
                "side": "BUY",
                "type": "MARKET",
                "quantity": Decimal("0.5"),
                "send_within": timedelta(minutes=5),
                **values,
            }
        )

    return write_order


def age(order: Order, seconds: float) -> None:
    """Let an order have been claimed, and asked about, so much earlier."""
    past = timedelta(seconds=seconds)
    row = Order.objects.get(pk=order.pk)
    Order.objects.filter(pk=order.pk).update(
        claimed_at=row.claimed_at and row.claimed_at - past,
        absent_since=row.absent_since and row.absent_since - past,
        acknowledged_at=row.acknowledged_at and row.acknowledged_at - past,
        check_at=row.check_at and row.check_at - past,
        send_after=row.send_after - past,
    )


def prove(order: Order) -> None:
    """Let the venue be asked so late, and so often, that its "no" is a proof."""
    age(order, 12)
    orders_check()
    age(order, 2)
    orders_check()
