"""Many batches on their way at once: stored as they come, told as they are stored, never more out than may be."""

import asyncio
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from markets.venues.errors import Rejected
from orders.executor import sending
from orders.executor.findings import Finding, Source
from orders.executor.inbox import CROWD, CROWD_LINGER, LARGEST_FLUSH, LOOK_SECONDS, Batches, Inbox, batches
from orders.executor.sending import Carrier, orders_execute
from orders.models import Fill, Order, Origin, TradingHalt
from orders.states import FINAL

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def small(monkeypatch):
    """Batches of three, two of them on their way at once at most."""
    monkeypatch.setattr(sending, "LARGEST_BATCH", 3)
    monkeypatch.setattr(sending, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(sending, "GROUP", 2)
    monkeypatch.setattr(sending, "FIRST_GROUP", 1)


def ids_of(write, count, **values):
    return [write(**values).pk for _ in range(count)]


def copies_of(write, count):
    ids = ids_of(write, count)
    Order.objects.update(origin=Origin.COPY, cause_id=1)
    return ids


class Companion:
    """Notes what it is told, and may stumble over it."""

    wakes_copies = False

    def __init__(self, *, books=True, listens=True):
        self.booked: list[int] = []
        self.told: dict[int, bool] = {}
        self.traded = Decimal(0)
        self.books, self.listens = books, listens

    def book(self, orders, trades):
        assert connection.in_atomic_block
        if not self.books:
            raise RuntimeError("no room in the books")
        self.booked += [order.id for order in orders]
        self.traded += sum(trade.quantity for trade in trades)

    def go_on(self, order_ids, *, booked):
        if not self.listens:
            raise RuntimeError("nobody listens")
        assert set(Order.objects.filter(pk__in=order_ids).values_list("state", flat=True)) <= FINAL
        self.told |= dict.fromkeys(order_ids, booked)


def carried(ids, companion):
    carrier = Carrier(companion)
    carrier.carry(ids)
    carrier.finish()
    return carrier.sent


def test_a_companion_books_each_order_as_it_is_stored_and_goes_on_once_it_is(write, venue, small):
    venue.next.extend(["with fills"] * 8)
    ids, companion = ids_of(write, 8), Companion()

    assert carried(ids, companion) == ids
    assert sorted(companion.booked) == ids
    assert companion.told == dict.fromkeys(ids, True)
    assert companion.traded == sum(Order.objects.values_list("filled_quantity", flat=True))


@pytest.mark.django_db(transaction=True)
def test_it_is_said_when_the_first_orders_have_left(write, venue, small):
    ids, placed = ids_of(write, 2), list[int]()
    carrier = Carrier(under_way=lambda: placed.append(len(venue.placements)))
    carrier.carry(ids)
    carrier.finish()

    assert placed[0] >= 1


def test_a_companion_hears_of_refusals_too(write, venue):
    TradingHalt.objects.create(scope="global", mode="all", reason="maintenance")
    ids, companion = ids_of(write, 2), Companion()

    assert carried(ids, companion) == []
    assert companion.told == dict.fromkeys(ids, False)
    assert not venue.placements


def test_orders_are_stored_without_a_companion_that_cannot_book_them(write, venue, caplog):
    venue.next.extend(["with fills"] * 3)
    ids, companion = copies_of(write, 3), Companion(books=False)

    assert carried(ids, companion) == ids

    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}
    assert companion.told == dict.fromkeys(ids, False)
    assert set(Fill.objects.values_list("awaits_copy", flat=True)) == {True}
    assert "no room in the books" in caplog.text


def test_trades_of_copies_that_are_booked_await_nobody(write, venue):
    venue.next.extend(["with fills"] * 3)
    ids = copies_of(write, 3)

    assert carried(ids, Companion()) == ids

    assert set(Fill.objects.values_list("awaits_copy", flat=True)) == {False}


def test_what_breaks_after_the_recording_stops_no_order(write, venue, caplog):
    ids = ids_of(write, 3)
    assert carried(ids, Companion(listens=False)) == ids

    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}
    assert "nobody listens" in caplog.text


def test_the_next_batch_leaves_while_the_one_before_is_out(write, venue, small, monkeypatch):
    """The first order is answered only when the last one has arrived: waiting for whole batches would never end."""
    ids = ids_of(write, 5)
    place, last = venue.place, Order.objects.get(pk=ids[-1]).client_order_id
    first, arrived = Order.objects.get(pk=ids[0]).client_order_id, asyncio.Event()

    async def slowly(account, request):
        if request.client_order_id == last:
            arrived.set()
        if request.client_order_id == first:
            async with asyncio.timeout(10):
                await arrived.wait()
        return await place(account, request)

    monkeypatch.setattr(venue, "place", slowly)

    assert orders_execute(ids) == ids
    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}


