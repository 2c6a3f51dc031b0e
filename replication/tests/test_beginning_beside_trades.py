"""A copy begins while a trade of its leader is booked: it copies that trade, or begins after it."""

from decimal import Decimal
from typing import Any

import pytest

from orders.executor.rows import orders_lock_rows
from orders.models import Fill
from orders.services import recording
from orders.services.booking import fills_book
from replication.engine.running import fan_out
from replication.models import Copy
from replication.services import copies
from replication.services.flags import leader_marks_set
from replication.tests.kit import follow, held, lead, make_master, price_is, settle, trade
from replication.tests.watched_kit import did, holds, moment, push, watched
from tests.beside import beside, until_somebody_waits
from tests.payloads import iso

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def serve(copy: Copy) -> Any:
    """Serve the followers; return what the copy holds then."""
    fan_out()
    settle()
    return held(copy)


def test_what_was_known_to_be_nobodys_is_in_what_the_copy_begins_with(monkeypatch, pool):
    """The copy waits for the trade, whose booking had found that nobody copies the leader."""
    leader, account = make_master()
    trade(account, "BUY", "0.2")
    begun = []

    def begins_beside(*values: Any, **options: Any) -> Any:
        begun.append(beside(pool, lambda: follow(leader, copy_open_positions=True)))
        until_somebody_waits()
        return fills_book(*values, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "fills_book", begins_beside)
        trade(account, "SELL", "0.1")

    assert serve(begun[0].result(20)) == Decimal("0.1")
    assert not Fill.objects.filter(account=account, awaits_copy=True).exists()


def test_what_is_booked_after_it_has_begun_is_copied(monkeypatch, pool):
    """The order was read before it began."""
    leader, account = make_master()
    trade(account, "BUY", "0.2")
    begun = []

    def begins_after(*values: Any) -> Any:
        rows = orders_lock_rows(*values)
        begun.append(beside(pool, lambda: follow(leader, copy_open_positions=True)).result(20))
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(recording, "orders_lock_rows", begins_after)
        trade(account, "SELL", "0.1")

    assert serve(begun[0]) == Decimal("0.1")


def begin_beside(monkeypatch: Any, pool: Any, leader: Any, trades: Any) -> Copy:
    """Begin another copy of a leader, who trades once its row is written and before it is seen what is held."""

    def trades_first(**values: Any) -> None:
        beside(pool, trades).result(20)
        leader_marks_set(**values)

    with monkeypatch.context() as patch:
        patch.setattr(copies, "leader_marks_set", trades_first)
        return follow(leader, copy_open_positions=True)


def test_what_a_copied_leader_opens_meanwhile_is_copied_once(monkeypatch, pool):
    leader, account = make_master()
    follow(leader)
    lead(account, "BUY", "0.2")

    copy = begin_beside(monkeypatch, pool, leader, lambda: trade(account, "BUY", "0.1"))

    assert serve(copy) == Decimal("0.3")
    lead(account, "BUY", "0.1")
    assert held(copy) == Decimal("0.4")


def test_what_a_source_tells_meanwhile_is_copied_once(monkeypatch, pool):
    leader = watched()
    follow(leader)
    push(leader, did("OPEN_LONG", "0.2", ago=60), positions=[holds("0.2")], read=30)
    fan_out()

    def tells() -> None:
        opened = did("OPEN_LONG", "0.1") | {"eventTime": iso(moment(0))}
        push(leader, opened, positions=[holds("0.3")])

    assert serve(begin_beside(monkeypatch, pool, leader, tells)) == Decimal("0.3")
