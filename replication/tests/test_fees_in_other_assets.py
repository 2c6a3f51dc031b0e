"""Fees that a venue takes in an asset of its own, as Binance in BNB, are told by asset and are in no result."""

from typing import Any

import pytest

from orders.models import Holding, Order
from replication.models import Copy, CopyPosition
from replication.services.rebuild import copies_rebuild
from replication.tests.api_kit import as_user, get
from replication.tests.fills_kit import tell_fill
from replication.tests.kit import D, follow, lead, make_master, paper_account, price_is, settle

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def copy() -> Copy:
    price_is()
    leader, account = make_master()
    copy = follow(leader, paper_account())
    lead(account, "BUY", "0.1")
    return copy


def trades_later(copy: Copy, trade_id: str, **fee: Any) -> None:
    """The order of the copy trades once more than was known."""
    order = Order.objects.get(cause_id__in=copy.intents.values("pk"))
    tell_fill(order, quantity="0.01", venue_trade_id=trade_id, **fee)
    settle()


def told(copy: Copy) -> tuple[dict[str, Any], dict[str, Any]]:
    client = as_user(copy.account.user)
    [position] = get(client, f"copies/{copy.pk}/positions")["data"]
    return position, get(client, f"copies/{copy.pk}")["data"]["results"]


def test_they_add_up_by_asset_beside_those_that_count(copy):
    before, _ = told(copy)
    trades_later(copy, "second", fee=D("0.000420"), fee_asset="BNB")
    trades_later(copy, "third", fee=D("0.0002"), fee_asset="BNB")
    trades_later(copy, "fourth", fee=D("0.3"), fee_asset="USDT")

    position, results = told(copy)

    assert (before["other_fees"], position["other_fees"]) == ({}, {"BNB": "0.00062"})
    assert D(position["fees"]) == D(before["fees"]) + D("0.3") == D(results["fees"])
    assert Holding.objects.get(account=copy.account).other_fees == {"BNB": "0.000620"}


def test_they_are_the_same_when_all_is_counted_anew(copy):
    trades_later(copy, "second", fee=D("0.000420"), fee_asset="BNB")
    CopyPosition.objects.update(other_fees={})

    copies_rebuild()

    assert told(copy)[0]["other_fees"] == {"BNB": "0.00042"}
