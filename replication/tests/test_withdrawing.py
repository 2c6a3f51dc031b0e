"""What was ordered for a copy and not sent yet is taken back where the copy is paused or ends, or its leader is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.venues.errors import Rejected, Retryable
from orders.executor.sending import orders_execute_due
from orders.models import Holding, Order, OrderEvent
from orders.services.cancelling import orders_withdraw
from orders.tests.conftest import make_live_account, prove, venue  # noqa: F401  (a fixture)
from orders.tests.memory_venue import MemoryVenue
from replication.engine.running import fan_out
from replication.models import Copy
from replication.services.copies import copy_pause, copy_resume, copy_stop, user_stop
from replication.services.retrying import decision_retry
from replication.services.withdrawing import orders_take_back
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, send_nothing, settle, trade
from replication.vocabulary import Reason
from tests.factories import make_market
from traders.models import LeaderStatus, LeadTrader

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def unsent(monkeypatch) -> Copy:
    """A copy whose entry is written, and waits for whoever sends it."""
    leader, account = make_master()
    copy = follow(leader)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "BUY", "0.1")
    assert Order.objects.get(account=copy.account).state == "PENDING"
    return copy


def send_all(copy: Copy) -> Order:
    orders_execute_due()
    settle()
    return Order.objects.filter(account=copy.account).latest("pk")


@pytest.mark.parametrize("way", ["stop", "stop and close", "everything"])
def test_an_entry_that_was_not_sent_is_not_sent_once_its_copy_ends(unsent, way):
    owner = unsent.account.user
    if way == "everything":
        user_stop(user=owner, close=False, actor=owner)
    else:
        copy_stop(copy=unsent, close=way == "stop and close", actor=owner)

    assert (send_all(unsent).state, held(unsent)) == ("CANCELED", 0)
    taken_back = decision(unsent)
    assert (taken_back.state, taken_back.code) == ("skipped", "COPY_ENDED")
    assert taken_back.signal.state == "done"
    unsent.refresh_from_db()
    assert unsent.state == "ended"


def test_an_entry_that_was_not_sent_is_not_sent_while_its_copy_is_paused_nor_after(unsent):
    copy_pause(copy=unsent, actor=unsent.account.user)

    assert send_all(unsent).state == "CANCELED"
    copy_resume(copy=unsent, actor=unsent.account.user)
    assert send_all(unsent).state == "CANCELED"
    taken_back = decision(unsent)
    assert (taken_back.state, taken_back.code) == ("skipped", "COPY_PAUSED")
    assert taken_back.message == "The copy was paused before this could be sent."


def test_what_the_leader_opened_during_a_pause_is_not_opened_after_it():
    leader, account = make_master()
    copy = follow(leader)
    copy_pause(copy=copy, actor=copy.account.user)
    trade(account, "BUY", "0.1")  # it is taken up late

    copy_resume(copy=copy, actor=copy.account.user)
    fan_out()
    assert (held(copy), decision(copy).code) == (0, "COPY_PAUSED")

    lead(account, "BUY", "0.2")
    assert held(copy) == D("0.2")


def test_an_entry_that_waits_for_an_earlier_order_is_not_sent_after_a_pause(monkeypatch):
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "SELL", "0.1")
        lead(account, "BUY", "0.3")
    assert decision(copy).state == "waiting"

    copy_pause(copy=copy, actor=copy.account.user)
    copy_resume(copy=copy, actor=copy.account.user)

    assert (send_all(copy).state, held(copy)) == ("FILLED", D("0.1"))
    assert (decision(copy).state, decision(copy).code) == ("skipped", "COPY_PAUSED")


def test_what_failed_before_a_pause_is_tried_again_where_a_person_asks(live, venue):  # noqa: F811
    venue.next.append(Rejected("Not now.", reason="VENUE_REFUSED"))
    lead(live.trader.accounts.get().account, "BUY", "0.1")
    assert decision(live).state == "failed"
    copy_pause(copy=live, actor=live.account.user)
    copy_resume(copy=live, actor=live.account.user)

    decision_retry(intent=decision(live), actor=live.account.user)

    assert send_all(live).state == "FILLED"


def test_an_entry_that_was_not_sent_is_not_sent_once_staff_pause_its_leader(unsent):
    LeadTrader.objects.filter(pk=unsent.trader_id).update(status=LeaderStatus.PAUSED)

    settle()

    assert (send_all(unsent).state, decision(unsent).code) == ("CANCELED", "LEADER_PAUSED")


@pytest.fixture
def unsent_exit(monkeypatch) -> Copy:
    """A copy that holds 0.1, whose exit is written, and waits for whoever sends it."""
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "SELL", "0.1")
    return copy


def test_an_exit_goes_on_where_the_copy_is_paused(unsent_exit):
    copy_pause(copy=unsent_exit, actor=unsent_exit.account.user)

    assert (send_all(unsent_exit).state, held(unsent_exit)) == ("FILLED", 0)


def test_an_exit_goes_on_where_the_copy_closes_all(unsent_exit):
    copy_stop(copy=unsent_exit, close=True, actor=unsent_exit.account.user)

    assert (send_all(unsent_exit).state, held(unsent_exit)) == ("FILLED", 0)
    assert Order.objects.filter(account=unsent_exit.account).count() == 2


def test_what_is_kept_is_not_closed_by_an_exit_that_was_not_sent(unsent_exit):
    copy_stop(copy=unsent_exit, close=False, actor=unsent_exit.account.user)

    assert (send_all(unsent_exit).state, held(unsent_exit)) == ("CANCELED", D("0.1"))


@pytest.fixture
def live(venue: MemoryVenue) -> Copy:  # noqa: F811  (the fixture)
    """A copy on a live account."""
    account = make_live_account(equity=D(100_000))
    price_is(market=make_market(venue="fake"))
    leader, _ = make_master()
    return follow(leader, account)


def test_what_the_venue_would_not_take_is_not_sent_again_after_a_stop(live, venue):  # noqa: F811
    venue.next.append(Retryable("Too many requests.", after=timedelta(0)))
    lead(live.trader.accounts.get().account, "BUY", "0.1")
    assert Order.objects.get(account=live.account).state == "PENDING"

    user_stop(user=live.account.user, close=False, actor=live.account.user)
    Order.objects.filter(account=live.account).update(send_after=timezone.now())

    assert (send_all(live).state, venue.placements) == ("CANCELED", {})
    assert not Holding.objects.filter(account=live.account).exclude(quantity=0).exists()


def test_what_may_be_at_the_venue_is_not_sent_again_where_it_is_not(live, venue):  # noqa: F811
    venue.next.append("lost")
    lead(live.trader.accounts.get().account, "BUY", "0.1")

    copy_stop(copy=live, close=False, actor=live.account.user)
    order = Order.objects.get(account=live.account)
    assert (order.state, decision(live).state) == ("UNKNOWN", "planned")
    prove(order)

    assert (send_all(live).state, venue.placements) == ("CANCELED", {})
    assert (decision(live).state, decision(live).code) == ("skipped", "CANCELED_UNSENT")


def test_what_is_at_the_venue_is_kept(live, venue):  # noqa: F811
    venue.next.append("unheard")
    lead(live.trader.accounts.get().account, "BUY", "0.1")

    copy_stop(copy=live, close=False, actor=live.account.user)
    prove(Order.objects.get(account=live.account))

    assert (send_all(live).state, held(live)) == ("FILLED", D("0.1"))


def test_taking_back_twice_changes_nothing(unsent):
    for _ in range(2):
        orders_take_back(copy=unsent, code=Reason.COPY_PAUSED, message="Once.")

    assert OrderEvent.objects.filter(order__account=unsent.account, to_state="CANCELED").count() == 1


def test_an_order_that_is_over_is_not_withdrawn(unsent):
    order = send_all(unsent)

    assert orders_withdraw(order_ids=[order.pk]) == []
    order.refresh_from_db()
    assert (order.state, order.cancel_requested_at) == ("FILLED", None)


def test_a_decision_with_another_order_under_way_is_judged_when_that_is_over(unsent):
    order = Order.objects.get(account=unsent.account)
    out = Order.objects.get(pk=order.pk)
    out.pk, out.client_order_id, out.state = None, "another", "NEW"
    out.save(force_insert=True)

    orders_take_back(copy=unsent, code=Reason.COPY_PAUSED, message="Not now.")

    order.refresh_from_db()
    assert (order.state, decision(unsent).state) == ("CANCELED", "planned")
