"""A leader closes while the follower's entry is in doubt, or while the follower's account may not send."""

import pytest
from django.db.models import F

from copytrade.lib.wire import plain_digits
from markets.venues.errors import OutcomeUnknown, Rejected
from orders.executor.checking import orders_check
from orders.models import Order, TradingHalt
from orders.services.accounts import account_pause, account_resume
from orders.tasks import sweep as orders_sweep
from orders.tests.conftest import make_live_account, prove, venue  # noqa: F401  (a fixture)
from replication.models import CopyIntent, CopyPosition
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market
from traders.models import LeaderStatus

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def leader(venue):  # noqa: F811
    price_is(market=make_market(venue="fake"))
    return watched()


@pytest.fixture
def copy(leader):
    return follow_since(leader, account=make_live_account())


def opens(leader, ago=30.0):
    tell(leader, did("OPEN_LONG", "0.2", ago=ago), positions=[holds("0.2")], read=ago - 5)
    read_trades()


def closes(leader, ago=0.5):
    tell(leader, did("CLOSE_LONG", "0.2", ago=ago), positions=[])
    read_trades()


def read_trades():
    """Ask for trades of what has filled, which this venue tells apart from the order; then go on with what waits."""
    missing = Order.objects.filter(state="FILLED", filled_quantity__gt=F("booked_quantity"))
    orders_check(list(missing.values_list("pk", flat=True)))
    settle()


def serve():
    """Do what the schedules do."""
    for _ in range(3):
        orders_sweep()
        read_trades()


def order_of(intent: CopyIntent) -> Order:
    return Order.objects.get(cause_id=intent.pk)


def sent(venue) -> list[tuple[str, str]]:  # noqa: F811
    return [(report.side, plain_digits(report.quantity)) for report in venue.orders.values()]


def test_a_close_waits_for_an_entry_in_doubt_and_then_closes_what_filled(venue, leader, copy):  # noqa: F811
    venue.next.append("unheard")
    opens(leader)
    entry = decision(copy)
    assert (order_of(entry).state, held(copy)) == ("UNKNOWN", 0)

    closes(leader)
    waiting = decision(copy)
    assert (waiting.state, waiting.code) == ("waiting", "EARLIER_ORDER_OPEN")

    orders_check([order_of(entry).pk])
    serve()

    assert held(copy) == 0
    assert decision(copy).state == "filled"
    assert sent(venue) == [("BUY", "0.2"), ("SELL", "0.2")]


def test_an_entry_that_never_arrived_leaves_nothing_to_close(venue, leader, copy):  # noqa: F811
    venue.next.append("lost")
    opens(leader)
    entry = order_of(decision(copy))
    Order.objects.filter(pk=entry.pk).update(attempts_allowed=1)
    closes(leader)

    prove(entry)
    serve()

    first, last = CopyIntent.objects.order_by("pk")
    assert (first.state, first.code) == ("failed", "NEVER_ARRIVED")
    assert (last.state, last.code) == ("skipped", "NOTHING_HELD")
    assert sent(venue) == []


def test_a_reply_that_is_lost_doubles_nothing(venue, leader, copy):  # noqa: F811
    """PITFALLS 22."""
    venue.next.append("unheard")
    opens(leader)

    serve()
    orders_check([order_of(decision(copy)).pk])
    serve()

    assert held(copy) == D("0.2")
    assert set(venue.placements.values()) == {1}


def test_a_close_while_the_entry_is_in_doubt_is_not_lost_when_the_account_is_paused(venue, leader, copy):  # noqa: F811
    venue.next.append("unheard")
    opens(leader)
    entry = decision(copy)
    account_pause(account=copy.account, actor=copy.account.user)
    closes(leader)
    assert (decision(copy).state, decision(copy).code) == ("waiting", "ACCOUNT_PAUSED")

    orders_check([order_of(entry).pk])
    serve()
    assert held(copy) == D("0.2")
    account_resume(account=copy.account, actor=copy.account.user)
    serve()

    assert held(copy) == 0


def test_a_close_while_the_account_is_paused_goes_when_it_is_resumed(venue, leader, copy):  # noqa: F811
    opens(leader)
    account_pause(account=copy.account, actor=copy.account.user, reason="On holiday")
    closes(leader)
    serve()
    waiting = decision(copy)
    assert (waiting.state, waiting.code) == ("waiting", "ACCOUNT_PAUSED")
    assert "On holiday" in waiting.message
    assert held(copy) == D("0.2")

    account_resume(account=copy.account, actor=copy.account.user)
    serve()

    assert held(copy) == 0
    assert decision(copy).state == "filled"


