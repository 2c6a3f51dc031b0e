"""Ending copies: what they hold is closed first, or kept; what is closed is followed until it is."""

import pytest

from markets.venues.errors import Rejected
from orders.models import Order
from orders.services.accounts import account_pause
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.running import fan_out
from replication.engine.settling import TELL_AFTER
from replication.models import Copy, CopyIntent, Signal
from replication.services.copies import copy_position_close, copy_stop, user_stop
from replication.services.refusing import CopyConflict
from replication.services.stopping import NOT_CLOSED, stopping_continue
from replication.tests.kit import (
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
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def master():
    return make_master()


def stop(copy, *, close):
    copy_stop(copy=copy, close=close, actor=copy.account.user)
    serve()
    copy.refresh_from_db()


def serve():
    fan_out()
    settle()
    stopping_continue()


def test_stopping_with_a_close_closes_all_and_ends(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    stop(copy, close=True)

    assert (copy.state, held(copy)) == ("ended", 0)
    assert copy.state_reason == "Stopped by its owner."
    settle()
    leader.refresh_from_db()
    account.refresh_from_db()
    assert (leader.is_copied, account.is_led) == (False, False)


def test_stopping_without_a_close_keeps_what_is_held(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    stop(copy, close=False)
    lead(account, "SELL", "0.1")

    assert (copy.state, held(copy)) == ("ended", D("0.1"))
    assert copy.account.holdings.get().quantity == D("0.1")


def test_a_copy_that_is_stopping_opens_nothing_and_is_closed_once(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    copy_stop(copy=copy, close=True, actor=copy.account.user)
    trade(account, "BUY", "0.1")

    serve()
    copy_stop(copy=copy, close=True, actor=copy.account.user)
    serve()

    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", 0)
    assert Order.objects.filter(account=copy.account).count() == 2
    assert CopyIntent.objects.get(signal__action="INCREASE").code == "COPY_ENDED"


def test_what_the_venue_refuses_to_close_is_tried_until_it_is_closed(venue):  # noqa: F811
    copy = refused_at_the_stop(venue)
    copy.refresh_from_db()
    assert (copy.state, decision(copy).state, held(copy)) == ("stopping", "waiting", D("0.1"))
    assert CopyIntent.objects.filter(copy=copy, exits=True).count() == 1

    venue.next.append("with fills")
    try_again(copy)

    copy.refresh_from_db()
    assert (copy.state, held(copy), decision(copy).state) == ("ended", 0, "filled")


def test_what_the_venue_refuses_to_close_may_be_kept(venue):  # noqa: F811
    copy = refused_at_the_stop(venue)

    stop(copy, close=False)

    assert (copy.state, held(copy), decision(copy).code) == ("ended", D("0.1"), "COPY_ENDED")


def test_what_no_order_can_close_is_left_and_said(venue):  # noqa: F811
    copy = refused_at_the_stop(venue)
    CopyIntent.objects.filter(copy=copy, exits=True).update(state="failed")

    serve()

    copy.refresh_from_db()
    assert (copy.state, held(copy)) == ("ended", D("0.1"))
    assert copy.state_reason.endswith(NOT_CLOSED)


def refused_at_the_stop(venue):  # noqa: F811
    """Stop a copy whose venue refuses to close what it holds, more often than anybody would count."""
    market = make_market(venue="fake")
    price_is(market=market)
    leader, account = make_master()
    copy = follow(leader, make_live_account())
    venue.next.append("with fills")
    lead(account, "BUY", "0.1")
    assert held(copy) == D("0.1")
    venue.next.extend([Rejected("Market is closed.", reason="MARKET_CLOSED")] * (TELL_AFTER + 2))
    copy_stop(copy=copy, close=True, actor=copy.account.user)
    serve()
    for _ in range(TELL_AFTER + 1):
        try_again(copy)
    return copy


def try_again(copy) -> None:
    CopyIntent.objects.update(updated_at=copy.started_at.replace(year=2020))
    serve()


def test_a_copy_whose_account_is_paused_stays_stopping_until_it_may_close(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    account_pause(account=copy.account, actor=copy.account.user)

    stop(copy, close=True)

    assert (copy.state, decision(copy).state, held(copy)) == ("stopping", "waiting", D("0.1"))


def test_what_is_stopping_may_still_be_kept(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    account_pause(account=copy.account, actor=copy.account.user)
    stop(copy, close=True)

    stop(copy, close=False)

    assert (copy.state, held(copy)) == ("ended", D("0.1"))
    assert (decision(copy).state, decision(copy).code) == ("skipped", "COPY_ENDED")
    settle()
    assert not Signal.objects.exclude(state="done").exists()


def test_a_copy_that_holds_nothing_ends_at_once(master):
    leader, _ = master
    copy = follow(leader)

    copy_stop(copy=copy, close=True, actor=copy.account.user)

    copy.refresh_from_db()
    assert copy.state == "ended"
    assert not Signal.objects.exists()


def test_everything_of_a_user_stops(master):
    (leader, account), (other, second) = master, make_master()
    follower = paper_account()
    copies = [follow(leader, follower), follow(other, follower)]
    strangers = follow(leader)
    lead(account, "BUY", "0.1")
    lead(second, "BUY", "0.1")

    stopped = user_stop(user=follower.user, close=True, actor=follower.user)
    serve()

    assert {copy.pk for copy in stopped} == {copy.pk for copy in copies}
    assert set(Copy.objects.filter(account=follower).values_list("state", flat=True)) == {"ended"}
    assert follower.holdings.get().quantity == 0
    assert (Copy.objects.get(pk=strangers.pk).state, held(strangers)) == ("active", D("0.1"))


def test_one_position_is_closed_without_leaving_the_leader(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    copy_position_close(position=copy.positions.get(), actor=copy.account.user)
    serve()
    assert (held(copy), Copy.objects.get().state) == (0, "active")
    with pytest.raises(CopyConflict, match="closed already"):
        copy_position_close(position=copy.positions.get(), actor=copy.account.user)
    lead(account, "BUY", "0.1")

    assert held(copy) == D("0.1")


def test_a_close_of_the_leader_after_the_owners_own_finds_nothing(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    trade(account, "SELL", "0.1")
    copy_position_close(position=copy.positions.get(), actor=copy.account.user)

    serve()

    assert held(copy) == 0
    assert sorted(CopyIntent.objects.filter(exits=True).values_list("state", flat=True)) == ["filled", "skipped"]


def test_closing_one_position_leaves_other_followers_alone(master):
    leader, account = master
    one, other = follow(leader), follow(leader)
    lead(account, "BUY", "0.1")

    copy_position_close(position=one.positions.get(), actor=one.account.user)
    serve()

    assert (held(one), held(other)) == (0, D("0.1"))


def test_the_position_of_an_ended_copy_is_its_owners_to_close(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    stop(copy, close=False)

    with pytest.raises(CopyConflict, match="ended"):
        copy_position_close(position=copy.positions.get(), actor=copy.account.user)
