"""Exits that the venue refuses or fills in part are tried again, ever more rarely; then they have failed, visibly."""

from datetime import timedelta

import pytest
from django.db.models import F

from markets.venues.errors import Rejected
from orders.executor.checking import orders_check
from orders.models import Order
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.settling import EXIT_ATTEMPTS
from replication.models import CopyIntent, CopyPosition
from replication.services.retrying import decision_retry
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]

CLOSED = Rejected("Market is closed.", reason="MARKET_CLOSED", code="-1")


@pytest.fixture
def leader(venue):  # noqa: F811
    price_is(market=make_market(venue="fake"))
    return watched()


@pytest.fixture
def copy(leader):
    copy = follow_since(leader, account=make_live_account())
    tell(leader, did("OPEN_LONG", "0.4", ago=50), positions=[holds("0.4")], read=40)
    serve()
    assert held(copy) == D("0.4")
    return copy


def serve() -> None:
    """Do what the schedules do: this venue tells trades apart from orders."""
    settle()
    missing = Order.objects.filter(filled_quantity__gt=F("booked_quantity"))
    orders_check(list(missing.values_list("pk", flat=True)))
    settle()


def wait_out(intent: CopyIntent) -> None:
    """Let the pause before the next attempt pass."""
    CopyIntent.objects.filter(pk=intent.pk).update(updated_at=F("updated_at") - timedelta(minutes=2))


def test_an_exit_that_is_refused_is_tried_again_after_a_pause(venue, leader, copy):  # noqa: F811
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    waiting = decision(copy)
    assert (waiting.state, waiting.code, waiting.message) == ("waiting", "MARKET_CLOSED", "Market is closed.")
    serve()
    assert decision(copy).state == "waiting"

    wait_out(waiting)
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", 0)
    assert Order.objects.filter(cause_id=waiting.pk).values("client_order_id").distinct().count() == 2


def test_an_exit_fails_after_so_many_attempts_and_can_be_tried_again_by_a_person(venue, leader, copy):  # noqa: F811
    venue.next.extend([CLOSED] * EXIT_ATTEMPTS)
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    for _ in range(EXIT_ATTEMPTS):
        wait_out(decision(copy))
        settle()
    failed = decision(copy)
    assert (failed.state, failed.code, failed.attempts) == ("failed", "MARKET_CLOSED", EXIT_ATTEMPTS)
    assert held(copy) == D("0.4")

    decision_retry(intent=failed, actor=copy.account.user)
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", 0)


def test_a_reduction_that_fails_is_tried_again_in_its_own_size(venue, leader, copy):  # noqa: F811
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.3")])
    wait_out(decision(copy))

    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.3"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_reduction_that_has_failed_is_made_up_for_by_the_next_exit(venue, leader, copy):  # noqa: F811
    venue.next.extend([CLOSED] * EXIT_ATTEMPTS)
    tell(leader, did("CLOSE_LONG", "0.1", ago=20), positions=[holds("0.3")], read=19)
    for _ in range(EXIT_ATTEMPTS):
        wait_out(decision(copy))
        settle()
    assert decision(copy).state == "failed"
    assert CopyPosition.objects.get().remainder == D("-0.1")

    tell(leader, did("CLOSE_LONG", "0.15"), positions=[holds("0.15")])
    serve()

    assert held(copy) == D("0.15")
    assert CopyPosition.objects.get().remainder == 0


def test_a_person_who_retries_a_reduction_closes_what_it_owed_and_no_more(venue, leader, copy):  # noqa: F811
    venue.next.extend([CLOSED] * EXIT_ATTEMPTS)
    tell(leader, did("CLOSE_LONG", "0.2", ago=20), positions=[holds("0.2")], read=19)
    for _ in range(EXIT_ATTEMPTS):
        wait_out(decision(copy))
        settle()

    decision_retry(intent=decision(copy), actor=copy.account.user)
    serve()

    assert held(copy) == D("0.2")
    assert CopyPosition.objects.get().remainder == 0


def partly(venue, filled: str) -> None:  # noqa: F811
    """Let the next market order fill in part and end."""
    accept = venue.accept

    def accept_part(request):
        venue.accept = accept
        request_type, limit = request.type, type(request.type).LIMIT
        object.__setattr__(request, "type", limit)
        report = accept(request)
        object.__setattr__(request, "type", request_type)
        venue.fill(report.client_order_id, filled)
        venue.change(report.client_order_id, status=type(report.status).EXPIRED)
        return venue.orders[report.client_order_id]

    venue.accept = accept_part


def test_a_close_that_fills_in_part_is_finished(venue, leader, copy):  # noqa: F811
    partly(venue, "0.3")
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    serve()
    waiting = decision(copy)
    assert (waiting.state, waiting.filled_quantity, held(copy)) == ("waiting", D("0.3"), D("0.1"))

    wait_out(waiting)
    serve()

    done = decision(copy)
    assert (done.state, done.quantity, done.filled_quantity, held(copy)) == ("filled", D("0.4"), D("0.4"), 0)


def test_a_reduction_that_fills_in_part_closes_the_rest_of_its_own_size(venue, leader, copy):  # noqa: F811
    partly(venue, "0.05")
    tell(leader, did("CLOSE_LONG", "0.2"), positions=[holds("0.2")])
    serve()
    wait_out(decision(copy))

    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.2"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_trade_of_a_failed_exit_that_becomes_known_late_is_owed_no_more(venue, leader, copy):  # noqa: F811
    venue.next.extend([CLOSED] * EXIT_ATTEMPTS)
    tell(leader, did("CLOSE_LONG", "0.2"), positions=[holds("0.2")])
    for _ in range(EXIT_ATTEMPTS):
        wait_out(decision(copy))
        settle()
    order = Order.objects.filter(cause_id=decision(copy).pk).latest("pk")
    trade = late_trade(venue, order, "0.15")

    settle()

    assert (decision(copy).state, held(copy)) == ("partial", D("0.25"))
    assert CopyPosition.objects.get().remainder == D("-0.05")
    assert trade.quantity == D("0.15")


def late_trade(venue, order, quantity):  # noqa: F811
    """The venue refused an order, and it traded after all."""
    from django.utils import timezone

    from markets.venues.base import FillReport
    from markets.venues.vocabulary import MarketKind
    from orders.executor.findings import Finding, Source
    from orders.services.recording import findings_record

    trade = FillReport(
        venue_trade_id="late",
        venue_order_id="99",
        client_order_id=order.client_order_id,
        symbol="BTCUSDT",
        kind=MarketKind.USD_M,
        side=order.side,
        position_side=order.position_side,
        price=D(50_000),
        quantity=D(quantity),
        quote_quantity=D(quantity) * 50_000,
        fee=D(0),
        fee_asset="USDT",
        is_maker=False,
        time=timezone.now(),
    )
    findings_record([Finding(order.pk, Source.STREAM, timezone.now(), fills=(trade,))])
    return trade
