"""What leaders closed while nobody saw the trade: found by what they hold, at rest and at their next trade."""

from datetime import timedelta

import pytest

from orders.models import Order, TradingAccount
from orders.services.placing import orders_place
from replication.engine.running import fan_out
from replication.models import CopyIntent, LeaderAccount, Signal
from replication.services.copies import copy_stop
from replication.tests.kit import (
    D,
    follow,
    held,
    lead,
    make_master,
    paper_account,
    price_is,
    send_nothing,
    settle,
)
from replication.tests.watched_kit import did, follow_since, holds, push, tell, watched
from tests.factories import make_market
from traders.models import SourceFreshness

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def with_position(size="1", **settings):
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600, **settings)
    tell(leader, did("OPEN_LONG", size, ago=100), positions=[holds(size)], read=95)
    assert held(copy) == D(size)
    return leader, copy


def told():
    """Return what the leader was seen to do, oldest first."""
    return [f"{signal.source} {signal.action}" for signal in Signal.objects.order_by("pk")]


def test_what_was_shown_flat_and_is_opened_again_is_closed_before_it_is_opened():
    leader, copy = with_position()
    push(leader, positions=[], read=60)

    tell(leader, did("OPEN_LONG", "0.4", ago=20), positions=[holds("0.4")], read=15)

    assert held(copy) == D("0.4")
    assert told() == ["event OPEN", "flat CLOSE", "event OPEN"]
    assert copy.account.holdings.get().quantity == D("0.4")


def test_where_the_flat_moment_was_never_reported_the_next_report_after_the_opening_tells_of_it():
    leader, copy = with_position()
    tell(leader, did("OPEN_LONG", "0.4", ago=20), positions=[holds("0.4")], read=15)
    assert held(copy) == D("1.4")

    push(leader, positions=[holds("0.4")], read=2)
    settle()

    assert (held(copy), told()) == (D("0.4"), ["event OPEN", "event INCREASE", "flat REDUCE"])


def test_it_is_so_where_the_workers_were_away_and_the_report_was_told_again_since():
    leader, copy = with_position()
    push(leader, positions=[], read=60)
    push(leader, did("OPEN_LONG", "0.4", ago=50), positions=[holds("0.4")], read=45)
    push(leader, positions=[holds("0.4")], read=20)
    push(leader, positions=[holds("0.4")], read=5)

    settle()

    assert held(copy) == D("0.4")


def test_it_is_so_where_the_first_entry_was_still_on_its_way(monkeypatch):
    leader = watched()
    copy = follow_since(leader, max_signal_age_seconds=600)
    push(leader, did("OPEN_LONG", "1", ago=100), positions=[holds("1")], read=95)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        fan_out()
    assert CopyIntent.objects.get().state == "planned"
    push(leader, positions=[], read=60)
    tell(leader, did("OPEN_LONG", "0.4", ago=20), positions=[holds("0.4")], read=15)
    assert [intent.state for intent in CopyIntent.objects.order_by("pk")] == ["planned", "waiting", "waiting"]

    orders_place([Order.objects.get().pk])
    settle()

    assert held(copy) == D("0.4")


def test_a_position_that_trades_without_positions_open_after_a_flat_report_is_closed_first():
    leader, copy = with_position()
    push(leader, positions=[], read=60)

    tell(leader, did("OPEN_LONG", "0.4", ago=20), read=15)

    assert held(copy) == D("0.4")


def test_a_close_that_becomes_known_afterwards_closes_nothing_more():
    leader, copy = with_position()
    tell(leader, did("OPEN_LONG", "0.4", ago=20), positions=[holds("0.4")], read=15)

    tell(leader, did("CLOSE_LONG", "1", ago=40), positions=[holds("0.4")], read=5)
    settle()

    assert held(copy) == D("0.4")


def test_a_close_that_is_told_together_with_the_new_opening_is_copied_once():
    leader, copy = with_position()

    tell(
        leader,
        did("CLOSE_LONG", "1", ago=40),
        did("OPEN_LONG", "0.4", ago=20),
        positions=[holds("0.4")],
        read=15,
    )

    assert held(copy) == D("0.4")
    assert told() == ["event OPEN", "event CLOSE", "event OPEN"]


def test_a_reduction_that_a_report_showed_is_copied_before_the_next_trade():
    leader, copy = with_position("0.5")
    push(leader, positions=[holds("0.1")], read=60)

    tell(leader, did("OPEN_LONG", "0.2", ago=20), positions=[holds("0.3")], read=15)

    assert told() == ["event OPEN", "flat REDUCE", "event INCREASE"]
    assert held(copy) == D("0.3")


def test_it_becomes_known_afterwards_and_is_not_copied_twice():
    leader, copy = with_position("0.5")
    tell(leader, did("OPEN_LONG", "0.2", ago=20), positions=[holds("0.3")], read=15)

    tell(leader, did("CLOSE_LONG", "0.4", ago=50), positions=[holds("0.3")], read=5)
    settle()

    assert held(copy) == D("0.3")


def test_a_report_that_read_positions_long_before_the_trade_reduces_nothing():
    leader, copy = with_position("0.5")

    tell(leader, did("OPEN_LONG", "0.2", ago=60), positions=[holds("0.5")], read=20)
    settle()

    assert held(copy) == D("0.7")


def test_a_reduction_that_only_a_complete_report_shows_is_copied():
    leader, copy = with_position("0.5")

    push(leader, positions=[holds("0.1")], read=30)
    settle()

    assert (held(copy), told()) == (D("0.1"), ["event OPEN", "flat REDUCE"])
    push(leader, positions=[holds("0.1")], read=10)
    settle()
    assert held(copy) == D("0.1")


