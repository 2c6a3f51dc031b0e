"""Comparisons with IIFL: of shares alone, whole under all their products, and beside what cannot be read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from markets.tests.venues.iifl_kit import ORDER_ROW, POSITION_ROW
from markets.venues import registry
from orders.executor.sending import orders_execute
from orders.models import Fill, Holding, Reconciliation, TradingAccount
from orders.services.reconcile import account_reconcile
from orders.tests.iifl_kit import settle, trader, write
from tests.contract.benches.iifl import pointed_at
from tests.simulators.iifl import IiflSimulator

pytestmark = pytest.mark.django_db(transaction=True)
A_MINUTE, LONG_AGO = timedelta(minutes=1), timedelta(minutes=10)


@pytest.fixture
def exchange(settings: Any) -> Iterator[IiflSimulator]:
    settings.LIVE_TRADING = True
    with IiflSimulator() as simulator, pointed_at(simulator):
        registry.adapters_close()
        yield simulator
        registry.adapters_close()


def holder(exchange: IiflSimulator) -> TradingAccount:
    """Return an account that bought ten shares some time ago."""
    account = trader(exchange)
    orders_execute([write(account).pk])
    settle()
    then = timezone.now() - LONG_AGO
    Fill.objects.update(stored_at=then, time=then)
    return account


def compare(account: TradingAccount) -> Reconciliation:
    """Compare as often as a difference needs to be repaired, each time as if a minute had passed."""
    for _ in range(3):
        compared = account_reconcile(account=account, trigger="schedule")
        Reconciliation.objects.filter(pk=compared.pk).update(finished_at=timezone.now() - A_MINUTE)
    return compared


def test_another_segments_position_changes_no_holding(exchange: IiflSimulator) -> None:
    account = holder(exchange)
    exchange.show("positions", {**POSITION_ROW, "ExchangeSegment": "NSECD", "Quantity": "1000"})
    compared = compare(account)

    assert (compared.error, compared.differences, Holding.objects.get().quantity) == ("", [], 10)


def test_a_share_under_two_products_is_compared_as_a_whole(exchange: IiflSimulator) -> None:
    account = holder(exchange)
    exchange.show("positions", {**POSITION_ROW, "ProductType": "CNC", "Quantity": "-3", "SellAveragePrice": "2450"})
    (told,) = account_reconcile(account=account, trigger="schedule").differences

    assert (told["here"], told["venue"]) == ("10", "7")


def test_an_order_in_a_state_that_nobody_knows_ends_no_comparison(exchange: IiflSimulator) -> None:
    account = holder(exchange)
    exchange.show("orders", {**ORDER_ROW, "OrderStatus": "AMO Received"})
    compared = account_reconcile(account=account, trigger="schedule")

    assert (compared.error, compared.differences) == ("", [])
