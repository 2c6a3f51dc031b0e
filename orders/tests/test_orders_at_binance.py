"""The order layer before an exchange that behaves like Binance, where they could disagree about what one order is."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from markets.venues import registry
from markets.venues.base import Credentials
from markets.venues.vocabulary import OrderType, Side
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute, orders_execute_due
from orders.models import Credential, Holding, Mode, Order, Origin, TradingAccount
from orders.services.placing import order_write
from orders.services.reconcile import account_reconcile
from orders.tests.conftest import age
from orders.vault import seal
from tests.contract.addresses import pointed_at
from tests.factories import make_account, make_market
from tests.simulators.binance import BinanceSimulator

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
def trader(exchange: BinanceSimulator) -> TradingAccount:
    keys = exchange.account()
    account = make_account(mode=Mode.LIVE, live_enabled=True)
    ciphertext, key_id = seal(Credentials(keys.key, keys.secret), account.key)
    Credential.objects.create(account=account, ciphertext=ciphertext, key_id=key_id, key_hint="hint")
    return account


def write(account: TradingAccount, **values: Any) -> Order:
    market = {"account": account, "market": make_market(), "origin": Origin.MANUAL, "quantity": Decimal("0.01")}
    kind = {"side": Side.BUY, "type": OrderType.MARKET, "send_within": timedelta(minutes=5)}
    return order_write(**{**market, **kind, **values})


def settle() -> None:
    for _ in range(3):
        for order in Order.objects.all():
            age(order, 100)
        orders_check()


def test_a_stop_that_is_triggered_while_nobody_listens_stays_one_order(exchange, trader):
    write(trader)
    write(trader, side=Side.SELL, type=OrderType.STOP_MARKET, stop_price=Decimal(60_000), reduce_only=True)
    orders_execute_due()
    settle()

    exchange.price("usd_m", "BTCUSDT", "59000")
    account_reconcile(account=trader, trigger="stream")
    settle()

    told = Order.objects.order_by("pk").values_list("type", "state", "booked_quantity", "check_at")
    assert list(told) == [
        ("MARKET", "FILLED", Decimal("0.01"), None),
        ("STOP_MARKET", "FILLED", Decimal("0.01"), None),
    ]
    assert Holding.objects.get().quantity == 0


def test_an_order_whose_preparations_took_too_long_is_not_sent_by_that_worker(exchange, trader, settings):
    """Another worker may send it by then."""
    settings.ORDER_SEND_WINDOW_SECONDS = 1
    exchange.fault("lag_after", method="GET", path="/fapi/v1/time", low=1300, high=1300)
    order = write(trader)

    orders_execute([order.pk])

    order.refresh_from_db()
    assert (order.state, exchange.placements()) == ("PENDING", [])
    age(order, 10)
    orders_execute_due()
    assert [row["client_id"] for row in exchange.placements()] == [order.client_order_id]


def test_trades_after_a_comparison_that_came_first_are_booked_once(exchange, trader):
    exchange.fault("drop_after", method="POST", path="/fapi/v1/order")
    order = write(trader)
    orders_execute([order.pk])
    assert Order.objects.get().state == "UNKNOWN"

    account_reconcile(account=trader, trigger="schedule")
    settle()

    order.refresh_from_db()
    assert (order.state, order.booked_quantity, Order.objects.count()) == ("FILLED", Decimal("0.01"), 1)
    assert Holding.objects.get().quantity == Decimal("0.01")
