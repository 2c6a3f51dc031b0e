"""Exits that the venue refuses or fills in part are tried again, ever more rarely, until they are done."""

from datetime import timedelta

import msgspec
import pytest
from django.db.models import F
from django.utils import timezone

from copytrade.realtime.models import StreamEvent
from markets.venues.errors import Rejected
from orders.executor.checking import orders_check
from orders.models import Holding, Order
from orders.services.accounts import account_pause
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.resuming import TAKEN_OVER, waiting_resume
from replication.engine.settling import STILL_TRIED, TELL_AFTER, orders_settle
from replication.models import CopyIntent, CopyPosition, Signal
from replication.services.copies import CopyConflict, copy_stop
from replication.services.retrying import decision_retry
from replication.services.stopping import stopping_continue
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]

MANY = TELL_AFTER + 4
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
    book_fills()


def book_fills() -> None:
    missing = Order.objects.filter(filled_quantity__gt=F("booked_quantity"))
    orders_check(list(missing.values_list("pk", flat=True)))
    settle()


def refused(venue, leader, copy, quantity, *, left=None, attempts):  # noqa: F811
    """Let the leader close some, and the venue refuse it so many times."""
    venue.next.append(CLOSED)
    remaining = [] if left is None else [holds(left)]
    tell(leader, did("CLOSE_LONG", quantity, ago=20), positions=remaining, read=19)
    for _ in range(attempts - 1):
        again(venue, copy)
    assert (decision(copy).state, decision(copy).attempts) == ("waiting", attempts + 1)


def again(venue, copy):  # noqa: F811
    """Let the newest exit be refused once more."""
    venue.next.append(CLOSED)
    wait_out(decision(copy))
    settle()


def alerts() -> list[dict[str, str]]:
    """Return what owners were alerted of."""
    told = [msgspec.json.decode(text) for text in StreamEvent.objects.values_list("messages", flat=True)]
    return [each["data"] for messages in told for each in messages if each["event"] == "risk:alert"]


def wait_out(intent: CopyIntent) -> None:
    """Let the pause before the next attempt pass."""
    CopyIntent.objects.filter(pk=intent.pk).update(updated_at=F("updated_at") - timedelta(minutes=7))


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


def test_an_exit_goes_on_being_tried_for_as_long_as_the_position_is_held(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=MANY)
    waiting = decision(copy)
    assert (waiting.state, waiting.code, waiting.attempts) == ("waiting", "MARKET_CLOSED", MANY + 1)
    assert held(copy) == D("0.4")

    wait_out(waiting)
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", 0)
    assert CopyPosition.objects.get().remainder == 0


def test_the_pause_grows_to_some_minutes_and_no_longer(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=MANY)
    sent = Order.objects.count()

    CopyIntent.objects.filter(pk=decision(copy).pk).update(updated_at=timezone.now() - timedelta(minutes=3, seconds=50))
    settle()
    assert Order.objects.count() == sent

    CopyIntent.objects.filter(pk=decision(copy).pk).update(updated_at=timezone.now() - timedelta(minutes=6, seconds=5))
    settle()
    assert Order.objects.count() == sent + 1


def test_its_owner_reads_the_venues_words_and_what_can_be_done(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=TELL_AFTER - 1)
    assert decision(copy).message == "Market is closed."

    again(venue, copy)

    assert decision(copy).message == f"Market is closed. {STILL_TRIED}"
    assert len(alerts()) == 1
    assert alerts()[0]["message"] == f"BTCUSDT could not be closed so far. Market is closed. {STILL_TRIED}"
    again(venue, copy)
    assert decision(copy).message == f"Market is closed. {STILL_TRIED}"
    assert len(alerts()) == 1  # once


def test_what_a_pause_of_the_account_holds_up_is_no_alarm(venue, leader, copy):  # noqa: F811
    CopyIntent.objects.update(attempts=TELL_AFTER)
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])  # is filled; what its order met is put in its place
    intent = decision(copy)
    order = Order.objects.get(cause_id=intent.pk)
    Order.objects.filter(pk=order.pk).update(state="FAILED", reason_code="TRADING_HALTED", reason="Trading is halted.")
    Order.objects.filter(pk=order.pk).update(filled_quantity=0, booked_quantity=0)
    CopyIntent.objects.filter(pk=intent.pk).update(state="planned", attempts=TELL_AFTER, filled_quantity=0)

    orders_settle()

    assert (decision(copy).state, decision(copy).message) == ("waiting", "Trading is halted.")
    assert not alerts()


