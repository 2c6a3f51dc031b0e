"""When a decision was sent, acknowledged and filled, and how far its price was from the leader's."""

import pytest
from django.utils import timezone

from replication.tests.judging_kit import at, decided, judge, ordered
from replication.tests.kit import D
from tests.factories import make_market

pytestmark = pytest.mark.django_db


def sent(intent, *, begun, filled=0, **values):
    """Let an order be written, and each step of it take a second."""
    times = {"sent_at": at(begun + 1), "acknowledged_at": at(begun + 2), "finished_at": at(begun + 3)}
    return ordered(intent, created_at=at(begun), filled=filled, **{**times, **values})


def test_of_several_orders_the_first_that_is_sent_and_the_last_that_fills_say_when():
    entry = decided()
    sent(entry, begun=1, filled="0.2")
    sent(entry, begun=2, filled="0.3")
    sent(entry, begun=3)

    judge(entry)

    assert (entry.sent_at, entry.acknowledged_at, entry.filled_at) == (at(2), at(3), at(5))


def test_of_several_attempts_the_last_says_when():
    leaving = decided(exits=True)
    sent(leaving, begun=-100, filled="0.2")
    sent(leaving, begun=0, filled="0.8", state="FILLED")

    judge(leaving)

    assert (leaving.sent_at, leaving.acknowledged_at, leaving.filled_at) == (at(1), at(2), at(3))
    assert leaving.filled_quantity == D(1)


def test_an_attempt_that_ended_before_does_not_say_when_this_one_filled():
    leaving = decided(exits=True)
    sent(leaving, begun=-100, filled="0.2", finished_at=at(50))
    sent(leaving, begun=0, filled="0.8", state="FILLED")

    judge(leaving)

    assert leaving.filled_at == at(3)


def test_nothing_counts_as_filled_at_any_time_before_all_orders_are_over():
    entry = decided()
    sent(entry, begun=1, filled="0.2")
    sent(entry, begun=2, state="NEW", finished_at=None)

    judge(entry)

    assert (entry.sent_at, entry.filled_at, entry.finished_at) == (at(2), None, None)


def test_a_trade_that_comes_late_does_not_change_when_it_was_filled():
    entry = decided(state="partial", filled_quantity=D("0.2"), filled_at=at(4), finished_at=at(5))
    sent(entry, begun=9, filled="0.3")

    judge(entry)

    assert (entry.filled_quantity, entry.filled_at, entry.finished_at) == (D("0.3"), at(4), at(5))


def test_the_pause_before_the_next_attempt_begins_when_the_last_is_known_to_be_over():
    leaving = decided(exits=True)
    sent(leaving, begun=1)
    before = timezone.now()

    judge(leaving)

    assert leaving.state == "waiting"
    assert before <= leaving.updated_at <= timezone.now()


@pytest.mark.parametrize(("exits", "worse"), [(False, 2), (True, -2)])
def test_a_higher_price_is_worse_for_a_buyer_and_better_for_a_seller(exits, worse):
    intent = decided(exits=exits)
    ordered(intent, state="FILLED", filled=1, average_price=D(102))

    judge(intent)

    assert (intent.average_price, intent.slippage_percent) == (D(102), D(worse))


def test_the_average_counts_what_orders_filled_that_have_a_price():
    entry = decided()
    ordered(entry, filled="0.1", average_price=D(100))
    ordered(entry, filled="0.3", average_price=D(104))
    ordered(entry, filled="0.4", average_price=None)
    ordered(entry)

    judge(entry)

    assert (entry.average_price, entry.slippage_percent, entry.filled_quantity) == (D(103), D(3), D("0.8"))


@pytest.mark.parametrize("price", [None, 0])
def test_against_a_price_that_is_not_known_nothing_is_better_or_worse(price):
    entry = decided(leader={"price": price})
    ordered(entry, state="FILLED", filled=1)

    judge(entry)

    assert (entry.state, entry.average_price, entry.slippage_percent) == ("filled", D(100), None)


def test_without_any_price_of_its_orders_a_decision_has_none():
    entry = decided()
    ordered(entry, filled="0.4", average_price=None)
    ordered(entry, average_price=D(100))

    judge(entry)

    assert (entry.state, entry.average_price, entry.slippage_percent) == ("partial", None, None)


@pytest.mark.parametrize(
    ("leader", "price", "own", "paid", "worse"),
    [
        ("1000SATS", "100", "SATS", "0.102", 2),
        ("SATS", "0.1", "1000SATS", "102", 2),
        ("1000000MOG", "1000", "1000MOG", "1.02", 2),
        ("1INCH", "100", "1INCH", "102", 2),
        ("XBT", "100", "BTC", "102", 2),
    ],
)
def test_coins_that_are_counted_by_the_thousand_are_compared_one_by_one(leader, price, own, paid, worse):
    market = make_market(symbol=f"{own}USDT", base_asset=own)
    entry = decided(market=market, leader={"base_asset": leader, "price": D(price)})
    ordered(entry, state="FILLED", filled=1, average_price=D(paid))

    judge(entry)

    assert entry.slippage_percent == D(worse)
