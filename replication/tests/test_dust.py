"""What fees on spot leave of a position is less than any order can sell: it is open nowhere, and hides nothing."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from markets.models import Market
from markets.prices import prices_of
from orders.models import Holding, TradingAccount
from replication.models import Copy, CopyPosition
from replication.selectors import values
from replication.selectors.copies import copy_results
from replication.services.copies import copy_change, copy_position_close
from replication.services.protecting import copies_protect
from replication.services.refusing import CopyConflict
from replication.tests.api_kit import as_user, get
from replication.tests.kit import (
    D,
    decision,
    follow,
    held,
    lead,
    make_master,
    paper_account,
    price_is,
    send_nothing,
    settle,
)
from tests.factories import make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bitcoin() -> Market:
    market = make_market(venue="binance")
    price_is(market=market)
    return market


@pytest.fixture
def ether() -> Market:
    market = make_market(venue="binance", symbol="ETHUSDT", base_asset="ETH")
    price_is(2_000, market)
    return market


def copied(bitcoin: Market, **settings: Any) -> tuple[TradingAccount, Copy]:
    """Return a leader's account on spot, and a copy that is left with dust of the Bitcoin that both held."""
    leader, account = make_master(venue="binance")
    copy = follow(leader, paper_account(venue="binance"), **settings)
    lead(account, "BUY", "0.53217", market=bitcoin)
    quantity = Holding.objects.get(account=account, market=bitcoin).quantity
    lead(account, "SELL", quantity - quantity % bitcoin.quantity_step, market=bitcoin)
    settle()
    assert 0 < held(copy) < bitcoin.quantity_step
    return account, copy


def dust(copy: Copy) -> CopyPosition:
    return CopyPosition.objects.select_related("market", "copy").get(copy=copy, market__symbol="BTCUSDT")


def results(copy: Copy) -> Any:
    return copy_results([Copy.objects.select_related("account", "trader").get(pk=copy.pk)])[0]


def no_price_of(market: Market, patch: pytest.MonkeyPatch) -> None:
    def others(markets: Iterable[Market]) -> Any:
        return prices_of(each for each in markets if each.pk != market.pk)

    patch.setattr(values, "prices_of", others)


def test_it_is_no_position_that_may_grow(bitcoin, ether):
    account, copy = copied(bitcoin, max_positions=1)
    lead(account, "BUY", 1, market=ether)
    assert (decision(copy).state, decision(copy).code) == ("filled", "")

    lead(account, "BUY", "0.1", market=bitcoin)

    assert decision(copy).code == "MAX_POSITIONS"
    assert dust(copy).quantity < bitcoin.quantity_step


def test_an_entry_under_way_where_it_lies_is_a_position_of_its_own(bitcoin, ether, monkeypatch):
    account, copy = copied(bitcoin, max_positions=1)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "BUY", "0.1", market=bitcoin)
        assert decision(copy).state == "planned"
        lead(account, "BUY", 1, market=ether)

    assert decision(copy).code == "MAX_POSITIONS"


def test_it_may_be_opened_again(bitcoin):
    account, copy = copied(bitcoin, max_positions=1)

    lead(account, "BUY", "0.1", market=bitcoin)

    assert decision(copy).state == "filled"
    assert results(copy).value.open_positions == 1


def test_it_is_worth_its_price(bitcoin):
    _, copy = copied(bitcoin, allocated=D(30_000))
    found = results(copy).value
    price_is(60_000, bitcoin)
    gained = held(copy) * 10_000
    assert results(copy).value.value == found.value + gained


def test_without_a_price_it_counts_as_lost(bitcoin, monkeypatch):
    _, copy = copied(bitcoin, allocated=D(30_000))
    price_is(60_000, bitcoin)
    no_price_of(bitcoin, monkeypatch)
    found = results(copy).value
    assert (found.unrealized_pnl, found.open_positions) == (-dust(copy).cost, 0)


def test_without_a_price_it_does_not_hide_that_the_rest_fell(bitcoin, ether, monkeypatch):
    account, copy = copied(bitcoin, allocated=D(30_000), max_drawdown_percent=D(20))
    lead(account, "BUY", 10, market=ether)
    no_price_of(bitcoin, monkeypatch)
    price_is(1_000, ether)

    assert copies_protect() == 1

    copy.refresh_from_db()
    assert copy.state == "stopping"


def test_what_is_open_and_has_no_price_makes_the_whole_unknown(bitcoin, ether, monkeypatch):
    account, copy = copied(bitcoin, allocated=D(30_000))
    lead(account, "BUY", 10, market=ether)
    no_price_of(ether, monkeypatch)
    assert results(copy).value.value is None


def test_a_copy_that_has_only_such_can_be_turned_round(bitcoin):
    account, copy = copied(bitcoin)
    lead(account, "BUY", "0.1", market=bitcoin)
    copy.refresh_from_db()
    with pytest.raises(CopyConflict):
        copy_change(copy=copy, changes={"inverted": True}, actor=copy.account.user)
    quantity = Holding.objects.get(account=account, market=bitcoin).quantity
    lead(account, "SELL", quantity - quantity % bitcoin.quantity_step, market=bitcoin)
    settle()

    copy_change(copy=copy, changes={"inverted": True}, actor=copy.account.user)

    copy.refresh_from_db()
    assert copy.inverted


def test_it_cannot_be_closed(bitcoin):
    _, copy = copied(bitcoin)
    with pytest.raises(CopyConflict):
        copy_position_close(position=dust(copy), actor=copy.account.user)


def test_it_is_shown_as_closed(bitcoin, ether):
    account, copy = copied(bitcoin)
    lead(account, "BUY", 1, market=ether)
    client, path = as_user(copy.account.user), f"copies/{copy.pk}"

    shown = {row["symbol"]: row["open"] for row in get(client, f"{path}/positions")["data"]}
    opened = [row["symbol"] for row in get(client, f"{path}/positions", open="true")["data"]]
    closed = [row["symbol"] for row in get(client, f"{path}/positions", open="false")["data"]]

    assert shown == {"BTCUSDT": False, "ETHUSDT": True}
    assert (opened, closed) == (["ETHUSDT"], ["BTCUSDT"])
    assert get(client, path)["data"]["results"]["open_positions"] == 1


def test_where_a_market_has_no_steps_anything_is_open(bitcoin):
    _, copy = copied(bitcoin)
    Market.objects.filter(pk=bitcoin.pk).update(quantity_step=None)
    path = f"copies/{copy.pk}/positions"
    assert [row["open"] for row in get(as_user(copy.account.user), path, open="true")["data"]] == [True]
    assert get(as_user(copy.account.user), path, open="false")["data"] == []
    assert dust(copy).quantity > Decimal(0)
