"""Copies are counted anew while they trade: what is opened and closed meanwhile is not forgotten."""

from typing import Any

import pytest

from replication.engine.booking import positions_lock
from replication.engine.running import fan_out
from replication.models import CopyDay
from replication.services import rebuild
from replication.services.rebuild import Wrong, copies_rebuild
from replication.tests.kit import follow, lead, make_master, price_is, settle, trade
from tests.beside import beside, until_somebody_waits
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_a_loss_of_a_position_that_is_new_meanwhile_stays_in_its_day(monkeypatch, pool):
    ether = make_market(symbol="ETHUSDT", base_asset="ETH")
    price_is()
    price_is(market=ether)
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")
    traded = []

    def trade_another() -> None:
        lead(account, "BUY", "0.1", market=ether)
        price_is(40_000, ether)
        lead(account, "SELL", "0.1", market=ether)
        settle()

    def beside_trades(keys: Any) -> Any:
        traded.append(beside(pool, trade_another))
        until_somebody_waits(unless=traded[-1])
        return positions_lock(keys)

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "positions_lock", beside_trades)
        wrong = copies_rebuild()
    traded[0].result(60)

    assert wrong == Wrong([], [])
    assert copies_rebuild() == Wrong([], [])
    (realized,) = CopyDay.objects.filter(copy=copy).values_list("realized_pnl", flat=True)
    assert -1_010 < realized < -1_000


def test_batches_count_all_copies(monkeypatch):
    price_is()
    monkeypatch.setattr(rebuild, "LARGEST_BATCH", 2)
    leader, account = make_master()
    copies = [follow(leader) for _ in range(3)]
    trade(account, "BUY", "0.1")
    fan_out()
    settle()
    CopyDay.objects.update(fees=77)

    wrong = copies_rebuild()

    assert [copy for copy, _ in wrong.days] == [copy.pk for copy in copies]
    assert copies_rebuild() == Wrong([], [])
