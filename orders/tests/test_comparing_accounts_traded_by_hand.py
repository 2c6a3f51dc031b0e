"""Trades that the owner of an account makes at the exchange itself, found by a comparison: the first one, and whole."""

from datetime import timedelta

import pytest

from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side
from orders.executor.checking import orders_check
from orders.executor.sending import orders_execute
from orders.models import Fill, Holding, Order, Origin, TradingAccount
from orders.services.placing import order_write
from orders.tests.conftest import age
from tests.by_hand import BINANCE, GENERIC, by_hand

SPOT = [name for name, market in GENERIC.items() if market.kind == MarketKind.SPOT] + ["binance"]
CONTRACTS = [name for name, market in GENERIC.items() if market.kind != MarketKind.SPOT]

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[*GENERIC, *BINANCE])
def hand(request, monkeypatch):
    with by_hand(request.param, monkeypatch) as made:
        yield made


@pytest.fixture(params=CONTRACTS)
def hedger(request, monkeypatch):
    """Somebody who holds both sides of a contract, where orders sent from here name neither."""
    with by_hand(request.param, monkeypatch) as made:
        made.hedge()
        yield made


@pytest.fixture(params=SPOT)
def coins(request, monkeypatch):
    """Somebody who trades on spot, where no position tells of it."""
    with by_hand(request.param, monkeypatch) as made:
        yield made


def test_the_first_trade_is_found_with_its_order(hand):
    hand.compare()
    hand.trade()

    report = hand.compare()

    order = Order.objects.get()
    assert (report.fills_found, order.origin, order.state) == (1, Origin.MANUAL, "FILLED")
    assert (order.quantity, order.booked_quantity) == (hand.quantity, hand.quantity)


def test_a_trade_before_the_first_comparison_is_found_as_well(hand):
    hand.trade()

    assert hand.compare().fills_found == 1


def test_what_was_found_stays_what_it_is(hand):
    hand.trade()
    hand.compare()
    age(Order.objects.get(), 120)

    orders_check()

    assert (hand.compare().fills_found, Fill.objects.count()) == (0, 1)
    assert Order.objects.get().state == "FILLED"


def test_long_and_short_beside_each_other_are_what_they_come_to(hedger):
    hedger.trade(Side.BUY, PositionSide.LONG, times=3)
    hedger.trade(Side.SELL, PositionSide.SHORT)

    report = hedger.compare()

    (holding,) = Holding.objects.all()
    assert (report.differences, holding.side, holding.quantity) == ([], "BOTH", 2 * hedger.quantity)


def test_what_is_closed_on_either_side_is_no_longer_held(hedger):
    hedger.trade(Side.BUY, PositionSide.LONG, times=4)
    hedger.trade(Side.SELL, PositionSide.SHORT, times=2)
    hedger.trade(Side.SELL, PositionSide.LONG, times=2)
    hedger.trade(Side.BUY, PositionSide.SHORT)

    report = hedger.compare()

    (holding,) = Holding.objects.all()
    assert (report.differences, holding.quantity) == ([], hedger.quantity)
    assert list(Order.objects.order_by("pk").values_list("side", flat=True)) == ["BUY", "SELL", "SELL", "BUY"]


def test_a_sale_of_coins_that_were_never_bought_here_is_found(coins):
    coins.compare()
    coins.trade(Side.SELL)

    assert coins.compare().fills_found == 1


def test_orders_placed_here_are_not_found_once_more(hand, settings):
    settings.LIVE_TRADING = True
    TradingAccount.objects.update(live_enabled=True)
    hand.compare()
    ours = order_write(
        account=hand.account,
        market=hand.market,
        origin=Origin.MASTER,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=hand.quantity,
        send_within=timedelta(minutes=1),
    )
    orders_execute([ours.pk])
    hand.trade()

    hand.compare()

    assert sorted(Order.objects.values_list("origin", "state")) == [("manual", "FILLED"), ("master", "FILLED")]
    assert Fill.objects.count() == 2
    assert Order.objects.get(origin="master").booked_quantity == hand.quantity
