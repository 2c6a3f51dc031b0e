"""A leader whose followers' exits the venue refuses."""

from datetime import timedelta

import msgspec
import pytest
from django.db.models import F

from copytrade.realtime.models import StreamEvent
from markets.venues.errors import Rejected
from orders.executor.checking import orders_check
from orders.models import Order
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.engine.settling import TELL_AFTER
from replication.models import CopyIntent
from replication.tests.kit import D, decision, held, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

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
