"""The paper books: orders of many accounts are placed, found and cancelled, in few statements."""

from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from markets.models import PaperOrder, PaperPosition, PaperTrade
from markets.tests.venues.paper_desk import PaperDesk, reference
from markets.tests.venues.paper_kit import D, MarketKind, OrderType, PositionSide, TimeInForce, VenueStatus
from markets.venues import base
from markets.venues.errors import AuthFailed, OutcomeUnknown, Rejected, RejectReason
from markets.venues.paper import books

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


def test_an_order_is_stored_with_its_trades_position_and_money(desk):
    access = desk.account()
    order = desk.order("BUY", "0.1")
    report = desk.place(access, order)

    assert report.status is VenueStatus.FILLED
    assert report.average_price == 50_000
    assert report.raw["orderId"] == int(report.venue_order_id)
    assert desk.total(access) == 9_998
    assert PaperTrade.objects.get().order.client_order_id == order.client_order_id
    position = PaperPosition.objects.get()
    assert (position.quantity, position.cost, position.leverage) == (D("0.1"), 5_000, 10)


def test_what_was_stored_is_told_again(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")
    placed = desk.place(access, order)
    found = desk.query(access, order)

    assert found is not None
    assert (found.status, found.fills) == (placed.status, placed.fills)
    assert found.raw == placed.raw
    by_number = base.OrderReference(order.symbol, order.kind, order.type, "", placed.venue_order_id)
    assert books.query(desk.venue, access, by_number) == found


def test_a_closed_position_is_gone(desk):
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    desk.prices.set(desk.market, 51_000)
    report = desk.place(access, desk.order("SELL", "0.1"))

    assert report.fills[0].realized_pnl == 100
    assert not PaperPosition.objects.exists()
    assert desk.total(access) == D("10095.96")


def test_coins_are_held_as_balances_on_spot():
    desk = PaperDesk(MarketKind.SPOT)
    access = desk.account()
    desk.place(access, desk.order("BUY", "0.1"))
    desk.place(access, desk.order("SELL", "0.05", price=60_000))

    assert desk.amounts(access, "BTC") == {"total": D("0.0999"), "locked": D("0.05")}
    assert desk.total(access, "USDT") == 5_000


def test_a_client_order_id_is_used_up_for_ever_and_the_outcome_unknown(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")
    desk.place(access, order)

    with pytest.raises(OutcomeUnknown):
        desk.place(access, order)
    assert PaperTrade.objects.count() == 1


def test_the_same_client_order_id_at_another_account_is_another_order(desk):
    first, second, order = desk.account(), desk.account(), desk.order("BUY", "0.1")

    assert {type(answer) for answer in desk.place_all((first, order), (second, order))} == {base.OrderReport}
    assert PaperOrder.objects.count() == 2


def test_a_batch_with_the_same_order_twice_places_it_once(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")
    first, second = desk.place_all((access, order), (access, order))

    assert isinstance(first, base.OrderReport)
    assert isinstance(second, OutcomeUnknown)
    assert PaperOrder.objects.count() == 1


def test_orders_of_one_account_in_a_batch_spend_one_after_the_other(desk):
    access = desk.account(1_000)
    answers = desk.place_all(*[(access, desk.order("BUY", "0.15")) for _ in range(2)])

    assert isinstance(answers[0], base.OrderReport)
    assert isinstance(answers[1], Rejected)
    assert answers[1].reason == RejectReason.INSUFFICIENT_MARGIN


def test_one_refusal_in_a_batch_holds_up_nobody(desk):
    access = desk.account()
    answers = desk.place_all(
        (access, desk.order("BUY", "0.1")),
        (access, desk.order("BUY", "0.1", symbol="NOSUCHTHING")),
        (base.AccountAccess("nobody"), desk.order("BUY", "0.1")),
        (access, desk.order("SELL", "0.05")),
    )

    assert [type(answer) for answer in answers] == [base.OrderReport, Rejected, AuthFailed, base.OrderReport]
    assert PaperPosition.objects.get().quantity == D("0.05")


@pytest.mark.parametrize("many", [1, 40])
def test_a_batch_takes_six_statements_however_many_orders_it_holds(desk, many, django_assert_num_queries):
    items = [(desk.account(), desk.order("BUY", "0.1")) for _ in range(many)]
    desk.place_all(*items)
    again = [(access, desk.order("BUY", "0.1")) for access, _ in items]

    with django_assert_num_queries(6 + 2) as counted:  # with SAVEPOINT and RELEASE, which stand for BEGIN and COMMIT
        desk.place_all(*again)
    assert sum("SAVEPOINT" in query["sql"] for query in counted.captured_queries) == 2
    assert PaperTrade.objects.count() == 2 * many


def test_a_refused_batch_writes_nothing(desk):
    access = desk.account(1)
    with CaptureQueriesContext(connection) as counted:
        desk.place_all((access, desk.order("BUY", "0.1")))
    assert not any("INSERT" in query["sql"] for query in counted.captured_queries)


def test_an_order_is_cancelled_once_and_stays_so(desk):
    access, order = desk.account(), desk.order("BUY", "0.1", price=49_000)
    desk.place(access, order)
    assert desk.amounts(access)["locked"] == 490

    assert [desk.cancel(access, order).status for _ in range(2)] == [VenueStatus.CANCELED] * 2
    assert desk.amounts(access)["locked"] == 0


def test_a_filled_order_is_cancelled_no_more(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")
    desk.place(access, order)

    assert desk.cancel(access, order).status is VenueStatus.FILLED


def test_what_never_was_is_none_and_cannot_be_cancelled(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")

    assert desk.query(access, order) is None
    with pytest.raises(Rejected) as refused:
        desk.cancel(access, order)
    assert refused.value.reason == RejectReason.UNKNOWN_ORDER


def test_another_account_sees_nothing_of_an_order(desk):
    order = desk.order("BUY", "0.1", price=49_000)
    placed = desk.place(desk.account(), order)
    other = desk.account()

    assert desk.query(other, order) is None
    assert books.open_orders(desk.venue, other, None) == []
    number = placed.venue_order_id
    assert books.fills(desk.venue, other, order.symbol, order.kind, number, None) == []
    with pytest.raises(Rejected):
        desk.cancel(other, order)


def test_an_account_that_is_not_there_is_no_answer_about_orders(desk):
    nobody, order = base.AccountAccess("nobody"), desk.order("BUY", "0.1")

    for ask in (desk.query, desk.cancel, desk.place):
        with pytest.raises(AuthFailed):
            ask(nobody, order)


def test_an_account_of_another_venue_is_not_there(desk):
    access = desk.account()

    with pytest.raises(AuthFailed):
        books.query("binance", access, reference(desk.order("BUY", "0.1")))


def test_open_orders_are_listed_oldest_first_the_conditional_ones_too(desk):
    access = desk.account()
    waiting = [
        desk.order("BUY", "0.1", price=49_000),
        desk.order("SELL", "0.1", type=OrderType.STOP_MARKET, stop_price=48_000),
    ]
    for order in [*waiting, desk.order("BUY", "0.1")]:
        desk.place(access, order)

    listed = books.open_orders(desk.venue, access, desk.market.symbol)
    assert [report.client_order_id for report in listed] == [order.client_order_id for order in waiting]
    assert books.open_orders(desk.venue, access, "ETHUSDT") == []


def test_fills_are_told_since_a_moment_or_of_one_order(desk):
    access = desk.account()
    first, second = (desk.place(access, desk.order("BUY", "0.1")) for _ in range(2))

    def fills(number: str = "", since: datetime | None = None) -> list[base.FillReport]:
        return books.fills(desk.venue, access, desk.market.symbol, MarketKind.USD_M, number, since)

    assert [fill.venue_order_id for fill in fills()] == [first.venue_order_id, second.venue_order_id]
    assert [fill.venue_order_id for fill in fills(since=second.time)] == [second.venue_order_id]
    assert fills(number=first.venue_order_id) == list(first.fills)
    assert fills(number="not-a-number") == []


def test_a_rest_that_expired_is_told_with_what_was_filled(desk):
    access = desk.account(100_000, liquidity="10000")
    order = desk.order("BUY", "1", price=50_000, time_in_force=TimeInForce.IOC)
    desk.place(access, order)
    report = desk.query(access, order)

    assert report is not None
    assert report.status is VenueStatus.EXPIRED
    assert 0 < report.filled_quantity < 1
    assert sum(fill.quantity for fill in report.fills) == report.filled_quantity


def test_long_and_short_are_kept_apart_in_hedge_mode(desk):
    access = desk.account(hedge_mode=True)
    desk.place(access, desk.order("BUY", "0.1", position_side=PositionSide.LONG))
    desk.place(access, desk.order("SELL", "0.2", position_side=PositionSide.SHORT))

    assert set(PaperPosition.objects.values_list("position_side", "quantity")) == {
        ("LONG", D("0.1")),
        ("SHORT", D("-0.2")),
    }


def test_the_database_itself_refuses_an_order_that_is_filled_twice_over(desk):
    access, order = desk.account(), desk.order("BUY", "0.1")
    desk.place(access, order)

    for broken in ({"filled_quantity": 1}, {"reserved": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PaperOrder.objects.update(**broken)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"client_order_id": "not an id"}, RejectReason.BAD_PARAMETERS),
        ({"client_order_id": "x" * 40}, RejectReason.BAD_PARAMETERS),
        ({"kind": MarketKind.COIN_M}, RejectReason.UNKNOWN_SYMBOL),
        ({"type": OrderType.TRAILING_STOP_MARKET}, RejectReason.BAD_PARAMETERS),
        ({"price": 49_000, "time_in_force": TimeInForce.GTD}, RejectReason.BAD_PARAMETERS),
    ],
)
def test_what_the_venue_has_no_words_for_is_refused(desk, values, reason):
    with pytest.raises(Rejected) as refused:
        desk.place(desk.account(), desk.order("BUY", "0.1", **values))
    assert refused.value.reason == reason
