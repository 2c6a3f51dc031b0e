"""An exit that its venue could not take is planned anew, by what is held then, where the venue would oversell."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from msgspec.structs import replace

from markets.venues.errors import VenueDown
from markets.venues.vocabulary import OrderType, Side
from orders.executor.checking import orders_check
from orders.executor.claiming import request_of
from orders.executor.findings import Finding, Source
from orders.executor.sending import orders_execute_due
from orders.models import Order, Origin
from orders.services.placing import order_write, orders_place
from orders.services.recording import findings_record
from orders.tests.conftest import age, make_live_account, venue, without_reduce_only  # noqa: F401  (fixtures)
from orders.tests.memory_venue import MemoryVenue
from replication.engine.resuming import waiting_resume
from replication.engine.running import chunk_execute
from replication.models import Copy, CopyIntent
from replication.services.copies import copy_position_close
from replication.services.refusing import CopyConflict
from replication.services.retrying import decision_retry
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


def read_trades() -> None:
    missing = Order.objects.filter(filled_quantity__gt=F("booked_quantity"))
    orders_check(list(missing.values_list("pk", flat=True)))
    settle()


def exit_that_was_not_taken(venue: MemoryVenue) -> Copy:  # noqa: F811
    """Return a copy that holds 0.2, whose exit its venue could not take, being away."""
    price_is(market=make_market(venue="fake"))
    leader = watched()
    copy = follow_since(leader, account=make_live_account())
    tell(leader, did("OPEN_LONG", "0.2", ago=30), positions=[holds("0.2")], read=25)
    read_trades()
    assert held(copy) == D("0.2")
    venue.next.append(VenueDown("The exchange does not answer."))
    tell(leader, did("CLOSE_LONG", "0.2"), positions=[])
    return copy


def sell_by_hand(copy: Copy) -> None:
    order = order_write(
        account=copy.account,
        market=make_market(venue="fake"),
        origin=Origin.MANUAL,
        side=Side.SELL,
        type=OrderType.MARKET,
        quantity=D("0.2"),
        send_within=timedelta(minutes=1),
    )
    orders_place([order.pk])
    read_trades()


def try_again(copy: Copy) -> None:
    for order in Order.objects.filter(account=copy.account, side="SELL"):
        age(order, 120)
    CopyIntent.objects.filter(state="waiting").update(updated_at=F("updated_at") - timedelta(minutes=2))
    orders_execute_due()
    chunk_execute(waiting_resume())
    read_trades()


def test_what_was_sold_by_hand_meanwhile_is_not_sold_again(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)
    sell_by_hand(copy)

    try_again(copy)

    assert copy.account.holdings.get().quantity == 0
    assert (decision(copy).state, decision(copy).code) == ("skipped", "NOTHING_HELD")


def test_what_is_held_still_is_sold_as_soon_as_the_venue_is_back(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)
    assert decision(copy).state == "waiting"

    try_again(copy)

    assert (held(copy), decision(copy).state) == (0, "filled")


def show_as_open(order: Order, venue: MemoryVenue) -> None:  # noqa: F811
    """Let the venue have an order after all that counts as over here, and tell so."""
    report = venue.accept(replace(request_of(order), type=OrderType.LIMIT))  # those rest
    findings_record([Finding(order.pk, Source.STREAM, timezone.now(), report=report)])


def fill(order: Order, venue: MemoryVenue) -> None:  # noqa: F811
    """Let all of an order trade that was shown as open, and tell so."""
    venue.fill(order.client_order_id, "0.2")
    orders_check([order.pk])
    settle()
    read_trades()


def test_what_the_venue_has_after_all_is_not_sold_twice(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)
    order = Order.objects.get(account=copy.account, side="SELL")
    show_as_open(order, without_reduce_only)

    try_again(copy)
    with pytest.raises(CopyConflict, match="has an order of this after all"):
        decision_retry(intent=decision(copy), actor=copy.account.user)
    fill(order, without_reduce_only)

    assert (copy.account.holdings.get().quantity, held(copy)) == (0, 0)
    assert decision(copy).state == "filled"


def test_a_later_exit_waits_for_what_the_venue_has_after_all(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)
    order = Order.objects.get(account=copy.account, side="SELL")
    show_as_open(order, without_reduce_only)

    copy_position_close(position=copy.positions.get(), actor=copy.account.user)
    settle()
    fill(order, without_reduce_only)

    assert (copy.account.holdings.get().quantity, held(copy)) == (0, 0)
    assert (decision(copy).state, decision(copy).code) == ("skipped", "NOTHING_HELD")


def test_where_the_venue_keeps_to_what_is_held_the_order_itself_is_sent_again(venue):  # noqa: F811
    copy = exit_that_was_not_taken(venue)
    assert Order.objects.get(account=copy.account, side="SELL").state == "PENDING"

    try_again(copy)

    assert Order.objects.filter(account=copy.account, side="SELL").count() == 1
    assert held(copy) == 0


def away_for(copy: Copy, venue: MemoryVenue, times: int) -> None:  # noqa: F811
    for _ in range(times):
        venue.next.append(VenueDown("The exchange does not answer."))
        try_again(copy)


def test_a_venue_that_is_away_is_no_reason_to_alarm_its_owner(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)

    away_for(copy, without_reduce_only, 8)

    assert (decision(copy).state, decision(copy).code) == ("waiting", "VENUE_DOWN")
    assert "close the position by hand" not in decision(copy).message


def test_after_a_long_outage_it_goes_on_within_two_minutes(without_reduce_only):  # noqa: F811
    copy = exit_that_was_not_taken(without_reduce_only)
    away_for(copy, without_reduce_only, 9)

    try_again(copy)

    assert (held(copy), decision(copy).state) == (0, "filled")
