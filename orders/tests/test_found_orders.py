"""Orders that a venue tells of and nobody here placed: which of them are one, and which are two."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from markets.venues.base import FillReport, OrderReport
from markets.venues.vocabulary import MarketKind, PositionSide, Side, VenueStatus
from orders.executor.findings import Source
from orders.models import Fill, Order, TradingAccount
from orders.services.reports import reports_record
from tests.factories import make_market

pytestmark = pytest.mark.django_db
ONE, PRICE = Decimal(1), Decimal(50_000)


@pytest.fixture(autouse=True)
def _market(venue: Any) -> None:
    make_market(venue="fake")


def order(number: str, **changes: Any) -> OrderReport:
    """Return an order by a program that calls all its orders the same; it has filled, unless something else is said."""
    values = {
        "client_order_id": "robot",
        "venue_order_id": number,
        "symbol": "BTCUSDT",
        "kind": MarketKind.USD_M,
        "status": VenueStatus.FILLED,
        "quantity": ONE,
        "filled_quantity": ONE,
        "time": timezone.now(),
    }
    return OrderReport(**{**values, **changes})


def trade(number: str) -> FillReport:
    """Return the trade of an order of that program."""
    return FillReport(
        venue_trade_id=f"trade-{number}",
        venue_order_id=number,
        client_order_id="robot",
        symbol="BTCUSDT",
        kind=MarketKind.USD_M,
        side=Side.BUY,
        position_side=PositionSide.BOTH,
        price=PRICE,
        quantity=ONE,
        quote_quantity=PRICE,
        fee=Decimal(0),
        fee_asset="USDT",
        is_maker=False,
        time=timezone.now(),
    )


def hear(account: TradingAccount, *orders: OrderReport, trades: tuple[str, ...] = ()) -> None:
    fills = [trade(number) for number in trades]
    reports_record(account=account, orders=orders, fills=fills, source=Source.STREAM)


def test_two_orders_of_one_name_that_are_told_together_are_two(account: TradingAccount) -> None:
    hear(account, order("1"), order("2"), trades=("1", "2"))

    assert sorted(Order.objects.values_list("venue_order_id", "booked_quantity")) == [("1", ONE), ("2", ONE)]
    assert Fill.objects.count() == 2
