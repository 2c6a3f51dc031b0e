"""The list of recent orders, which a trigger of the database keeps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from copytrade.lib.sql import run, update_rows
from orders.models import Order, OrderEvent, Origin, RecentOrder
from orders.states import FINAL
from tests.factories import make_account, make_market, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Any:
    return make_account()


def proxied(account: Any, **values: Any) -> Order:
    return make_order(**{"account": account, "origin": Origin.PROXY, **values})


def finish(order: Order, state: str = "FILLED", **values: Any) -> None:
    now = timezone.now()
    Order.objects.filter(pk=order.pk).update(**{"state": state, "finished_at": now, "updated_at": now, **values})


def listed(account: Any) -> list[int]:
    return list(RecentOrder.objects.filter(account=account).values_list("order_id", flat=True))


def test_an_order_of_the_proxy_is_listed_as_soon_as_it_is_written(account):
    order = proxied(account)

    row = RecentOrder.objects.get()
    assert (row.order_id, row.account_id, row.market_id) == (order.pk, order.account_id, order.market_id)
    assert row.finished_at is None


@pytest.mark.parametrize("origin", sorted(set(Origin) - {Origin.PROXY}))
def test_orders_of_others_are_not_listed(account, origin):
    order = proxied(account, origin=origin)
    finish(order)

    assert listed(account) == []


def test_the_three_that_finished_last_stay_and_no_order_is_deleted(account):
    orders = [proxied(account) for _ in range(5)]
    for order in (orders[4], orders[0], orders[1], orders[2], orders[3]):
        finish(order)
        OrderEvent.objects.create(order=order, to_state="FILLED", source="reply")

    assert listed(account) == [orders[3].pk, orders[2].pk, orders[1].pk]
    assert (Order.objects.count(), OrderEvent.objects.count()) == (5, 5)


def test_open_orders_are_never_pruned(account):
    waiting = [proxied(account, state="NEW") for _ in range(6)]
    finished = [proxied(account) for _ in range(4)]
    for order in finished:
        finish(order)

    assert set(listed(account)) == {order.pk for order in [*waiting, *finished[1:]]}


@pytest.mark.parametrize("state", sorted(FINAL))
def test_every_final_state_ends_an_order(account, state):
    """The trigger has a list of its own: it must be that of `orders.states`."""
    order = proxied(account)
    moment = timezone.now() - timedelta(minutes=1)

    finish(order, state, finished_at=moment)

    assert RecentOrder.objects.get(order=order).finished_at == moment


@pytest.mark.parametrize("state", ["PENDING", "SENDING", "UNKNOWN", "NEW", "PARTIALLY_FILLED"])
def test_no_other_state_ends_an_order(account, state):
    order = proxied(account)

    Order.objects.filter(pk=order.pk).update(state=state)

    assert RecentOrder.objects.get(order=order).finished_at is None


def test_an_order_that_was_written_as_final_counts_as_finished(account):
    for _ in range(4):
        proxied(account, state="FAILED", finished_at=timezone.now())

    assert len(listed(account)) == 3


def test_what_was_pruned_does_not_come_back_by_a_late_word_of_the_venue(account):
    orders = [proxied(account) for _ in range(4)]
    for order in orders:
        finish(order, "CANCELED")

    finish(orders[0], "FILLED")

    assert listed(account) == [order.pk for order in orders[:0:-1]]


def test_an_order_that_was_given_up_and_lives_after_all_is_listed_as_open_again(account):
    orders = [proxied(account) for _ in range(4)]
    for order in orders:
        finish(order, "FAILED")

    Order.objects.filter(pk=orders[0].pk).update(state="NEW", finished_at=None)

    assert RecentOrder.objects.get(order=orders[0]).finished_at is None
    assert len(listed(account)) == 4


def test_markets_and_accounts_have_three_each_whatever_their_order_ids(account):
    other = make_account(user=account.user, venue="binancecoinm")
    stranger = make_account()
    for owner in (account, other, stranger):
        for number in range(4):
            order = proxied(owner, market=make_market(venue=owner.venue), venue_order_id=str(number))
            finish(order)

    assert [len(listed(owner)) for owner in (account, other, stranger)] == [3, 3, 3]


def test_a_thousand_orders_at_once_are_one_run_of_the_trigger(account):
    now, market = timezone.now(), make_market()
    run("SET LOCAL track_functions = 'pl'")
    make_order(account=account)  # one that is not the proxy's: it is not even noted
    orders = [
        Order(
            account=account,
            market=market,
            origin=Origin.PROXY,
            client_order_id=f"bulk-{number}",
            side="BUY",
            type="MARKET",
            send_before=now,
        )
        for number in range(1000)
    ]
    with CaptureQueriesContext(connection) as queries:
        Order.objects.bulk_create(orders)
    assert len(queries) <= 2

    columns = {"state": "text", "finished_at": "timestamptz"}
    update_rows("orders_order", columns, [{"id": order.pk, "state": "FILLED", "finished_at": now} for order in orders])

    calls = dict(run("SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE funcname LIKE 'orders_recent%%'"))
    assert calls == {
        "orders_recent_note": 2 * len(orders),
        "orders_recent_take": 1 + len(queries) + 1,
        "orders_recent_prune": 1,
    }
    assert listed(account) == [order.pk for order in orders[:-4:-1]]


@pytest.mark.django_db(transaction=True)
def test_orders_that_finish_at_the_same_time_leave_three_per_market():
    accounts = [make_account(), make_account(venue="binancecoinm")]
    orders = [proxied(account) for account in accounts for _ in range(12)]
    barrier = threading.Barrier(len(orders))

    def finish_together(order: Order) -> None:
        barrier.wait()
        try:
            finish(order)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(orders)) as pool:
        list(pool.map(finish_together, orders))

    assert [len(listed(account)) for account in accounts] == [3, 3]


@pytest.mark.django_db(transaction=True)
def test_batches_over_the_same_markets_do_not_lock_each_other_out():
    accounts = [make_account() for _ in range(8)]
    batches = [[proxied(account) for account in accounts] for _ in range(6)]
    barrier = threading.Barrier(len(batches))
    columns = {"state": "text", "finished_at": "timestamptz"}

    def finish_batch(number: int) -> None:
        rows = [{"id": order.pk, "state": "FILLED", "finished_at": timezone.now()} for order in batches[number]]
        barrier.wait()
        try:
            with transaction.atomic():
                update_rows("orders_order", columns, rows if number % 2 else rows[::-1])
        finally:
            connection.close()

    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(finish_batch, range(len(batches))))

    assert [len(listed(account)) for account in accounts] == [3] * 8


def test_the_migration_can_be_taken_back_and_applied_again(account):
    migration = import_module("orders.migrations.0010_recent_orders_of_the_proxy")

    run(migration.DROP)
    before = proxied(account)
    run(migration.CREATE)
    after = proxied(account)

    assert listed(account) == [after.pk, before.pk]