def test_a_trade_dated_just_after_the_report_that_showed_it_is_not_copied_twice():
    leader, copy = with_position("0.5")
    push(leader, positions=[holds("0.1")], read=30)
    settle()

    tell(leader, did("CLOSE_LONG", "0.3", ago=29), positions=[holds("0.1")], read=20)
    tell(leader, did("CLOSE_LONG", "0.1", ago=28), positions=[holds("0.1")], read=15)
    settle()
    assert held(copy) == D("0.1")

    tell(leader, did("CLOSE_LONG", "0.05", ago=27), positions=[holds("0.05")], read=2)
    assert held(copy) == D("0.05")


def test_an_exit_right_after_the_report_that_showed_a_reduction_is_copied_on_top_of_it():
    leader, copy = with_position("0.6")
    push(leader, positions=[holds("0.2")], read=30)
    settle()

    tell(leader, did("CLOSE_LONG", "0.2", ago=28), positions=[], read=20)

    assert held(copy) == 0


def test_what_only_a_report_showed_and_is_told_as_a_trade_later_is_not_copied_twice():
    leader, copy = with_position("0.5")
    push(leader, positions=[holds("0.1")], read=30)
    settle()

    tell(leader, did("CLOSE_LONG", "0.4", ago=50), positions=[holds("0.1")], read=10)
    settle()
    assert held(copy) == D("0.1")

    tell(leader, did("CLOSE_LONG", "0.05", ago=8), positions=[holds("0.05")], read=2)
    assert held(copy) == D("0.05")


def test_so_it_is_where_somebody_begins_with_what_the_leader_has_left():
    leader, copy = with_position("0.5")
    push(leader, positions=[holds("0.1")], read=30)

    late = follow(leader, copy_open_positions=True)
    settle()

    assert (held(copy), held(late)) == (D("0.1"), D("0.1"))


def test_a_stale_or_hidden_report_reduces_nothing(settings):
    settings.LEADER_STALE_AFTER_SECONDS = 60
    leader, copy = with_position("0.5")
    push(leader, positions=[holds("0.1")], read=30)
    heard = SourceFreshness.objects.get()
    SourceFreshness.objects.update(received_at=heard.received_at - timedelta(seconds=61))
    settle()
    assert held(copy) == D("0.5")

    SourceFreshness.objects.update(received_at=heard.received_at)
    type(leader).objects.update(positions_visible=False)
    settle()

    assert held(copy) == D("0.5")


def test_a_larger_position_that_only_a_report_shows_is_no_reason_to_buy():
    leader, copy = with_position("0.5")

    push(leader, positions=[holds("0.9")], read=30)
    settle()
    assert held(copy) == D("0.5")

    tell(leader, did("CLOSE_LONG", "0.45", ago=10), positions=[holds("0.45")], read=5)
    assert held(copy) == D("0.25")


def test_less_than_a_hundredth_is_not_worth_an_order():
    leader, copy = with_position("0.5")

    push(leader, positions=[holds("0.496")], read=30)
    settle()

    assert held(copy) == D("0.5")


def test_a_leader_who_opens_the_same_symbol_at_another_venue_has_closed_nothing():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.5")
    other = paper_account(account.user, venue="bybit")
    LeaderAccount.objects.create(account=other, trader=leader)
    TradingAccount.objects.filter(pk=other.pk).update(is_led=True)
    price_is(market=make_market(venue="bybit"))

    lead(other, "BUY", "0.2")

    assert told() == ["fill OPEN", "fill OPEN"]
    assert held(copy) == D("0.7")


def test_a_leader_who_buys_the_same_symbol_in_another_kind_of_market_has_closed_nothing():
    contract, spot = make_market(venue="bybit"), make_market(venue="bybit", kind="spot")
    price_is(market=contract)
    price_is(market=spot)
    leader, account = make_master(venue="bybit")
    copy = follow(leader)
    lead(account, "BUY", "0.5", market=contract)

    lead(account, "BUY", "0.2", market=spot)

    assert told() == ["fill OPEN", "fill OPEN"]
    assert held(copy) == D("0.7")


def test_a_leader_whose_other_account_hedges_has_closed_nothing():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.5")
    other = paper_account(account.user)
    TradingAccount.objects.filter(pk=other.pk).update(is_led=True, hedge_mode=True)
    other.refresh_from_db()
    LeaderAccount.objects.create(account=other, trader=leader)

    lead(other, "BUY", "0.2", position_side="LONG")

    assert held(copy) == D("0.7")


def test_who_copies_since_then_has_nothing_to_close():
    leader, account = make_master()
    copy_stop(copy=follow(leader), close=False, actor=None)
    before = follow(leader)
    lead(account, "BUY", "0.5")
    copy_stop(copy=before, close=False, actor=None)
    account.holdings.update(quantity=0, cost=0)
    copy = follow(leader)

    lead(account, "BUY", "0.2")

    assert (held(copy), CopyIntent.objects.filter(copy=copy).count()) == (D("0.2"), 1)


def test_an_account_that_leads_and_was_corrected_closes_before_it_opens_again():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.5")
    account.holdings.update(quantity=0, cost=0)  # a comparison with the venue has corrected it

    lead(account, "BUY", "0.2")

    assert told() == ["fill OPEN", "flat CLOSE", "fill OPEN"]
    assert held(copy) == D("0.2")
