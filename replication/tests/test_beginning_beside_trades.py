"""The first copy of a leader begins while a trade of theirs is booked: it copies that trade, or begins after it."""

from decimal import Decimal
from typing import Any

import pytest

from orders.executor.rows import orders_lock_rows
from orders.models import Fill
from orders.services import recording
from orders.services.booking import fills_book
from replication.engine.running import fan_out
from replication.models import Copy
from replication.tests.kit import follow, held, make_master, price_is, settle, trade
from tests.beside import beside, until_somebody_waits

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
