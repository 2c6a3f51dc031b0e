"""Pattern B: what a leader trades at the exchange itself is copied, each trade once, where no stream tells of it."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from markets.venues.vocabulary import OrderType, Side
from orders.executor.sending import orders_execute
from orders.models import Order, Origin, TradingAccount
from orders.services.placing import order_write
from replication.engine.running import fan_out
from replication.models import LeaderAccount, Signal
from replication.tests.kit import D, follow, held, paper_account, price_is, settle
from tests.by_hand import by_hand
from tests.factories import make_leader
from traders.models import LeaderStatus

pytestmark = pytest.mark.django_db(transaction=True)


SPOT = ["bybit-spot", "okx-spot"]
CONTRACTS = ["bybit-usd_m", "okx-usd_m", "bitget-usd_m"]


@contextmanager
def somebody(name, patch):
    """Yield whoever trades by hand, with an account that has been compared before."""
    with by_hand(name, patch) as made:
        price_is(market=made.market)
        made.compare()
        yield made


@pytest.fixture(params=[*SPOT, *CONTRACTS])
def hand(request, monkeypatch):
    with somebody(request.param, monkeypatch) as made:
        yield made


@pytest.fixture(params=CONTRACTS)
def contracts(request, monkeypatch):
    with somebody(request.param, monkeypatch) as made:
        yield made


@pytest.fixture
def spot(monkeypatch):
    with somebody("bybit-spot", monkeypatch) as made:
        yield made


def copied(hand, **settings):
    """Return a copy of whoever trades by hand, on paper at the same exchange."""
    user = hand.account.user
    leader = make_leader(platform="house", external_id=str(user.pk), user=user, status=LeaderStatus.APPROVED)
    LeaderAccount.objects.create(account=hand.account, trader=leader)
    return follow(leader, paper_account(venue=hand.account.venue), **settings)


def learn(hand):
    hand.compare()
    fan_out()
    settle()


def test_an_entry_and_its_exit_are_copied(hand):
    copy = copied(hand)

    hand.trade()
    learn(hand)
    assert held(copy) > 0
    hand.trade(Side.SELL)
    learn(hand)

    assert list(Signal.objects.order_by("pk").values_list("action", flat=True)) == ["OPEN", "CLOSE"]
    assert held(copy) < hand.market.quantity_step


def test_a_fixed_quantity_is_bought_whole(contracts):
    """The order behind the trade says how large it was."""
    copy = copied(contracts, strategy="FIXED_QUANTITY", ratio=None, fixed_quantity=D("0.5"))

    contracts.trade()
    learn(contracts)

    order = Order.objects.get(account=contracts.account)
    assert (order.state, order.quantity) == ("FILLED", contracts.quantity)
    assert Order.objects.get(account=copy.account).quantity * contracts.market.contract_size == D("0.5")


def test_what_was_placed_here_and_what_was_traded_there_are_each_copied_once(spot, settings):
    copy = copied(spot)
    spot.trade()
    learn(spot)
    settings.LIVE_TRADING = True
    TradingAccount.objects.filter(pk=spot.account.pk).update(live_enabled=True)
    ours = order_write(
        account=spot.account,
        market=spot.market,
        origin=Origin.MASTER,
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=spot.quantity,
        send_within=timedelta(minutes=1),
    )
    orders_execute([ours.pk])
    fan_out()

    for _ in range(2):
        learn(spot)

    assert list(Signal.objects.order_by("pk").values_list("action", flat=True)) == ["OPEN", "INCREASE"]
    assert Order.objects.filter(account=copy.account).count() == 2


def test_what_was_traded_before_the_copy_began_is_not_copied(spot):
    spot.trade()
    copy = copied(spot)

    learn(spot)

    assert held(copy) == 0
