"""Exits that the venue refuses or fills in part are tried again, ever more rarely, until they are done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.models import Market
from markets.selectors.known import markets_forget
from orders.models import Holding, Order
from orders.services.accounts import account_pause
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.resuming import waiting_resume
from replication.engine.settling import STILL_TRIED, TELL_AFTER, orders_settle
from replication.models import CopyIntent, CopyPosition
from replication.services.copies import copy_stop
from replication.services.refusing import CopyConflict
from replication.services.retrying import decision_retry
from replication.tests.failing_kit import (  # noqa: F401  (fixtures)
    CLOSED,
    MANY,
    again,
    alerts,
    book_fills,
    copy,
    leader,
    refused,
    serve,
    wait_out,
)
from replication.tests.kit import D, decision, held, settle
from replication.tests.watched_kit import did, tell

pytestmark = [pytest.mark.django_db(transaction=True)]


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


def test_one_of_many_orders_that_is_refused_is_no_reason_to_alert_and_says_why(venue, leader, copy):  # noqa: F811
    Market.objects.filter(venue="fake").update(market_quantity_max=D("0.05"))
    markets_forget()
    venue.next.append(CLOSED)

    tell(leader, did("CLOSE_LONG", "0.4"), positions=[])
    serve()

    waiting = decision(copy)
    assert (waiting.filled_quantity, waiting.attempts) == (D("0.35"), 2)
    assert (waiting.state, waiting.code, waiting.message) == ("waiting", "MARKET_CLOSED", "Market is closed.")
    assert alerts() == []


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
