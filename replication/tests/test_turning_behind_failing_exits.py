"""A leader turns more than once while the venue refuses to close what a follower held first."""

import pytest

from orders.models import Order
from orders.tests.conftest import venue  # noqa: F401  (a fixture)
from replication.models import CopyAdjustment, CopyIntent
from replication.tests.failing_kit import copy, leader, refused, serve, wait_out  # noqa: F401  (fixtures)
from replication.tests.kit import D, decision, held
from replication.tests.watched_kit import did, holds, tell

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_no_entry_opens_the_other_side_of_what_only_a_later_exit_will_close(venue, leader, copy):  # noqa: F811
    refused(venue, leader, copy, "0.4", attempts=1)
    tell(leader, did("OPEN_SHORT", "0.1", ago=16), positions=[holds("-0.1", side="SHORT")], read=15)
    tell(leader, did("CLOSE_SHORT", "0.1", ago=12), positions=[], read=11)
    tell(leader, did("OPEN_LONG", "0.2", ago=8), positions=[holds("0.2")], read=7)
    tell(leader, did("CLOSE_LONG", "0.2", ago=4), positions=[], read=3)

    serve()
    serve()

    turned = CopyIntent.objects.get(signal__action="OPEN", signal__side="SHORT")
    assert (turned.state, turned.code) == ("skipped", "OPPOSITE_LEADER")
    assert (held(copy), held(copy, "SHORT"), decision(copy).state) == (0, 0, "filled")
    assert Order.objects.filter(state="FILLED", side="SELL").get().quantity == D("0.4")
    assert not CopyAdjustment.objects.exists()
