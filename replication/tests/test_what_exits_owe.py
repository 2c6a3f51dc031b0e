"""What an exit did not close is owed by its own position, and is closed with a later one."""

import pytest

from replication.models import CopyPosition
from replication.tests.judging_kit import a_copy, decided, judge, ordered
from replication.tests.kit import D
from tests.factories import make_market

pytestmark = pytest.mark.django_db

CLOSED = {"state": "REJECTED", "reason_code": "MARKET_CLOSED", "reason": "Market is closed."}


def owed(intent):
    """Judge a decision; return what each of the copy's positions is left with to open or to close."""
    market, ether = make_market(), make_market(symbol="ETHUSDT", base_asset="ETH")
    for where, side in [(market, "LONG"), (market, "SHORT"), (ether, "LONG")]:
        CopyPosition.objects.create(
            copy=intent.copy, market=where, side=side, leader_symbol=where.symbol, leader_side=side
        )
    judge(intent)
    return list(CopyPosition.objects.order_by("pk").values_list("remainder", flat=True))


def test_what_one_position_owes_no_other_position_of_the_copy_does():
    leaving = decided(a_copy(), exits=True)
    ordered(leaving, **CLOSED, filled="0.4")

    assert owed(leaving) == [D("-0.6"), D(0), D(0)]


def test_an_entry_that_did_not_fill_owes_nothing():
    entry = decided(a_copy())
    ordered(entry, **CLOSED, filled="0.4")

    assert owed(entry) == [D(0), D(0), D(0)]
