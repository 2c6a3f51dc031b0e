"""A follower hears what a copy came to once it holds nothing any more, however soon that was."""

import json
from typing import Any

import pytest

from copytrade.realtime.models import StreamEvent
from orders.models import Holding
from replication.models import Copy, CopyPosition
from replication.services import protecting
from replication.services.protecting import copies_protect
from replication.services.rebuild import copies_rebuild
from replication.tests.api_kit import statements
from replication.tests.kit import D, follow, held, lead, make_master, paper_account, price_is, settle
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


@pytest.fixture
def master():
    return make_master()


def heard(copy: Copy) -> list[dict[str, Any]]:
    """Return the results that were told of a copy."""
    messages = [message for row in StreamEvent.objects.order_by("pk") for message in json.loads(row.messages)]
    told = [message for message in messages if message["streams"] == [f"user:{copy.account.user_id}"]]
    return [message["data"] for message in told if message["event"] == "pnl:updated"]


def test_what_an_exit_brought_is_told_once(master):
    leader, account = master
    copy = follow(leader, allocated=D(10_000))
    lead(account, "BUY", "0.1")
    price_is(51_000)
    copies_protect()
    lead(account, "SELL", "0.1")
    for _ in range(2):
        copies_protect()

    first, last = heard(copy)
    position = CopyPosition.objects.get()
    assert (first["openPositions"], last["openPositions"], last["unrealizedPnl"]) == (1, 0, "0")
    assert D(last["realizedPnl"]) == position.realized_pnl > 90
    assert D(last["value"]) == 10_000 + position.realized_pnl - position.fees


def test_what_was_opened_and_closed_between_two_looks_is_told(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    lead(account, "SELL", "0.1")

    copies_protect()

    assert [told["openPositions"] for told in heard(copy)] == [0]


def test_a_copy_that_ended_by_it_is_told_as_well(master):
    leader, account = master
    copy = follow(leader, allocated=D(1_000), max_drawdown_percent=D(50))
    lead(account, "BUY", "0.1")
    price_is(44_000)
    assert copies_protect() == 1
    settle()

    copies_protect()

    assert Copy.objects.get().state == "ended"
    assert heard(copy)[-1]["openPositions"] == 0


def test_what_was_opened_again_meanwhile_is_open(master):
    leader, account = master
    copy = follow(leader)
    for side in ("BUY", "SELL", "BUY"):
        lead(account, side, "0.1")

    copies_protect()

    assert [told["openPositions"] for told in heard(copy)] == [1]
    assert not CopyPosition.objects.filter(to_tell=True).exists()


def test_what_fees_leave_of_a_position_is_as_good_as_closed():
    market = make_market(venue="binance")
    price_is(market=market)
    leader, account = make_master(venue="binance")
    copy = follow(leader, paper_account(venue="binance"))
    lead(account, "BUY", "0.53217", market=market)
    copies_protect()
    quantity = Holding.objects.get(account=account, market=market).quantity
    lead(account, "SELL", quantity - quantity % market.quantity_step, market=market)
    settle()
    assert 0 < held(copy) < market.quantity_step

    for _ in range(2):
        copies_protect()

    assert [told["openPositions"] for told in heard(copy)] == [1, 0]


def test_of_a_copy_that_holds_something_else_it_is_told_once(master):
    leader, account = master
    other = make_market(venue=account.venue, symbol="ETHUSDT", base_asset="ETH")
    price_is(2_000, market=other)
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    lead(account, "BUY", "1", market=other)
    lead(account, "SELL", "0.1")

    copies_protect()

    assert [told["openPositions"] for told in heard(copy)] == [1]


def test_what_its_owner_closed_elsewhere_is_told(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    copies_protect()
    Holding.objects.filter(account=copy.account).update(quantity=0, cost=0)
    lead(account, "SELL", "0.1")
    assert held(copy) == 0

    copies_protect()

    assert [told["openPositions"] for told in heard(copy)] == [1, 0]


def test_what_was_counted_wrong_is_told_again(master):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    lead(account, "SELL", "0.1")
    copies_protect()
    CopyPosition.objects.update(realized_pnl=77)
    copies_rebuild()

    copies_protect()

    first, second = heard(copy)
    assert first == second


def test_what_could_not_be_told_is_told_by_the_next_look(master, monkeypatch):
    leader, account = master
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    lead(account, "SELL", "0.1")

    def dies(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(protecting, "_result_message", dies)
        with pytest.raises(RuntimeError):
            copies_protect()
    copies_protect()

    assert len(heard(copy)) == 1


def test_however_many_there_are_each_is_told_in_as_many_statements(master, monkeypatch):
    leader, account = master

    def statements_with(more: int) -> int:
        for _ in range(more):
            follow(leader)
        lead(account, "BUY", "0.1")
        lead(account, "SELL", "0.1")
        return statements(copies_protect)

    assert statements_with(1) == statements_with(3)
    monkeypatch.setattr(protecting, "TOLD_AT_ONCE", 2)
    statements_with(1)
    assert [len(heard(copy)) for copy in Copy.objects.order_by("pk")] == [3, 2, 2, 2, 1]