def test_an_entry_while_the_account_is_paused_is_skipped_for_good(venue, leader, copy):  # noqa: F811
    account_pause(account=copy.account, actor=copy.account.user)
    opens(leader)
    account_resume(account=copy.account, actor=copy.account.user)

    serve()

    assert (decision(copy).state, decision(copy).code) == ("skipped", "ACCOUNT_PAUSED")
    assert held(copy) == 0


def test_a_halt_of_everything_holds_a_close_until_it_is_lifted(venue, leader, copy):  # noqa: F811
    opens(leader)
    halt = TradingHalt.objects.create(scope="global", mode="all", reason="drill")
    closes(leader)
    serve()
    assert (decision(copy).state, decision(copy).code, held(copy)) == ("waiting", "TRADING_HALTED", D("0.2"))

    TradingHalt.objects.filter(pk=halt.pk).update(lifted_at=halt.created_at)
    serve()

    assert held(copy) == 0


def test_a_halt_of_entries_stops_no_exit(venue, leader, copy):  # noqa: F811
    opens(leader)
    TradingHalt.objects.create(scope="account", account=copy.account, mode="reduce_only", reason="drill")

    closes(leader, ago=20)
    opens(leader, ago=15)

    assert held(copy) == 0
    assert (decision(copy).state, decision(copy).code) == ("skipped", "TRADING_HALTED")


def test_live_trading_that_is_switched_off_holds_a_close(venue, leader, copy, settings):  # noqa: F811
    opens(leader)
    settings.LIVE_TRADING = False
    closes(leader)
    assert (decision(copy).state, decision(copy).code) == ("waiting", "LIVE_TRADING_OFF")

    settings.LIVE_TRADING = True
    serve()

    assert held(copy) == 0


@pytest.mark.parametrize("status", [LeaderStatus.PAUSED, LeaderStatus.BLOCKED])
def test_of_a_leader_whom_staff_stopped_only_exits_are_copied(venue, leader, copy, status):  # noqa: F811
    opens(leader)
    leader.status = status
    leader.save(update_fields=["status"])

    tell(leader, did("OPEN_LONG", "0.2", ago=15), positions=[holds("0.4")], read=14)
    read_trades()
    assert (decision(copy).code, held(copy)) == ("LEADER_PAUSED", D("0.2"))
    tell(leader, did("CLOSE_LONG", "0.1", ago=10), positions=[holds("0.3")], read=9)
    read_trades()

    assert held(copy) == D("0.15")


def test_an_account_that_is_paused_between_planning_and_sending_keeps_its_exit(venue, leader, copy):  # noqa: F811
    """The executor asks again right before it sends; what it refuses waits."""
    opens(leader)
    closes(leader)
    intent = decision(copy)
    Order.objects.filter(cause_id=intent.pk).update(
        state="FAILED", reason_code="ACCOUNT_PAUSED", filled_quantity=0, booked_quantity=0
    )
    CopyIntent.objects.filter(pk=intent.pk).update(state="planned", attempts=50, filled_quantity=0)

    serve()

    assert decision(copy).state == "waiting"


def test_the_order_of_a_fraction_is_kept_while_an_earlier_one_is_in_doubt(venue, leader, copy):  # noqa: F811
    opens(leader)
    venue.next.append(OutcomeUnknown("lost on the way", code="-1007"))
    tell(leader, did("CLOSE_LONG", "0.1", ago=10), positions=[holds("0.1")], read=9)
    first = order_of(decision(copy))
    tell(leader, did("CLOSE_LONG", "0.05", ago=5), positions=[holds("0.05")], read=4)
    assert decision(copy).state == "waiting"

    prove(first)  # it never arrived, and is sent again
    serve()

    assert held(copy) == D("0.05")
    assert CopyPosition.objects.get().remainder == 0


def test_a_refusal_of_the_venue_is_told_in_its_words(venue, leader, copy):  # noqa: F811
    venue.next.append(Rejected("Margin is insufficient.", reason="INSUFFICIENT_MARGIN", code="-2019"))

    opens(leader)

    failed = decision(copy)
    assert (failed.state, failed.code, failed.message) == ("failed", "INSUFFICIENT_MARGIN", "Margin is insufficient.")
    assert held(copy) == 0
