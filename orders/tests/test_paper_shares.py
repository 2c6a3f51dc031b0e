"""A user at IIFL can trade shares on paper in the next second: no key, no waiting for markets, no watcher."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from copytrade.accounts.models import User
from markets.models import Market, PaperAccount
from markets.services.refresh import market_venue_want
from orders.executor.sending import orders_execute
from orders.models import Fill, Holding, Order, Origin, TradingAccount
from orders.services.accounts import account_create
from orders.services.placing import order_write
from orders.services.pricing import prices_bring
from orders.services.sync import account_sync
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN = timedelta(seconds=30)


def opened(user: User) -> TradingAccount:
    return account_create(user=user, name="Shares", venue="iifl", actor=None)


def written(account: TradingAccount, **values: object) -> Order:
    market = Market.objects.get(venue="iifl", symbol="RELIANCE")
    order = {"side": "BUY", "type": "MARKET", "quantity": Decimal(100), "send_within": WITHIN, **values}
    return order_write(account=account, market=market, origin=Origin.MANUAL, **order)  # type: ignore[arg-type]


def carried_out(*orders: Order) -> list[Order]:
    ids = [order.pk for order in orders]
    prices_bring(ids)
    orders_execute(ids)
    return list(Order.objects.filter(pk__in=ids).order_by("pk"))


def test_a_new_account_buys_a_hundred_shares_of_reliance() -> None:
    account = opened(make_user())
    (order,) = carried_out(written(account))

    assert (order.state, order.filled_quantity) == ("FILLED", Decimal(100))
    assert order.average_price is not None
    assert abs(order.average_price / Decimal("2450.50") - 1) < Decimal("0.02")
    holding = Holding.objects.get()
    assert (holding.quantity, holding.fees) == (Decimal(100), sum(fill.fee for fill in Fill.objects.all()))
    assert {fill.fee_asset for fill in Fill.objects.all()} == {"INR"}


def test_shares_can_be_sold_before_they_are_bought_and_turned_around() -> None:
    account = opened(make_user())
    carried_out(written(account, side="SELL", quantity=Decimal(10)))
    assert Holding.objects.get().quantity == -10

    carried_out(written(account, quantity=Decimal(30)))

    holding = Holding.objects.get()
    assert holding.quantity == 20
    account_sync(account=account)
    account.refresh_from_db()
    assert (account.equity_asset, account.sync_error) == ("INR", "")
    assert account.equity is not None
    assert abs(account.equity - 10_000) < 1500


def test_markets_are_there_at_once_and_say_that_their_prices_are_simulated() -> None:
    opened(make_user())

    rows = list(Market.objects.filter(venue="iifl"))
    assert len(rows) > 50
    assert {(row.kind, row.status, row.quote_asset, row.margin_asset) for row in rows} == {
        ("equity", "SIMULATED", "INR", "INR")
    }


def test_wanting_the_venue_again_writes_no_market_again() -> None:
    market_venue_want("iifl")
    Market.objects.filter(venue="iifl", symbol="ACC").update(status="EQ")
    market_venue_want("iifl")

    assert Market.objects.get(venue="iifl", symbol="ACC").status == "EQ"


def test_more_than_the_margin_allows_is_refused() -> None:
    (order,) = carried_out(written(opened(make_user()), quantity=Decimal(1000)))

    assert (order.state, order.reason_code) == ("REJECTED", "INSUFFICIENT_MARGIN")


def test_part_of_a_share_is_refused() -> None:
    (order,) = carried_out(written(opened(make_user()), quantity=Decimal("0.5")))

    assert (order.state, order.reason_code) == ("REJECTED", "LOT_SIZE")


def test_orders_wait_as_long_as_over_the_real_interface_and_not_for_one_another() -> None:
    accounts = [opened(make_user()) for _ in range(20)]
    orders = [written(account, quantity=Decimal(1)) for account in accounts]
    prices_bring([order.pk for order in orders])
    start = time.monotonic()
    done = carried_out(*orders)
    took = time.monotonic() - start

    assert {order.state for order in done} == {"FILLED"}
    assert took >= 0.05
    assert took < 20 * 0.05
    assert set(PaperAccount.objects.values_list("leverage", flat=True)) == {50}
    assert timezone.now() >= max(order.finished_at for order in done if order.finished_at)
