"""A position that its leader no longer has, and that no order can close, is not tried with each sweep."""

import pytest

from replication.models import Copy, Signal
from replication.tests.kit import D, decision, follow, held, lead, make_master, price_is, settle
from tests.listings import BITCOIN

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_less_than_a_market_order_takes_is_said_once(monkeypatch):
    monkeypatch.setitem(BITCOIN["binanceusdm"], "market_quantity_step", D("0.01"))
    price_is()
    leader, account = make_master()
    copy = follow(leader, max_slippage_percent=D(1))
    Copy.objects.update(ratio=D("0.5"))
    lead(account, "BUY", "0.01")
    assert held(copy) == D("0.005")

    lead(account, "SELL", "0.01")
    settle()

    assert (held(copy), decision(copy).code) == (D("0.005"), "BELOW_MINIMUM")
    assert Signal.objects.filter(source="flat").count() == 1
