"""The paper adapter: many callers at once on one loop, with the database in threads."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection

from copytrade.lib import loop
from markets.models import PaperAccount, PaperOrder, PaperTrade
from markets.tests.venues.paper_desk import PaperDesk, reference
from markets.tests.venues.paper_kit import D, VenueStatus
from markets.venues.base import AccountAccess, OrderReport, OrderRequest
from markets.venues.deadline import sending_until
from markets.venues.errors import AuthFailed, NotSupported, OutcomeUnknown, Rejected, Retryable, VenueDown
from markets.venues.paper import books
from markets.venues.paper.adapter import PaperVenue
from markets.venues.paper.books import Wish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


@pytest.fixture
def venue(desk: PaperDesk) -> Iterator[PaperVenue]:
    made = PaperVenue(desk.venue, prices=desk.prices)
    yield made
    loop.run(made.close(), timeout=10)


def run(work: Any) -> Any:
    return loop.run(work, timeout=30)


async def together(calls: Sequence[Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def test_an_order_is_placed_found_and_cancelled(desk, venue):
    access, order = desk.account(), desk.order("BUY", "0.1", price=49_000)
    placed = run(venue.place(access, order))

    assert run(venue.query(access, reference(order))).venue_order_id == placed.venue_order_id
    assert len(run(venue.open_orders(access))) == 1
    assert run(venue.cancel(access, reference(order))).status is VenueStatus.CANCELED
    assert run(venue.fills(access, order.symbol, order.kind, since=None)) == []
    assert run(venue.account(access)).equity == 10_000
    assert not run(venue.permissions(access)).withdraw


def test_hundreds_of_orders_at_once_take_a_few_transactions(desk, venue, monkeypatch):
    batches: list[int] = []
    place_batch = books.place_batch

    def counted(*call: Any) -> Any:
        batches.append(len(call[1]))
        return place_batch(*call)

    monkeypatch.setattr(books, "place_batch", counted)
    accesses = [desk.account() for _ in range(150)]
    orders = [desk.order("BUY", "0.01") for _ in accesses]
    answers = run(together([venue.place(*item) for item in zip(accesses, orders, strict=True)]))

    assert {answer.status for answer in answers} == {VenueStatus.FILLED}
    assert [answer.client_order_id for answer in answers] == [order.client_order_id for order in orders]
    assert sum(batches) == 150
    assert len(batches) <= 3
    assert PaperTrade.objects.count() == 150


def test_a_whole_batch_is_answered_item_by_item(desk, venue):
    access = desk.account(1_000)
    orders = [desk.order("BUY", "0.1"), desk.order("BUY", "0.5"), desk.order("SELL", "0.1")]
    items = [*((access, order) for order in orders), (AccountAccess("nobody"), desk.order("BUY", "0.1"))]
    answers = run(venue.place_many(items))

    assert [type(answer) for answer in answers] == [OrderReport, Rejected, OrderReport, AuthFailed]
    assert run(venue.place_many([])) == []


def test_two_quick_orders_never_spend_the_same_money(desk):
    access = desk.account(1_000)
    orders = [desk.order("BUY", "0.11") for _ in range(8)]

    def place(order):
        try:
            return desk.place(access, order).status
        except Rejected as refusal:
            return refusal.reason
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(place, orders))
    assert sorted(answers) == ["FILLED", *["INSUFFICIENT_MARGIN"] * 7]
    assert PaperOrder.objects.count() == 1


def test_the_same_order_sent_at_once_from_everywhere_is_placed_once(desk):
    access, order = desk.account(), desk.order("BUY", "0.01")

    def place(_):
        try:
            return desk.place(access, order).status
        except OutcomeUnknown:
            return "unknown"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(place, range(8)))
    assert sorted(answers) == ["FILLED", *["unknown"] * 7]
    assert PaperTrade.objects.count() == 1


def test_batches_over_the_same_accounts_in_another_order_do_not_lock_each_other_out(desk):
    accesses = [desk.account() for _ in range(10)]

    def place(turn):
        ordered = accesses if turn % 2 else accesses[::-1]
        try:
            return desk.place_all(*[(access, desk.order("BUY", "0.01")) for access in ordered])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        answers = [answer for batch in threads.map(place, range(12)) for answer in batch]
    assert {type(answer) for answer in answers} == {OrderReport}
    assert PaperOrder.objects.count() == 120


def test_a_fill_by_price_and_a_cancel_at_once_end_an_order_one_way(desk):
    access = desk.account()
    orders = [desk.order("BUY", "0.01", price=49_000) for _ in range(10)]
    desk.place_all(*[(access, order) for order in orders])

    def work(order):
        try:
            return desk.cancel(access, order).status if order else desk.price(48_000)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, [*orders[:5], None, *orders[5:]]))
    for stored in PaperOrder.objects.all():
        whole = stored.filled_quantity == stored.quantity
        assert stored.status == ("FILLED" if whole else "CANCELED")
    assert desk.amounts(access)["locked"] == 0


def test_latency_delays_only_the_account_that_has_it(desk, venue):
    slow, quick = desk.account(latency=200), desk.account()

    async def race() -> tuple[list[AccountAccess], float]:
        done = []

        async def place(access: AccountAccess) -> None:
            await venue.place(access, desk.order("BUY", "0.01"))
            done.append(access)

        started = time.monotonic()
        await asyncio.gather(place(slow), place(quick))
        return done, time.monotonic() - started

    order, seconds = run(race())
    assert order == [quick, slow]
    assert seconds >= 0.2


def test_a_request_that_became_too_old_is_not_placed(desk):
    access, order = desk.account(), desk.order("BUY", "0.01")
    wish = Wish(access, order, time.monotonic() - 1)
    (answer,) = books.place_batch(desk.venue, [wish], desk.prices)

    assert isinstance(answer, Retryable)
    assert not PaperOrder.objects.exists()


def test_orders_of_one_batch_keep_each_its_own_deadline(desk, venue):
    access = desk.account()
    late, timely = desk.order("BUY", "0.01"), desk.order("BUY", "0.01")

    async def place(order: OrderRequest, deadline: float) -> None:
        with sending_until(deadline):
            await venue.place(access, order)

    now = time.monotonic()
    answers = run(together([place(late, now), place(timely, now + 30)]))

    assert [type(answer) for answer in answers] == [Retryable, type(None)]
    assert [order.client_order_id for order in PaperOrder.objects.all()] == [timely.client_order_id]


def test_latency_delays_no_order_beyond_its_deadline(desk, venue):
    access, order = desk.account(latency=300), desk.order("BUY", "0.01")
    with sending_until(time.monotonic() + 0.1), pytest.raises(Retryable):
        run(venue.place(access, order))

    assert not PaperOrder.objects.exists()


def test_books_that_do_not_answer_leave_the_outcome_unknown(desk, venue, monkeypatch):
    access, order = desk.account(), desk.order("BUY", "0.01")

    def broken(*_):
        raise OperationalError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(books, "place_batch", broken)
        patched.setattr(books, "cancel", broken)
        patched.setattr(books, "query", broken)
        for ask, error in (
            (venue.place(access, order), OutcomeUnknown),
            (venue.cancel(access, reference(order)), OutcomeUnknown),
            (venue.query(access, reference(order)), VenueDown),
        ):
            with pytest.raises(error):
                run(ask)
    assert run(venue.query(access, reference(order))) is None
    assert run(venue.place(access, order)).status is VenueStatus.FILLED


def test_an_unexpected_failure_answers_everyone_and_is_logged(desk, venue, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(books, "place_batch", broken)
    with pytest.raises(OutcomeUnknown):
        run(venue.place(desk.account(), desk.order("BUY", "0.01")))
    assert "ZeroDivisionError" in caplog.text


def test_paper_accounts_have_no_stream(desk, venue):
    with pytest.raises(NotSupported):
        venue.private_stream(desk.account())


def test_an_account_survives_a_new_adapter(desk, venue):
    access, order = desk.account(), desk.order("BUY", "0.1", price=49_000)
    run(venue.place(access, order))
    again = PaperVenue(desk.venue, prices=desk.prices)

    assert run(again.query(access, reference(order))).status is VenueStatus.NEW
    desk.price(48_000)
    assert run(again.query(access, reference(order))).status is VenueStatus.FILLED
    assert PaperAccount.objects.get().positions.get().quantity == D("0.1")
