"""What a paper venue says of orders that it ends or refuses is a sentence with its numbers, as a venue's would be."""

import pytest

from markets.tests.venues.paper_desk import PaperDesk
from markets.venues.errors import Rejected
from markets.venues.paper.accounts import leverage_set
from markets.venues.paper.words import ENDED, FOK_REST, IOC_REST
from markets.venues.vocabulary import MarketKind, TimeInForce

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("time_in_force", "reason"), [(TimeInForce.IOC, IOC_REST), (TimeInForce.FOK, FOK_REST)])
def test_an_order_that_may_not_wait_says_why_it_expired(time_in_force, reason):
    desk = PaperDesk()
    access = desk.account(100_000)
    order = desk.order("BUY", "1", price=49_000, time_in_force=time_in_force)
    desk.place(access, order)

    report = desk.query(access, order)

    assert report is not None
    assert report.reason == ENDED[reason]
    assert time_in_force in report.reason


@pytest.mark.parametrize(
    ("kind", "side", "lacks"),
    [
        (MarketKind.USD_M, "BUY", "Margin is insufficient: the account lacks 40 USDT for this order."),
        (MarketKind.SPOT, "BUY", "Account has insufficient balance for requested action: it lacks 90000 USDT."),
        (MarketKind.SPOT, "SELL", "Account has insufficient balance for requested action: it lacks 2 BTC."),
    ],
)
def test_an_order_that_the_account_cannot_pay_tells_what_it_lacks(kind, side, lacks):
    desk = PaperDesk(kind)
    access = desk.account(10_000)

    with pytest.raises(Rejected) as refused:
        desk.place(access, desk.order(side, "2"))

    assert refused.value.message == lacks


def test_a_leverage_that_positions_cannot_keep_tells_what_the_account_lacks():
    desk = PaperDesk()
    access = desk.account(10_000)
    desk.place(access, desk.order("BUY", "1"))

    with pytest.raises(Rejected, match="the account lacks 40020 USDT for that"):
        leverage_set(desk.venue, access, desk.market.symbol, MarketKind.USD_M, 1, desk.prices)