def test_no_more_are_out_than_may_be(write, venue, small, monkeypatch):
    place, out = venue.place, []

    async def counted(account, request):
        out.append(+1)
        assert sum(out) <= 3
        await asyncio.sleep(0)
        try:
            return await place(account, request)
        finally:
            out.append(-1)

    monkeypatch.setattr(venue, "place", counted)
    orders_execute(ids_of(write, 12))

    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}


def test_each_is_sent_once_however_often_it_is_named(write, venue, small):
    ids = ids_of(write, 4)

    assert sorted(orders_execute([*ids, *ids])) == ids
    assert set(venue.placements.values()) == {1}


def test_a_venue_is_told_what_is_about_to_come(write, venue, small):
    expected = []

    async def expect(items):
        expected.append(len(items))

    venue.expect = expect
    orders_execute(ids_of(write, 3))

    assert expected == [1, 2]


def test_a_preparation_that_fails_stops_no_order(write, venue, small):
    async def expect(items):
        raise KeyError("weight")

    venue.expect = expect
    orders_execute(ids_of(write, 3))

    assert set(Order.objects.values_list("state", flat=True)) == {"FILLED"}


def test_a_refusal_in_the_middle_concerns_one_order(write, venue, small):
    venue.next.extend([None, Rejected("Account has insufficient balance.", reason="INSUFFICIENT_BALANCE"), None])
    orders_execute(ids_of(write, 7))

    states = list(Order.objects.values_list("state", flat=True))
    assert (states.count("FILLED"), states.count("REJECTED")) == (6, 1)


def test_a_long_reason_of_an_account_fits_the_order(write, venue, account):
    account.state, account.state_reason = "paused", "x" * 500
    account.save()
    (pk,) = ids_of(write, 1)

    orders_execute([pk])

    order = Order.objects.get(pk=pk)
    assert (order.state, order.reason_code, len(order.reason)) == ("FAILED", "ACCOUNT_PAUSED", 500)
    assert order.events.get(to_state="FAILED").message == order.reason


def finding(number):
    return Finding(number, Source.REPLY, timezone.now() - timedelta(seconds=number))


def test_the_first_of_a_few_is_stored_at_once(monkeypatch):
    inbox, waits = Inbox(), []
    inbox.put(finding(1))

    def is_there(wanted, seconds):
        waits.append((wanted, seconds))
        return True

    monkeypatch.setattr(inbox, "wait", is_there)

    assert len(Batches(inbox).next(CROWD - 1)) == 1
    assert waits == [(1, LOOK_SECONDS)]


def test_findings_that_are_there_are_taken_together():
    inbox = Inbox()
    cutter = Batches(inbox)
    for number in range(LARGEST_FLUSH + 3):
        inbox.put(finding(number))

    assert [each.order_id for each in cutter.next(LARGEST_FLUSH + 3)] == list(range(LARGEST_FLUSH))
    assert [each.order_id for each in cutter.next(3)] == [LARGEST_FLUSH, LARGEST_FLUSH + 1, LARGEST_FLUSH + 2]


def test_the_first_of_a_crowd_waits_a_moment_for_company(monkeypatch):
    inbox, lingered = Inbox(), []
    inbox.put(finding(1))

    def others_come(wanted, seconds):
        lingered.append((wanted, seconds))
        for number in range(2, wanted + 1):
            inbox.put(finding(number))
        return True

    monkeypatch.setattr(inbox, "wait", others_come)

    assert len(Batches(inbox).next(CROWD)) == CROWD
    assert lingered[1] == (CROWD, CROWD_LINGER)


class WaitedFor(Exception):
    """So many findings."""


@pytest.fixture
def waited_for(monkeypatch):
    """Whoever waits for findings raises how many."""

    def wait(batches, expected):
        raise WaitedFor(expected)

    monkeypatch.setattr(Batches, "next", wait)


@pytest.mark.parametrize(("out", "half"), [(20, 20), (CROWD + 1, CROWD), (CROWD * 6, CROWD * 3)])
def test_of_much_that_is_out_half_is_stored_while_the_rest_comes(waited_for, out, half):
    carrier = Carrier()
    carrier.sent += range(out)

    with pytest.raises(WaitedFor, match=f"^{half}$"):
        carrier.store()


def test_all_that_is_out_is_stored_where_there_is_more_to_send(waited_for):
    carrier = Carrier()
    carrier.sent += range(CROWD * 6)

    with pytest.raises(WaitedFor, match=f"^{CROWD * 6}$"):
        carrier.make_room()


def test_a_source_that_fails_ends_the_waiting(monkeypatch):
    monkeypatch.setattr("orders.executor.inbox.LOOK_SECONDS", 0.01)
    source: Future[None] = Future()
    source.set_exception(ConnectionError("the loop is gone"))
    inbox = Inbox()
    inbox.put(finding(1))

    with pytest.raises(ConnectionError):
        list(batches(inbox, 2, source))
