"""What a leader did within one moment of the source's clock is copied in the order in which it was done."""

import pytest

from replication.models import Signal
from replication.tests.kit import D, held, price_is
from replication.tests.watched_kit import did, follow_since, holds, moment, tell, watched
from tests.payloads import iso

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def within_a_second(*events):
    when = iso(moment(5).replace(microsecond=0))
    return [event | {"eventTime": when} for event in events]


def actions():
    return list(Signal.objects.order_by("pk").values_list("action", "side"))


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("shown", [{"positions": []}, {}])
def test_what_was_opened_and_closed_at_once_is_not_kept(newest_first, shown):
    leader = watched(positions_visible=bool(shown))
    copy = follow_since(leader)
    both = [did("OPEN_LONG", "0.2"), did("CLOSE_LONG", "0.2")]

    tell(leader, *within_a_second(*(both[::-1] if newest_first else both)), **shown)

    assert actions() == [("OPEN", "LONG"), ("CLOSE", "LONG")]
    assert held(copy) == 0


def test_a_side_that_is_turned_is_closed_before_the_other_is_opened():
    leader = watched()
    copy = follow_since(leader)
    tell(leader, did("OPEN_LONG", "0.2", ago=40), positions=[holds("0.2")], read=35)

    turned = within_a_second(did("OPEN_SHORT", "0.1"), did("CLOSE_LONG", "0.2"))
    tell(leader, *turned, positions=[holds("0.1", side="SHORT")])

    assert actions()[1:] == [("CLOSE", "LONG"), ("OPEN", "SHORT")]
    assert (held(copy), held(copy, "SHORT")) == (0, D("-0.1"))
