"""Listening to live accounts: what the venue tells is stored, and what was missed is asked for."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command

from markets.venues import registry
from markets.venues.base import Credentials
from markets.venues.vocabulary import OrderType, Side
from orders.executor.sending import orders_execute
from orders.models import Credential, Fill, Holding, Mode, Order, Origin, Reconciliation, TradingAccount
from orders.services.placing import order_write
from orders.tests.watching_kit import until, watching
from orders.vault import credentials_of, seal
from orders.watching import Watch
from tests.contract.addresses import pointed_at
from tests.factories import make_account, make_market
from tests.simulators.binance import BinanceSimulator

D = Decimal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def running_exchange() -> Iterator[BinanceSimulator]:
    with BinanceSimulator() as exchange:
        yield exchange


@pytest.fixture
def exchange(running_exchange: BinanceSimulator, settings: Any) -> Iterator[BinanceSimulator]:
    running_exchange.reset()
    settings.LIVE_TRADING = True
    with pointed_at(running_exchange):
        registry.adapters_close()
        yield running_exchange
        registry.adapters_close()


@pytest.fixture
def account(exchange: BinanceSimulator) -> TradingAccount:
    keys = exchange.account()
    row = make_account(mode=Mode.LIVE, live_enabled=True)
    ciphertext, key_id = seal(Credentials(keys.key, keys.secret), row.key)
    Credential.objects.create(account=row, ciphertext=ciphertext, key_id=key_id, key_hint=keys.key[-4:])
    return row


@pytest.fixture
def watch(account: TradingAccount) -> Iterator[None]:
    """A watch in a thread of its own; the first comparison is done when the test begins."""
    with watching():
        until(lambda: Reconciliation.objects.filter(trigger="stream").exists())
        yield


def rest(account: TradingAccount) -> Order:
    """Return an order that waits at the venue, far below the price."""
    order = order_write(
        account=account,
        market=make_market(),
        origin=Origin.MANUAL,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force="GTC",
        quantity=D("0.010"),
        price=D("70000"),
        send_within=timedelta(minutes=1),
    )
    orders_execute([order.pk])
    order.refresh_from_db()
    assert order.state == "NEW", order.reason
    return order


def key_of(account: TradingAccount) -> str:
    return credentials_of([account.pk])[account.pk].key


@pytest.mark.usefixtures("watch")
def test_a_fill_is_stored_as_soon_as_the_venue_tells(account, exchange):
    order = rest(account)

    exchange.fill(key_of(account), "usd_m", int(order.venue_order_id))

    until(lambda: Order.objects.get().state == "FILLED")
    assert list(Order.objects.get().events.values_list("source", flat=True))[-1] == "stream"
    assert Holding.objects.get().quantity == D("0.01")


@pytest.mark.usefixtures("watch")
def test_events_that_come_twice_count_once(account, exchange):
    order = rest(account)
    exchange.fault("stream_duplicate", count=None)

    exchange.fill(key_of(account), "usd_m", int(order.venue_order_id), quantity="0.004")
    exchange.fill(key_of(account), "usd_m", int(order.venue_order_id))

    until(lambda: Order.objects.get().booked_quantity == D("0.01"))
    assert Fill.objects.count() == 2
    assert Holding.objects.get().quantity == D("0.01")


@pytest.mark.usefixtures("watch")
def test_what_happens_while_the_connection_is_lost_is_asked_for_after_it(account, exchange):
    order = rest(account)
    exchange.fault("stream_withhold", count=None)
    exchange.fill(key_of(account), "usd_m", int(order.venue_order_id))
    exchange.clear_faults()

    exchange.kill_sockets()

    until(lambda: Holding.objects.filter(quantity=D("0.01")).exists())
    assert Order.objects.get().state == "FILLED"


@pytest.mark.usefixtures("watch")
def test_an_account_that_is_opened_later_is_listened_to_as_well(exchange, settings):
    keys = exchange.account()
    row = make_account(mode=Mode.LIVE, live_enabled=True)
    ciphertext, key_id = seal(Credentials(keys.key, keys.secret), row.key)
    Credential.objects.create(account=row, ciphertext=ciphertext, key_id=key_id, key_hint="hint")

    until(lambda: Reconciliation.objects.filter(account=row, trigger="stream").exists())


def test_the_command_ends_when_it_is_told_to(monkeypatch):
    told: list[Callable[..., None]] = []
    monkeypatch.setattr("signal.signal", lambda number, handler: told.append(handler))
    monkeypatch.setattr(Watch, "run", lambda self: told[0]())

    call_command("watch_accounts")

    assert len(told) == 2
