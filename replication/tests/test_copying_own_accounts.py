"""Masters: whatever their accounts trade is copied as it fills, wherever it was placed, each trade once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from markets.prices import prices_of
from markets.venues.base import FillReport, OrderReport
from markets.venues.paper.feed import paper_match
from markets.venues.vocabulary import MarketKind, OrderType, PositionSide, Side, VenueStatus
from orders.executor.findings import Source
from orders.models import Fill, Holding, Order, Origin
from orders.services.placing import order_cancel, order_write, orders_place
from orders.services.reconcile import account_reconcile
from orders.services.reports import reports_record
from replication.engine import deciding
from replication.engine.running import fan_out
from replication.models import CopyIntent, LeaderAccount, Signal
from replication.services.copies import settings_of
from replication.services.simulating import copy_preview
from replication.tests.kit import (
    PRICE,
    D,
    decision,
    follow,
    held,
    lead,
    make_master,
    paper_account,
    price_is,
    settle,
    trade,
)
from replication.vocabulary import Strategy
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def resting(account, quantity, **values):
    """Write an order of the master that rests at the venue."""
    order = order_write(
        account=account,
        market=make_market(venue=account.venue),
        origin=Origin.MASTER,
        **{"side": Side.BUY, "price": D(40_000), **values},
        type=OrderType.LIMIT,
        time_in_force="GTC",
        quantity=D(quantity),
        send_within=timedelta(minutes=1),
    )
    orders_place([order.pk])
    return order


def fill_told(order, quantity, *, number, price=PRICE, **values):
    """Return a trade of an order, one of ours or not, as the venue tells it."""
    return FillReport(
        **{
            "venue_trade_id": f"v{number}",
            "venue_order_id": order if isinstance(order, str) else order.venue_order_id,
            "client_order_id": "" if isinstance(order, str) else order.client_order_id,
            "symbol": "BTCUSDT",
            "kind": MarketKind.USD_M,
            "side": Side.BUY,
            "position_side": PositionSide.BOTH,
            "price": price,
            "quantity": D(quantity),
            "quote_quantity": D(quantity) * price,
            "fee": Decimal(0),
            "fee_asset": "USDT",
            "is_maker": True,
            "time": timezone.now(),
            **values,
        }
    )


def fills_at_venue(account, order, quantity, **values):
    """Let the venue tell of a trade of an order."""
    fills = [fill_told(order, quantity, **values)]
    reports_record(account=account, orders=[], fills=fills, source=Source.STREAM)
    fan_out()


def test_an_order_that_rests_is_not_copied_until_it_fills():
    """PITFALLS 20: copying on NEW instead of on fills."""
    leader, account = make_master()
    copy = follow(leader)

    order = resting(account, "0.4")
    settle()

    assert Order.objects.get(pk=order.pk).state == "NEW"
    assert held(copy) == 0
    assert not Signal.objects.exists()


def test_a_stop_of_the_leader_closes_where_it_trades_wherever_it_was_moved_to():
    """PITFALLS 20: edits of stops need no mirroring where followers close with the trade itself."""
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    first, moved = (stop(account, "0.1", price) for price in (48_000, 46_000))
    order_cancel(order=first)

    for price, left in ((47_000, "0.1"), (45_900, "0")):
        price_is(price)
        paper_match(venue=account.venue, prices=list(prices_of([make_market(venue=account.venue)]).values()))
        account_reconcile(account=account, trigger="test")
        settle()
        assert held(copy) == D(left)

    assert Order.objects.get(pk=moved.pk).state == "FILLED"


def stop(account, quantity, price):
    """Write an order of the master that sells once the price has fallen so far."""
    order = order_write(
        account=account,
        market=make_market(venue=account.venue),
        origin=Origin.MASTER,
        side=Side.SELL,
        type=OrderType.STOP_MARKET,
        quantity=D(quantity),
        stop_price=D(price),
        reduce_only=True,
        send_within=timedelta(minutes=1),
    )
    orders_place([order.pk])
    return order


def test_an_order_that_fills_in_parts_is_copied_part_by_part():
    leader, account = make_master()
    copy = follow(leader)
    order = resting(account, "0.4")
    order.refresh_from_db()

    for number, (part, total) in enumerate([("0.1", "0.1"), ("0.05", "0.15"), ("0.25", "0.4")]):
        fills_at_venue(account, order, part, number=number)
        assert held(copy) == D(total)

    assert list(Signal.objects.order_by("pk").values_list("action", flat=True)) == ["OPEN", "INCREASE", "INCREASE"]
    assert set(Signal.objects.values_list("order", flat=True)) == {order.pk}


def test_a_fixed_quantity_is_shared_out_among_the_parts_of_an_order():
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_QUANTITY", ratio=None, fixed_quantity=D("0.2"))
    order = resting(account, "0.4")
    order.refresh_from_db()

    fills_at_venue(account, order, "0.1", number=1)
    assert held(copy) == D("0.05")
    fills_at_venue(account, order, "0.3", number=2)

    assert held(copy) == D("0.2")


def test_two_orders_are_two_fixed_quantities():
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_QUANTITY", ratio=None, fixed_quantity=D("0.01"))
    trade(account, "BUY", "0.1")
    trade(account, "BUY", "0.1")

    fan_out()

    assert held(copy) == D("0.02")


def test_of_an_order_that_turns_a_position_the_entry_is_a_whole_one():
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_QUANTITY", ratio=None, fixed_quantity=D("0.01"))
    lead(account, "BUY", "0.1")

    lead(account, "SELL", "0.3")
    settle()

    assert (held(copy), held(copy, "SHORT")) == (0, D("-0.01"))


def test_so_it_is_where_each_of_its_trades_becomes_known_alone():
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_QUANTITY", ratio=None, fixed_quantity=D("0.02"))
    lead(account, "BUY", "0.1")
    order = resting(account, "0.3", side=Side.SELL, price=D(60_000))
    order.refresh_from_db()

    for number in range(3):
        fills_at_venue(account, order, "0.1", number=number, side=Side.SELL)
    settle()

    assert (held(copy), held(copy, "SHORT")) == (0, D("-0.02"))


def test_a_trade_made_at_the_venue_directly_is_copied():
    """Pattern B."""
    leader, account = make_master()
    copy = follow(leader)

    fills_at_venue(account, "777", "0.2", number=1)

    assert Order.objects.get(account=account).origin == Origin.MANUAL
    assert held(copy) == D("0.2")


def test_a_trade_that_stream_and_comparison_both_tell_is_copied_once():
    leader, account = make_master()
    copy = follow(leader)
    order = trade(account, "BUY", "0.2")
    fan_out()
    known = Fill.objects.get(order=order)

    for number in range(2):
        fills_at_venue(account, "777", "0.1", number=7)
        fills_at_venue(
            account, order, known.quantity, number=number, venue_trade_id=known.venue_trade_id, time=known.time
        )
    settle()

    assert held(copy) == D("0.3")
    assert Signal.objects.count() == 2


def test_an_order_found_first_and_its_trade_after_are_one():
    leader, account = make_master()
    copy = follow(leader)
    report = OrderReport(
        client_order_id="by-hand",
        venue_order_id="777",
        symbol="BTCUSDT",
        kind=MarketKind.USD_M,
        status=VenueStatus.FILLED,
        quantity=D("0.2"),
        filled_quantity=D("0.2"),
        time=timezone.now(),
        side=Side.BUY,
        position_side=PositionSide.BOTH,
        type=OrderType.MARKET,
    )
    reports_record(account=account, orders=[report], fills=[], source=Source.STREAM)
    fan_out()
    assert held(copy) == 0

    fills_at_venue(account, "777", "0.2", number=1)

    assert held(copy) == D("0.2")


def test_what_nobody_copied_then_is_not_copied_later():
    leader, account = make_master()
    trade(account, "BUY", "0.1")
    copy = follow(leader)
    trade(account, "BUY", "0.2")
    fan_out()

    assert held(copy) == D("0.2")
    assert decision(copy).signal.action == "INCREASE"


def test_both_sides_of_a_hedging_master_are_copied_to_a_hedging_follower():
    leader, account = make_master()
    follower = paper_account()
    for each in (account, follower):
        make_hedging(each)
    copy = follow(leader, follower)

    lead(account, "BUY", "0.3", position_side="LONG")
    lead(account, "SELL", "0.1", position_side="SHORT")
    assert (held(copy), held(copy, "SHORT")) == (D("0.3"), D("-0.1"))
    lead(account, "SELL", "0.1", position_side="LONG")
    lead(account, "BUY", "0.1", position_side="SHORT")

    assert (held(copy), held(copy, "SHORT")) == (D("0.2"), 0)


def make_hedging(account):
    account.hedge_mode = True
    account.save(update_fields=["hedge_mode"])


def test_a_spot_master_whose_fee_is_taken_in_coins_opens_nothing_short():
    price_is(market=make_market(venue="binance"))
    leader, account = make_master(venue="binance")
    copy = follow(leader, paper_account(venue="binance"))

    lead(account, "BUY", "0.5")

    assert Signal.objects.get().side == "LONG"
    assert held(copy) == account.holdings.get().quantity


def test_a_spot_master_whose_fee_is_taken_in_coins_has_traded_all_of_the_order():
    price_is(market=make_market(venue="binance"))
    leader, account = make_master(venue="binance")
    follow(leader, paper_account(venue="binance"), strategy=Strategy.FIXED_QUANTITY, fixed_quantity=D("0.3"))

    lead(account, "BUY", "0.5")

    signal, order = Signal.objects.get(), Order.objects.exclude(account=account).get()
    assert (signal.quantity, signal.numbers, order.quantity) == (D("0.5"), {}, D("0.3"))


def test_a_spot_master_who_sells_all_that_can_be_sold_is_closed():
    market = make_market(venue="binance")
    price_is(market=market)
    leader, account = make_master(venue="binance")
    copy = follow(leader, paper_account(venue="binance"), ratio=D("0.7"))
    lead(account, "BUY", "0.53217")
    dust = Holding.objects.get(account=account).quantity % market.quantity_step
    assert dust

    lead(account, "SELL", Holding.objects.get(account=account).quantity - dust)

    assert Signal.objects.latest("pk").action == "CLOSE"
    assert held(copy) < market.quantity_step


def test_a_master_on_inverse_contracts_is_copied_in_contracts():
    market = make_market(venue="binancecoinm")
    price_is(market=market)
    leader, account = make_master(venue="binancecoinm", balance=100)
    copy = follow(leader, paper_account(venue="binancecoinm", balance=100), ratio=D("0.5"))

    lead(account, "BUY", 100)
    assert held(copy) == 50
    lead(account, "SELL", 40)
    assert held(copy) == 30
    lead(account, "SELL", 60)

    assert held(copy) == 0


@pytest.mark.parametrize("fresh", [True, False])
def test_ten_contracts_are_ten_contracts_at_any_price(fresh, monkeypatch):
    market = make_market(venue="binancecoinm")
    leader, account = make_master(venue="binancecoinm", balance=1_000)
    copy = follow(leader, paper_account(venue="binancecoinm", balance=1_000))
    for price in (43210.7, 51234.1, 60001.3, 71717.1):
        price_is(price, market)
        trade(account, "BUY", 10)
        with monkeypatch.context() as patch:
            if not fresh:
                patch.setattr(deciding, "prices_of", lambda _: {})
            fan_out()
        assert decision(copy).quantity == 10
    found = copy_preview(user=copy.account.user, trader=leader, settings=settings_of(copy), account=copy.account)

    assert [each.decision.quantity for each in found.trades] == [10, 10, 10, 10]


def test_what_two_accounts_of_one_master_hold_is_one_position():
    leader, account = make_master()
    second = paper_account(account.user)
    LeaderAccount.objects.create(account=second, trader=leader)
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    lead(second, "BUY", "0.1")

    lead(account, "SELL", "0.1")

    assert held(copy) == D("0.1")


def test_a_position_that_a_comparison_with_the_venue_finds_gone_is_closed_for_followers():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    Holding.objects.filter(account=account).update(quantity=0, cost=0)  # liquidated, say: no trade tells of it

    settle()

    assert held(copy) == 0
    assert decision(copy).signal.source == "flat"


def test_two_masters_who_copy_each_other_do_not_trade_for_ever():
    leader, account = make_master()
    other_leader, other_account = make_master()
    follow(leader, paper_account(other_account.user))
    follow(other_leader, paper_account(account.user))

    lead(account, "BUY", "0.1")
    settle()

    assert CopyIntent.objects.count() == 1
