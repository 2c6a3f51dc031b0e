"""An account is not closed, nor given a key of somewhere else, beside an order that is being written for it."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from copytrade.lib.sql import run
from markets.venues.base import Credentials
from markets.venues.vocabulary import OrderType, Side
from orders.models import AccountState, Order, Origin, TradingAccount
from orders.services.accounts import AccountConflict, account_close, account_lock
from orders.services.credentials import credential_keep_unchecked
from orders.services.placing import order_write_taken
from orders.services.writing import NewOrder
from orders.vault import credentials_of
from tests.beside import beside, until_somebody_waits
from tests.factories import make_market

pytestmark = pytest.mark.django_db(transaction=True)

Write = Callable[[], Any]


@pytest.fixture(params=["to be sent", "taken"])
def write_order(request, account, write) -> Write:
    """Write an order that anybody may send, or one that is its writer's to send."""
    order = NewOrder(
        account_id=account.pk,
        market_id=make_market(venue="fake").pk,
        origin=Origin.MANUAL,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal("0.5"),
        send_within=timedelta(minutes=1),
    )

    def write_taken() -> None:
        with transaction.atomic():
            order_write_taken(order)

    return write_taken if request.param == "taken" else write


@pytest.fixture
def beside_order(pool, write_order) -> Callable[[Write], Future[Any]]:
    """Begin something while an order is written and not committed yet, which is done once that waits for it."""

    def begin(job: Write) -> Future[Any]:
        with transaction.atomic():
            write_order()
            begun = beside(pool, job)
            until_somebody_waits()
        return begun

    return begin


def save_key_of_another(account: TradingAccount) -> None:
    credential_keep_unchecked(account=account, credentials=Credentials("another-key", "secret"))


def test_an_account_is_not_closed_with_an_order_that_is_being_written(account, beside_order):
    closing = beside_order(lambda: account_close(account=account, actor=account.user))

    with pytest.raises(AccountConflict, match="1 open order"):
        closing.result(20)
    account.refresh_from_db()
    assert account.state == AccountState.ACTIVE


def test_a_key_of_somewhere_else_does_not_take_its_place_meanwhile(account, beside_order):
    saving = beside_order(lambda: save_key_of_another(account))

    with pytest.raises(AccountConflict, match="1 open order"):
        saving.result(20)
    assert credentials_of([account.pk])[account.pk].key == "key"


def test_no_order_is_written_for_an_account_that_is_being_closed(account, pool, write_order):
    with transaction.atomic():
        account_close(account=account, actor=account.user)
        writing = beside(pool, write_order)
        until_somebody_waits()

    with pytest.raises(AccountConflict, match="closed"):
        writing.result(20)
    assert not Order.objects.exists()


def test_an_order_waits_for_nobody_who_plans_for_the_account(account, pool, write_order):
    def write_at_once() -> None:
        with transaction.atomic():
            run("SET LOCAL lock_timeout = '1s'")
            write_order()

    with transaction.atomic():
        account_lock(account)
        beside(pool, write_at_once).result(20)

    assert Order.objects.filter(account=account).exists()
