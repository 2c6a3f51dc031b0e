"""What a leader closes while a copy begins with what was held: closed once, whether it was known by then or not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Fill
from replication.engine.running import fan_out
from replication.tests.kit import D, follow, held, lead, make_master, price_is, trade
from replication.tests.watched_kit import did, holds, push, tell, watched

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_what_was_closed_between_the_report_and_the_beginning_is_closed():
    leader = watched()
    push(leader, did("OPEN_LONG", "0.4", ago=60), positions=[holds("0.4")], read=30)
    copy = follow(leader, copy_open_positions=True, max_signal_age_seconds=10)
    fan_out()
    assert held(copy) == D("0.4")

    tell(leader, did("CLOSE_LONG", "0.1", ago=10), positions=[holds("0.3")], read=0)

    assert held(copy) == D("0.3")


def test_what_the_report_shows_closed_already_is_not_closed_again():
    leader = watched()
    push(leader, positions=[holds("0.3")], read=30)
    copy = follow(leader, copy_open_positions=True)

    tell(leader, did("CLOSE_LONG", "0.1", ago=31), read=5)

    assert held(copy) == D("0.3")


def test_what_an_account_has_closed_already_is_not_closed_again():
    """Its trade waits to be taken up while the copy begins."""
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.4")
    trade(account, "SELL", "0.1")
    copy = follow(leader, copy_open_positions=True)

    fan_out()

    assert held(copy) == D("0.3")


def test_what_an_account_closed_before_and_became_known_after_is_closed():
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.4")
    long_ago = timezone.now() - timedelta(hours=1)
    Fill.objects.filter(account=account).update(time=long_ago)
    account.holdings.update(last_time=long_ago)
    copy = follow(leader, copy_open_positions=True)
    fan_out()

    order = trade(account, "SELL", "0.1")
    Fill.objects.filter(order=order).update(time=long_ago + timedelta(minutes=30))
    fan_out()

    assert held(copy) == D("0.3")