def test_a_person_has_it_tried_at_once(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=MANY)
    settle()
    assert held(copy) == D("0.4")

    decision_retry(intent=decision(copy), actor=copy.account.user)
    book_fills()

    assert (decision(copy).state, held(copy)) == ("filled", 0)
    with pytest.raises(CopyConflict, match="filled"):
        decision_retry(intent=decision(copy), actor=copy.account.user)


def test_a_person_who_is_refused_as_well_leaves_it_waiting(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=2)
    venue.next.append(CLOSED)

    decision_retry(intent=decision(copy), actor=copy.account.user)

    assert (decision(copy).state, decision(copy).attempts) == ("waiting", 4)
    assert Order.objects.filter(cause_id=decision(copy).pk).count() == 3


def test_what_was_never_tried_is_not_tried_by_hand(venue, leader, copy):  # noqa: F811
    account_pause(account=copy.account, actor=copy.account.user)
    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    assert (decision(copy).state, decision(copy).code) == ("waiting", "ACCOUNT_PAUSED")

    with pytest.raises(CopyConflict, match="waiting"):
        decision_retry(intent=decision(copy), actor=copy.account.user)


def test_attempts_do_not_overflow(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=1)
    CopyIntent.objects.filter(pk=decision(copy).pk).update(attempts=32_767)

    again(venue, copy)

    assert (decision(copy).state, decision(copy).attempts) == ("waiting", 32_768)


def test_a_position_that_its_owner_closes_at_the_venue_needs_no_exit_any_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=MANY)
    Holding.objects.filter(account=copy.account).update(quantity=0, cost=0)

    wait_out(decision(copy))
    settle()

    assert (decision(copy).state, decision(copy).code, held(copy)) == ("skipped", "NOTHING_HELD", 0)


def test_a_copy_that_ends_and_keeps_what_it_holds_ends_its_exit(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=MANY)

    copy_stop(copy=copy, close=False, actor=copy.account.user)
    wait_out(decision(copy))
    settle()

    assert (decision(copy).state, decision(copy).code, held(copy)) == ("skipped", "COPY_ENDED", D("0.4"))


def test_an_exit_that_is_refused_after_its_copy_has_ended_is_over(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=1)
    intent = decision(copy)
    copy_stop(copy=copy, close=False, actor=copy.account.user)
    CopyIntent.objects.filter(pk=intent.pk).update(state="planned", attempts=2, finished_at=None)

    settle()

    assert (decision(copy).state, decision(copy).code) == ("failed", "MARKET_CLOSED")


def test_what_waits_at_a_copy_that_has_ended_is_ended(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=1)
    intent = decision(copy)
    copy_stop(copy=copy, close=False, actor=copy.account.user)
    CopyIntent.objects.filter(pk=intent.pk).update(state="waiting", finished_at=None, code="MARKET_CLOSED")

    wait_out(intent)
    settle()

    assert (decision(copy).state, decision(copy).code) == ("skipped", "COPY_ENDED")


