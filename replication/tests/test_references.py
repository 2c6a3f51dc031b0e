"""What the rows of a fan-out refer to stays: PostgreSQL sees to what each belongs to, Django to everything (ADR 13)."""

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError

from copytrade.lib.sql import run
from markets.models import Market
from orders.models import Fill, Order
from replication.models import CopyIntent, Signal
from replication.tests.kit import follow, lead, make_master, price_is

pytestmark = [pytest.mark.django_db(transaction=True)]
CHECKED = """
    SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
    WHERE c.contype = 'f' AND c.conrelid = ANY(ARRAY['orders_order', 'orders_orderevent', 'orders_fill',
        'replication_copyintent']::regclass[])
"""


@pytest.fixture(autouse=True)
def _copied() -> None:
    """A follower who has copied a trade."""
    price_is()
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.1")


def test_postgres_checks_of_each_row_what_it_belongs_to():
    assert sorted(run(CHECKED)) == [
        ("orders_fill", "order_id"),
        ("orders_order", "account_id"),
        ("replication_copyintent", "copy_id"),
    ]


def test_postgres_keeps_an_order_that_has_traded():
    order = Fill.objects.get(order__origin="copy").order
    with pytest.raises(IntegrityError, match="orders_fill"):
        run("DELETE FROM orders_order WHERE id = %s", [order.pk])
    assert Order.objects.filter(pk=order.pk).exists()


def test_django_keeps_a_market_in_which_somebody_has_traded():
    with pytest.raises(ProtectedError):
        Order.objects.get(origin="copy").market.delete()
    assert Market.objects.exists()


def test_django_keeps_a_signal_that_was_decided_about():
    with pytest.raises(ProtectedError):
        Signal.objects.get().delete()
    assert CopyIntent.objects.get().signal


def test_django_keeps_an_account_that_has_traded():
    with pytest.raises(ProtectedError):
        Fill.objects.get(order__origin="copy").account.delete()
