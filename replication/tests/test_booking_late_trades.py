"""Trades of a copy become known in any order; each position is counted from its own, and from nothing else."""

import pytest

from orders.models import Fill
from replication.engine.booking import copy_fills_take
from replication.engine.settling import decisions_settle
from replication.models import Copy, CopyDay, CopyPosition
from replication.tests.judging_kit import NOON, a_copy, at, decided, ordered
from replication.tests.kit import D, held
from tests.factories import make_fill, make_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy() -> Copy:
    return a_copy()


def position(copy, side="LONG", **values):
    usual = {"market": make_market(), "leader_symbol": "BTCUSDT", "leader_side": side}
    return CopyPosition.objects.create(copy=copy, side=side, **{**usual, **values})


def traded(copy, seconds, signed, price=100, *, side="LONG", market=None, **values) -> Fill:
    """Return a trade of the copy that is stored and not booked yet."""
    intent, quantity = decided(copy, side=side, market=market or make_market()), abs(D(signed))
    order = ordered(intent, side="BUY" if D(signed) > 0 else "SELL", filled=quantity, state="FILLED")
    amounts = {"quantity": quantity, "price": D(price), "fee": D(1), "fee_asset": "USDT"}
    return make_fill(order, time=at(seconds), awaits_copy=True, **{**amounts, **values})


def book(*fills: Fill) -> None:
    decisions_settle([], copy_fills_take([fill.order_id for fill in fills]).facts)


def days(copy):
    rows = CopyDay.objects.filter(copy=copy).order_by("date")
    return [(row.date, row.realized_pnl, row.fees) for row in rows]


def test_each_side_of_a_market_is_counted_from_its_own_trades(copy):
    position(copy)
    position(copy, "SHORT")
    book(traded(copy, 5, -3, side="SHORT"))
    first, second = traded(copy, 0, 2), traded(copy, 10, -1, 110)

    book(second)
    book(first)

    assert (held(copy), held(copy, "SHORT")) == (D(1), D(-3))
    assert days(copy) == [(NOON.date(), D(10), D(3))]


def test_what_its_owner_closed_of_another_position_is_not_taken_off(copy):
    ether = make_market(symbol="ETHUSDT", base_asset="ETH")
    for side, market in [("LONG", make_market()), ("SHORT", make_market()), ("LONG", ether)]:
        position(copy, side, market=market)
    others = {"quantity_before": D(9), "quantity": D(0), "cost": D(0), "time": at(15)}
    copy.adjustments.create(market=make_market(), side="SHORT", **others)
    copy.adjustments.create(market=ether, side="LONG", **others)
    first, second = traded(copy, 0, 2), traded(copy, 10, -1, 110)

    book(second)
    book(first)

    assert held(copy) == D(1)


def test_fees_in_other_coins_add_up_whichever_trade_comes_last(copy):
    position(copy)
    fees = {"fee": D("0.01"), "fee_asset": "BNB"}
    first, second, third = (traded(copy, second, 1, **fees) for second in (0, 10, 20))

    book(first)
    book(third)
    assert CopyPosition.objects.get().other_fees == {"BNB": "0.02"}
    book(second)

    assert CopyPosition.objects.get().other_fees == {"BNB": "0.03"}
    assert days(copy) == [(NOON.date(), D(0), D(0))]


def test_where_steps_of_a_market_are_not_known_anything_is_held(copy):
    market = make_market(symbol="NEWUSDT", base_asset="NEW", quantity_step=None)
    position(copy, market=market)

    book(traded(copy, 0, "0.00001", market=market))
    assert not CopyPosition.objects.get().to_tell
    book(traded(copy, 10, "-0.00001", market=market))

    assert CopyPosition.objects.get().to_tell


def test_trades_of_leaders_are_left_to_those_who_copy_them(copy):
    position(copy)
    own = traded(copy, 0, 1)
    leaders = make_fill(ordered(decided(copy), cause_id=None), awaits_copy=True)

    decisions_settle([], copy_fills_take(None).facts)

    waiting = Fill.objects.filter(awaits_copy=True).values_list("pk", flat=True)
    assert (held(copy), list(waiting)) == (own.quantity, [leaders.pk])
