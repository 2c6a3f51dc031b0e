"""A venue ends an order without a word, as it does with immediate ones that nobody met at their price."""

import pytest

from markets.venues.vocabulary import VenueStatus
from orders.executor.checking import orders_check
from orders.models import Order
from orders.tests.conftest import make_live_account, venue  # noqa: F401  (a fixture)
from replication.models import CopyIntent
from replication.tests.kit import D, decision, price_is, settle
from replication.tests.watched_kit import did, follow_since, holds, tell, watched
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def expire(venue):  # noqa: F811
    """Let a follower's entry end with so much of it filled, and return its decision."""
    price_is(market=make_market(venue="fake"))
    leader = watched()
    copy = follow_since(leader, account=make_live_account(), max_slippage_percent=D(1))

    def ends(filled: str) -> CopyIntent:
        tell(leader, did("OPEN_LONG", "0.2", ago=30), positions=[holds("0.2")], read=25)
        name = Order.objects.get().client_order_id
        if D(filled):
            venue.fill(name, filled)
        venue.change(name, status=VenueStatus.EXPIRED)
        orders_check([Order.objects.get().pk])
        settle()
        return decision(copy)

    return ends


@pytest.mark.parametrize(("filled", "state"), [("0", "failed"), ("0.05", "partial")])
def test_its_follower_reads_why(expire, filled, state):
    told = expire(filled)

    assert (told.state, told.filled_quantity, told.code) == (state, D(filled), "NOT_FILLED")
    assert told.message == "The venue ended this order before all of it was filled."
