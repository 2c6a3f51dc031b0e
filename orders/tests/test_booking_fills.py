"""Trades into the books."""

import random
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.venues.base import FillReport
from markets.venues.vocabulary import PositionSide, Side
from orders.executor.findings import Finding, Source
from orders.executor.sending import orders_execute_due
from orders.models import Fill, Holding, Order
from orders.services.rebuild import holdings_rebuild
from orders.services.recording import findings_record
from orders.services.reports import reports_record
from orders.tests.conftest import age
from tests.factories import make_market

D = Decimal


@pytest.fixture
def resting(write):
    """An order to buy 2 that waits at the venue."""
    order = write(type="LIMIT", price=D(50_000), quantity=D(2))
    orders_execute_due()
    return Order.objects.get(pk=order.pk)


def heard(account, *fills, orders=()):
    return reports_record(account=account, orders=orders, fills=fills, source=Source.STREAM)


def test_a_trade_from_the_stream_fills_the_order_and_the_holding(account, resting, venue):
    heard(account, venue.fill(resting.client_order_id, 2))

    resting.refresh_from_db()
    assert (resting.state, resting.filled_quantity, resting.average_price) == ("FILLED", 2, 50_000)
    assert Holding.objects.get().quantity == 2


def test_one_trade_from_reply_stream_and_poll_is_one_trade(account, write, venue):
    venue.next.append("with fills")
    order = write()
    orders_execute_due()
    (trade,) = venue.trades

    heard(account, trade)
    heard(account, trade, trade)
    findings_record([Finding(order.pk, Source.POLL, timezone.now(), fills=(trade,))])

    assert Fill.objects.count() == 1
    assert Holding.objects.get().quantity == D("0.5")


def test_partial_trades_add_up(account, resting, venue):
    heard(account, venue.fill(resting.client_order_id, "0.5", D(49_000)))
    resting.refresh_from_db()
    assert (resting.state, resting.filled_quantity) == ("PARTIALLY_FILLED", D("0.5"))

    heard(account, venue.fill(resting.client_order_id, "1.5", D(50_000)))

    resting.refresh_from_db()
    assert (resting.state, resting.filled_quantity, resting.average_price) == ("FILLED", 2, 49_750)


def test_a_trade_that_comes_after_its_order_was_cancelled_still_counts(account, resting, venue):
    trade = venue.fill(resting.client_order_id, "0.5")
    cancelled = replace(venue.orders[resting.client_order_id], status="CANCELED", filled_quantity=D(0))
    heard(account, orders=[cancelled])

    heard(account, trade)

    resting.refresh_from_db()
    assert (resting.state, resting.filled_quantity, resting.booked_quantity) == ("CANCELED", D("0.5"), D("0.5"))


def test_an_order_that_was_placed_at_the_venue_is_written_with_its_trades(account, resting, venue):
    trade = replace(venue.fill(resting.client_order_id, 1), client_order_id="by-hand", venue_order_id="777")

    heard(account, trade)

    found = Order.objects.get(client_order_id="by-hand")
    assert (found.origin, found.state, found.venue_order_id) == ("manual", "PARTIALLY_FILLED", "777")
    assert found.check_at is not None


def test_a_client_id_of_another_market_or_of_an_earlier_order_is_another_order(account, resting, venue):
    other = make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH")
    trade = venue.fill(resting.client_order_id, 1)
    heard(account, trade)

    heard(account, replace(trade, symbol="ETHUSDT", venue_trade_id="1", venue_order_id="9"))
    heard(account, replace(trade, venue_trade_id="2", venue_order_id="10"))

    resting.refresh_from_db()
    assert resting.booked_quantity == 1
    assert {order.market.symbol: order.origin for order in Order.objects.exclude(pk=resting.pk)} == {
        "ETHUSDT": "manual",
        "BTCUSDT": "manual",
    }
    assert Holding.objects.get(market=other).quantity == 1


def test_an_account_that_trades_with_itself_has_both_sides(account, resting, venue):
    trade = venue.fill(resting.client_order_id, 1)
    heard(account, trade, replace(trade, side=Side.SELL, client_order_id="other", venue_order_id="11"))

    assert Fill.objects.count() == 2
    assert Holding.objects.get().quantity == 0