def test_what_cannot_be_planned_goes_behind_everything_else_that_waits(venue, leader, copy, monkeypatch):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=1)
    wait_out(decision(copy))
    before = decision(copy).updated_at

    def stumble(**_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("replication.engine.resuming.intents_replan", stumble)
    waiting_resume()

    assert (decision(copy).state, decision(copy).updated_at > before) == ("waiting", True)


def test_a_reduction_that_fails_is_tried_again_in_its_own_size(venue, leader, copy):  # noqa: F811
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.3")])
    wait_out(decision(copy))

    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.3"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_later_exit_takes_over_what_an_earlier_one_owes(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)
    first = decision(copy)
    assert CopyPosition.objects.get().remainder == D("-0.1")

    tell(leader, did("CLOSE_LONG", "0.15"), positions=[holds("0.15")])
    serve()

    first.refresh_from_db()
    assert (first.state, first.code, first.message) == ("skipped", "TAKEN_OVER", TAKEN_OVER)
    assert (decision(copy).state, held(copy)) == ("filled", D("0.15"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_close_after_a_reduction_that_does_not_succeed_closes_all_at_once(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)

    tell(leader, did("CLOSE_LONG", "0.3"), positions=[])
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", 0)
    assert sorted(CopyIntent.objects.filter(exits=True).values_list("state", flat=True)) == ["filled", "skipped"]


def test_one_that_takes_over_and_does_not_succeed_either_owes_both(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=2)
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.15"), positions=[holds("0.15")])
    settle()
    assert (decision(copy).state, decision(copy).attempts) == ("waiting", 2)
    assert CopyPosition.objects.get().remainder == D("-0.25")

    wait_out(decision(copy))
    serve()

    assert (decision(copy).state, held(copy)) == ("filled", D("0.15"))
    assert CopyPosition.objects.get().remainder == 0


def test_an_older_trade_that_comes_later_takes_nothing_over(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.1", left="0.3", attempts=2)
    first = decision(copy)
    tell(leader, did("CLOSE_LONG", "0.15", ago=45), positions=[holds("0.15")])
    settle()

    first.refresh_from_db()
    assert first.state == "waiting"


def test_an_entry_behind_it_is_no_second_position(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=2)
    tell(leader, did("OPEN_LONG", "0.4", ago=10), positions=[holds("0.4")])
    entry = decision(copy)
    assert (entry.state, entry.code) == ("waiting", "EARLIER_ORDER_OPEN")
    settle()
    assert held(copy) == D("0.4")

    tell(leader, did("CLOSE_LONG", "0.2"), positions=[holds("0.2")])
    serve()

    entry.refresh_from_db()
    assert (entry.state, entry.code) == ("skipped", "ACCUMULATED")  # set off against what was to be closed
    assert held(copy) == D("0.2")
    assert CopyPosition.objects.get().remainder == 0


def test_an_entry_that_has_grown_too_old_behind_it_waits_no_longer(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=2)
    tell(leader, did("OPEN_LONG", "0.4", ago=10), positions=[holds("0.4")])
    entry = decision(copy)
    Signal.objects.filter(pk=entry.signal_id).update(event_time=timezone.now() - timedelta(minutes=5))

    settle()

    entry.refresh_from_db()
    assert (entry.state, entry.code) == ("skipped", "SIGNAL_TOO_OLD")
    assert CopyIntent.objects.get(exits=True).state == "waiting"


def test_other_positions_of_the_copy_go_on(venue, leader, copy):  # noqa: F811
    ether = make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH")
    price_is(market=ether)
    refused(venue, leader, copy, "0.4", attempts=MANY)

    tell(leader, did("OPEN_LONG", "0.2", symbol="ETHUSDT"), positions=[])
    serve()

    assert CopyPosition.objects.get(market=ether).quantity == D("0.2")


def test_a_stop_closes_the_other_positions_and_takes_over_what_does_not_succeed(venue, leader, copy):  # noqa: F811
    ether = make_market(venue="fake", symbol="ETHUSDT", base_asset="ETH")
    price_is(market=ether)
    refused(venue, leader, copy, "0.1", left="0.3", attempts=MANY)
    tell(leader, did("OPEN_LONG", "0.2", symbol="ETHUSDT"), positions=[holds("0.3"), holds("0.2", symbol="ETHUSDT")])
    serve()
    assert CopyPosition.objects.get(market=ether).quantity == D("0.2")

    copy_stop(copy=copy, close=True, actor=copy.account.user)
    for _ in range(3):
        serve()
        stopping_continue()

    copy.refresh_from_db()
    assert copy.state == "ended"
    assert not CopyPosition.objects.exclude(quantity=0).exists()


def test_a_person_who_retries_a_reduction_closes_what_it_owed_and_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=MANY)

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


def test_a_trade_of_an_earlier_attempt_that_becomes_known_late_is_owed_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=MANY)
    order = Order.objects.filter(cause_id=decision(copy).pk).latest("pk")
    late_trade(venue, order, "0.15")

    settle()
    assert (decision(copy).state, held(copy)) == ("waiting", D("0.25"))
    assert CopyPosition.objects.get().remainder == D("-0.05")

    wait_out(decision(copy))
    serve()
    assert (decision(copy).state, held(copy)) == ("filled", D("0.2"))
    assert CopyPosition.objects.get().remainder == 0


def test_a_trade_of_one_that_was_taken_over_is_owed_no_more(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=2)
    first = decision(copy)
    venue.next.append(CLOSED)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.1")])
    settle()
    assert CopyPosition.objects.get().remainder == D("-0.3")
    late_trade(venue, Order.objects.filter(cause_id=first.pk).latest("pk"), "0.15")

    settle()

    first.refresh_from_db()
    assert (first.state, first.filled_quantity, held(copy)) == ("partial", D("0.15"), D("0.25"))
    assert CopyPosition.objects.get().remainder == D("-0.15")


def test_one_that_was_taken_over_is_not_tried_again_for_a_late_trade(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.2", left="0.2", attempts=2)
    first = decision(copy)
    tell(leader, did("CLOSE_LONG", "0.1"), positions=[holds("0.1")])
    serve()
    assert held(copy) == D("0.1")
    late_trade(venue, Order.objects.filter(cause_id=first.pk).latest("pk"), "0.05")

    settle()

    first.refresh_from_db()
    assert (first.state, first.filled_quantity, held(copy)) == ("partial", D("0.05"), D("0.05"))
    assert not CopyIntent.objects.filter(state__in=["waiting", "planned"]).exists()


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
