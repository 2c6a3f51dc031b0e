"""Orders that a venue tells of and nobody here placed: which of them are one, and which are two."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from markets.venues.base import FillReport, OrderReport
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, VenueStatus
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


def test_a_stop_under_the_name_of_an_older_one_is_another_order(account: TradingAccount) -> None:
    stop = {"type": OrderType.STOP_MARKET, "stop_price": Decimal(40_000)}
    hear(account, order("1", **stop), trades=("1",))
    hear(account, order("2", **stop), trades=("2",))

    found = Order.objects.order_by("pk").values_list("venue_order_id", "state", "booked_quantity")
    assert list(found) == [("1", "FILLED", ONE), ("2", "FILLED", ONE)]


@pytest.mark.parametrize(("first", "second"), [("algo:1", "2"), ("2", "algo:1")])
def test_a_stop_and_what_it_became_are_one_order_whichever_is_told_first(
    account: TradingAccount, first: str, second: str
) -> None:
    stop = {"type": OrderType.STOP_MARKET, "stop_price": Decimal(40_000), "filled_quantity": Decimal(0)}
    hear(account, order(first, status=VenueStatus.NEW, **stop))
    hear(account, order(second, status=VenueStatus.NEW, **stop))

    assert Order.objects.count() == 1


def test_an_order_that_its_owner_makes_larger_is_open_until_all_of_it_has_filled(account: TradingAccount) -> None:
    resting = {"type": OrderType.LIMIT, "price": PRICE, "status": VenueStatus.NEW, "filled_quantity": Decimal(0)}
    hear(account, order("1", **resting))
    hear(account, order("1", **{**resting, "quantity": Decimal(3)}))

    hear(account, trades=("1",))

    found = Order.objects.get()
    assert (found.state, found.quantity, found.booked_quantity) == ("PARTIALLY_FILLED", 3, ONE)


def test_a_late_report_does_not_make_an_order_small_again(account: TradingAccount) -> None:
    larger = {"quantity": Decimal(3), "filled_quantity": Decimal(2), "status": VenueStatus.PARTIALLY_FILLED}
    hear(account, order("1", **larger))

    hear(account, order("1", status=VenueStatus.NEW, filled_quantity=Decimal(0)))

    assert Order.objects.get().quantity == 3