def test_a_late_report_does_not_turn_figures_back(account, resting, venue):
    stale = venue.orders[resting.client_order_id]
    heard(account, venue.fill(resting.client_order_id, 2))

    heard(account, orders=[replace(stale, filled_quote=D(0), average_price=D(0))])

    resting.refresh_from_db()
    assert (resting.state, resting.filled_quote, resting.average_price) == ("FILLED", 100_000, 50_000)


def test_a_stop_that_was_open_for_long_and_fills_in_part_stays_open(account, resting, venue):
    age(resting, 600)

    heard(account, venue.fill(resting.client_order_id, 1))

    resting.refresh_from_db()
    assert resting.state == "PARTIALLY_FILLED"


def test_words_that_the_database_does_not_take_cost_nothing_but_themselves(account, resting, write, venue):
    other = write(type="LIMIT", price=D(50_000))
    orders_execute_due()
    bad, good = venue.fill(resting.client_order_id, 2), venue.fill(other.client_order_id, "0.5")
    filled = replace(venue.orders[resting.client_order_id], raw={"msg": "\0"}, reason="\0")
    Order.objects.filter(pk=resting.pk).update(venue_response=None)

    heard(account, bad, good, orders=[filled])

    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}
    assert Fill.objects.count() == 2


def test_a_late_trade_is_booked_where_it_belongs(account, resting, venue):
    earlier = venue.fill(resting.client_order_id, 1, D(40_000))
    later = replace(venue.fill(resting.client_order_id, 1, D(60_000)), time=earlier.time + timedelta(seconds=1))

    heard(account, later)
    heard(account, earlier)

    assert holdings_rebuild() == []
    assert Holding.objects.get().cost == 100_000


def test_a_rebuild_repairs_what_was_changed_by_hand(account, resting, venue):
    heard(account, venue.fill(resting.client_order_id, 2))
    Holding.objects.update(quantity=D(5))

    assert len(holdings_rebuild(account_id=account.pk)) == 1
    assert Holding.objects.get().quantity == 2


sides = st.lists(
    st.tuples(st.booleans(), st.integers(1, 40), st.integers(1_000, 90_000), st.integers(0, 20)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=sides, seed=st.integers(0, 1_000))
def test_whatever_comes_in_whatever_order_a_rebuild_agrees(account, write, rows, seed):
    Fill.objects.all().delete()
    Holding.objects.all().delete()
    order = write()
    start = timezone.now()
    trades = [
        trade_of(order, number, buy=buy, quantity=D(size) / 8, price=D(price), time=start + timedelta(seconds=second))
        for number, (buy, size, price, second) in enumerate(rows)
    ]
    told = [*trades, *trades[:3]]
    random.Random(seed).shuffle(told)
    for trade in told:
        findings_record([Finding(order.pk, Source.STREAM, start, fills=(trade,))])

    assert Fill.objects.count() == len(trades)
    assert holdings_rebuild() == []


def trade_of(order, number, *, buy, quantity, price, time):
    return FillReport(
        venue_trade_id=str(900 + number),
        venue_order_id="1",
        client_order_id=order.client_order_id,
        symbol=order.market.symbol,
        kind=order.market.kind,
        side=Side.BUY if buy else Side.SELL,
        position_side=PositionSide.BOTH,
        price=price,
        quantity=quantity,
        quote_quantity=price * quantity,
        fee=quantity * price / 1000,
        fee_asset="USDT",
        is_maker=False,
        time=time,
    )


@pytest.mark.django_db(transaction=True)
def test_trades_told_by_several_at_once_are_booked_once(account, write):
    order, start = write(), timezone.now()
    trades = [
        trade_of(order, n, buy=n % 3 > 0, quantity=D(1), price=D(50_000 + n), time=start + timedelta(seconds=n))
        for n in range(12)
    ]

    def tell(seed):
        mine = list(trades)
        random.Random(seed).shuffle(mine)
        try:
            for trade in mine:
                findings_record([Finding(order.pk, Source.STREAM, start, fills=(trade,))])
        finally:
            connection.close()

    threads = [threading.Thread(target=tell, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Fill.objects.count() == 12
    assert Holding.objects.get().quantity == 4
    assert holdings_rebuild() == []
