"""The leverage of a contract is known from when it is set, or the venue tells it, until another one is told."""

from decimal import Decimal
from typing import Any

import pytest

from copytrade.lib.api.paging import Page
from copytrade.lib.errors import VenueRefused
from markets.venues.errors import Rejected
from markets.venues.vocabulary import PositionSide
from orders.models import Holding, TradingAccount
from orders.selectors.positions import PositionFilter, positions_list, positions_summary
from orders.services.leverage import account_set_leverage
from orders.services.rebuild import holdings_rebuild
from orders.services.sync import account_sync
from orders.tests.fake_venue import fake_venue, make_position, make_report
from tests.factories import make_account, make_holding, make_market

pytestmark = [pytest.mark.django_db(transaction=True)]


def set_leverage(account: TradingAccount, leverage: int) -> None:
    with fake_venue():
        account_set_leverage(account=account, market=make_market(), leverage=leverage, actor=account.user)


def sync(account: TradingAccount, *positions: Any, complete: bool = True) -> None:
    with fake_venue(accounts={"": make_report(positions=positions, complete=complete)}):
        account_sync(account=account)


def leverages(account: TradingAccount) -> dict[str, Decimal | None]:
    return dict(Holding.objects.filter(account=account).values_list("side", "leverage"))


def test_it_is_known_before_anything_is_held():
    account = make_account()
    set_leverage(account, 7)
    assert leverages(account) == {"BOTH": 7}


def test_it_is_kept_when_the_venue_lists_the_position_no_more():
    account = make_account()
    set_leverage(account, 7)
    sync(account, make_position("0.01", leverage=Decimal(5)))
    sync(account)
    assert leverages(account) == {"BOTH": 5}


def test_a_stream_that_does_not_tell_it_takes_it_away_from_nobody():
    holding = make_holding(leverage=Decimal(5))
    sync(holding.account, make_position("0.02"), complete=False)
    assert leverages(holding.account) == {"BOTH": 5}


def test_another_one_is_for_both_sides():
    account = make_account()
    for side in (PositionSide.LONG, PositionSide.SHORT):
        make_holding(account=account, side=side)
    set_leverage(account, 7)
    assert leverages(account) == {"BOTH": 7, "LONG": 7, "SHORT": 7}
    sync(account, make_position("0.01", position_side=PositionSide.LONG, leverage=Decimal(5)))
    assert leverages(account) == {"BOTH": 5, "LONG": 5, "SHORT": 5}


def test_each_contract_has_its_own():
    account = make_account()
    other = make_holding(account=account, market=make_market(symbol="ETHUSDT", base_asset="ETH"))
    set_leverage(account, 7)
    other.refresh_from_db()
    assert other.leverage is None


def test_one_that_the_venue_refuses_is_not_kept():
    account = make_account()
    with fake_venue(leverage_error=Rejected("Leverage 500 is not valid", code="-4028")), pytest.raises(VenueRefused):
        account_set_leverage(account=account, market=make_market(), leverage=500, actor=account.user)
    assert leverages(account) == {}


def test_where_nothing_was_ever_held_there_is_no_position():
    account = make_account()
    set_leverage(account, 7)
    assert positions_list(account.user, PositionFilter(), page=Page(10, 0)) == ([], 0)
    assert positions_summary(account.user, PositionFilter()) == []
    assert holdings_rebuild() == []
