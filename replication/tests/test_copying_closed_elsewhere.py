"""The owner closes by hand what a copy holds: its exits shrink to what is there, and its position tells the truth."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from markets.venues import registry
from markets.venues.vocabulary import OrderType, Side
from orders.models import Holding, Order, Origin
from orders.services import closing
from orders.services.closing import position_close
from orders.services.placing import order_write, orders_place
from replication.engine import by_hand as beside
from replication.engine import places
from replication.models import CopyAdjustment, CopyPosition
from replication.services.rebuild import copies_rebuild
from replication.tests.kit import (
    D,
    decision,
    follow,
    held,
    lead,
    make_master,
    paper_account,
    price_is,
    send_nothing,
    settle,
)
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def by_hand(account, side, quantity, **values):
    order = order_write(
        account=account,
        market=make_market(venue=account.venue),
        origin=Origin.MANUAL,
        side=side,
        type=OrderType.MARKET,
        quantity=D(quantity),
        send_within=timedelta(minutes=1),
        **values,
    )
    orders_place([order.pk])
    order.refresh_from_db()
    assert order.state == "FILLED", order.reason


def test_a_close_of_what_its_owner_has_closed_ends_as_nothing_held():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    position_close(user=copy.account.user, holding=copy.account.holdings.get())

    lead(account, "SELL", "0.2")

    skipped = decision(copy)
    assert (skipped.state, skipped.code) == ("skipped", "NOTHING_HELD")
    assert "closed" in skipped.message
    assert skipped.numbers == {"held_by_copy": "0.2", "held_by_account": "0"}
    assert held(copy) == 0
    assert Order.objects.filter(account=copy.account, origin="copy").count() == 1


def test_a_close_shrinks_to_what_its_owner_left():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    by_hand(copy.account, Side.SELL, "0.15", reduce_only=True)

    lead(account, "SELL", "0.2")

    assert (decision(copy).state, decision(copy).filled_quantity, held(copy)) == ("filled", D("0.05"), 0)
    assert copy.account.holdings.get().quantity == 0


def test_a_reduction_takes_its_fraction_of_what_is_left():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    by_hand(copy.account, Side.SELL, "0.1", reduce_only=True)

    lead(account, "SELL", "0.1")

    assert held(copy) == copy.account.holdings.get().quantity == D("0.05")


def test_what_its_owner_closed_is_a_fact_that_a_rebuild_knows():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    by_hand(copy.account, Side.SELL, "0.15", reduce_only=True)
    lead(account, "SELL", "0.1")

    adjustment = CopyAdjustment.objects.get()
    assert (adjustment.quantity_before, adjustment.quantity) == (D("0.2"), D("0.05"))
    wrong = copies_rebuild()

    assert (wrong.positions, wrong.days) == ([], [])


def test_nothing_is_written_off_while_another_copy_has_an_order_in_that_market(monkeypatch):
    follower = paper_account()
    (one, first), (two, second) = make_master(), make_master()
    copies = [follow(one, follower), follow(two, follower)]
    lead(first, "BUY", "0.1")
    lead(second, "BUY", "0.1")
    by_hand(follower, Side.SELL, "0.1", reduce_only=True)
    send_nothing(monkeypatch)
    lead(first, "SELL", "0.1")

    lead(second, "SELL", "0.1")
    assert (decision(copies[1]).state, decision(copies[1]).code) == ("waiting", "EARLIER_ORDER_OPEN")
    monkeypatch.undo()
    orders_place(list(Order.objects.filter(state="PENDING").values_list("pk", flat=True)))
    settle()

    assert (held(copies[0]), held(copies[1])) == (0, 0)
    assert Holding.objects.get(account=follower).quantity == 0
    assert CopyAdjustment.objects.get().copy == copies[1]


def test_where_two_exits_could_turn_the_position_a_copy_waits_for_its_owners(monkeypatch):
    """As at a broker of shares, whose orders know nothing of what is held."""
    broker = replace(registry.capabilities("binanceusdm"), reduce_only=False)
    monkeypatch.setattr(beside, "capabilities", lambda *_, **__: broker)
    monkeypatch.setattr(places, "capabilities", lambda *_, **__: broker)
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    with monkeypatch.context() as patch:
        patch.setattr(closing, "orders_place", lambda _: None)
        close = position_close(user=copy.account.user, holding=copy.account.holdings.get())
    lead(account, "SELL", "0.2")
    waiting = decision(copy)
    assert (waiting.state, waiting.code) == ("waiting", "EARLIER_ORDER_OPEN")
    assert waiting.message == "The account's owner closes this by hand right now."

    orders_place([close.pk])
    settle()

    assert (decision(copy).state, decision(copy).code) == ("skipped", "NOTHING_HELD")
    assert (held(copy), copy.account.holdings.get().quantity) == (0, 0)


def test_what_its_owner_added_is_left_alone():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    by_hand(copy.account, Side.BUY, "0.3")

    lead(account, "SELL", "0.2")

    assert (held(copy), copy.account.holdings.get().quantity) == (0, D("0.3"))


def test_dust_that_fees_leave_on_spot_is_no_position():
    market = make_market(venue="binance")
    price_is(market=market)
    leader, account = make_master(venue="binance")
    copy = follow(leader, paper_account(venue="binance"), ratio=D("0.7"), max_positions=1)
    lead(account, "BUY", "0.53217")
    lead(account, "SELL", Holding.objects.get(account=account).quantity.quantize(Decimal("0.00001"), "ROUND_DOWN"))
    assert 0 < held(copy) < market.quantity_step

    settle()
    assert decision(copy).signal.source == "fill"
    lead(account, "BUY", "0.1")

    assert decision(copy).state == "filled", decision(copy).message
    position = CopyPosition.objects.get()
    assert position.leader_opened_at == decision(copy).signal.event_time


def test_the_command_counts_copies_anew(capsys):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    lead(account, "SELL", "0.1")
    CopyPosition.objects.update(quantity=7, realized_pnl=-5)
    copy.days.update(fees=3)

    call_command("rebuild_copies")

    assert "1 positions and 1 days were different." in capsys.readouterr().out
    assert held(copy) == D("0.1")
    assert copies_rebuild(copy_id=copy.pk).positions == []
