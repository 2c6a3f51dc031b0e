"""A copy that falls too far below its peak closes all and ends."""

import json
from typing import Any

import pytest

from copytrade.realtime.models import StreamEvent
from replication.engine.running import fan_out
from replication.models import Copy, CopyIntent
from replication.services.copies import copy_funds_move
from replication.services.protecting import copies_protect
from replication.tests.kit import D, follow, held, lead, make_master, price_is, settle

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def guarded():
    """A copy with 100 that stops when it fell by 60 %, with a position worth ten times that."""
    leader, account = make_master()
    copy = follow(leader, allocated=D(100), max_drawdown_percent=D(60))
    lead(account, "BUY", "0.02")
    assert held(copy) == D("0.02")
    return copy


def protect() -> int:
    stopped = copies_protect()
    fan_out()
    settle()
    copies_protect()
    return stopped


def test_100_at_60_percent_stop_at_40(guarded):
    price_is(47_100)  # 0.02 x 2,900 = 58 lost, and the fee
    assert protect() == 0
    assert Copy.objects.get().state == "active"

    price_is(47_000)
    assert protect() == 1

    copy = Copy.objects.get()
    assert (copy.state, held(copy)) == ("ended", 0)
    assert "60" in copy.state_reason
    assert CopyIntent.objects.latest("pk").state == "filled"


def test_the_fall_is_counted_from_the_peak(guarded):
    price_is(60_000)
    assert protect() == 0
    peak = Copy.objects.get().peak_value
    assert 299 < peak < 300

    price_is(50_900)  # still more than it began with, and less than 40 % of its peak
    assert protect() == 1

    assert Copy.objects.get().state == "ended"


def test_added_funds_are_no_gain_and_taken_ones_no_loss(guarded):
    copy_funds_move(copy=guarded, amount=D(900), actor=guarded.account.user)
    price_is(48_000)
    assert protect() == 0

    copy_funds_move(copy=guarded, amount=D(-900), actor=guarded.account.user)

    assert protect() == 0
    assert Copy.objects.get().state == "active"


def test_without_a_fresh_price_nothing_is_done(guarded, settings):
    price_is(40_000)
    settings.PRICE_STALE_AFTER_SECONDS = -1

    assert copies_protect() == 0
    assert Copy.objects.get().state == "active"


def test_one_that_was_stopped_is_not_stopped_again(guarded):
    price_is(40_000)

    assert copies_protect() == 1
    assert copies_protect() == 0
    fan_out()
    settle()

    assert CopyIntent.objects.filter(exits=True).count() == 1


def test_a_loss_that_is_realised_counts_as_well(guarded):
    leader_account = guarded.trader.accounts.get().account
    price_is(46_000)
    lead(leader_account, "SELL", "0.02")
    assert held(guarded) == 0

    protect()

    assert Copy.objects.get().state == "ended"


def test_a_copy_without_a_limit_is_left_alone():
    leader, account = make_master()
    copy = follow(leader, allocated=D(100))
    lead(account, "BUY", "0.02")
    price_is(46_000)

    protect()

    assert held(copy) == D("0.02")


def test_its_owner_is_told(guarded):
    price_is(40_000)

    protect()

    told = {message["event"]: message["data"] for message in messages()}
    assert told["pnl:updated"]["asset"] == told["risk:drawdown"]["asset"] == "USDT"
    assert told["risk:alert"]["code"] == "MAX_DRAWDOWN"
    worth = told["risk:drawdown"]["value"]
    words = told["risk:alert"]["message"]
    assert words == Copy.objects.get().state_reason
    assert f"from its peak of 100 USDT, to {worth} USDT; 60 % is the most that it may: all is closed." in words


def messages() -> list[dict[str, Any]]:
    return [message for row in StreamEvent.objects.order_by("pk") for message in json.loads(row.messages)]
