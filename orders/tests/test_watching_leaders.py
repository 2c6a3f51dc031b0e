"""Accounts that lead and are traded by hand at their venue: listened to, else polled, whatever the switches are."""

import threading

import pytest

from orders import polling, tasks
from orders.models import Fill, Mode, Order, OrderEvent, Origin, Reconciliation, TradingAccount
from orders.services.reconcile import account_poll
from orders.tests.conftest import make_live_account
from orders.tests.watching_kit import until, watching
from orders.watching import Watch
from tests.by_hand import by_hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _often(monkeypatch, settings):
    settings.LIVE_TRADING = False
    monkeypatch.setattr(polling, "POLL_SECONDS", 0.1)


@pytest.fixture
def bybit(monkeypatch):
    """Somebody whose exchange has no stream here; others copy the account."""
    with by_hand("bybit-spot", monkeypatch) as hand:
        lead(hand.account)
        yield hand


@pytest.fixture
def binance(monkeypatch):
    """Somebody whose exchange has one."""
    with by_hand("binanceusdm", monkeypatch) as hand:
        lead(hand.account)
        yield hand


def lead(account: TradingAccount) -> None:
    TradingAccount.objects.filter(pk=account.pk).update(is_led=True)


def compared(trigger: str) -> bool:
    return Reconciliation.objects.filter(trigger=trigger, error="").exists()


def sources() -> set[str]:
    return set(OrderEvent.objects.values_list("source", flat=True))


def wanted() -> list[int]:
    return [account.pk for account in Watch(threading.Event())._wanted()]


def test_what_is_traded_where_there_is_no_stream_is_found_by_polling(bybit):
    with watching():
        until(lambda: compared("poll"))
        bybit.trade()
        until(Fill.objects.exists)

    order = Order.objects.get()
    assert (order.origin, order.state, order.quantity) == (Origin.MANUAL, "FILLED", bybit.quantity)


def test_a_stream_tells_of_trades_although_both_switches_are_off(binance):
    with watching():
        until(lambda: compared("stream"))
        binance.trade()
        until(Fill.objects.exists)

    assert Order.objects.get().state == "FILLED"
    assert sources() == {"stream"}
    assert not compared("poll")


def test_while_its_stream_cannot_run_an_account_is_polled(binance):
    binance.exchange.fault("error", path="/fapi/v1/listenKey", method="POST", count=None, status=503)
    with watching():
        until(lambda: compared("poll"))
        binance.trade()
        until(Fill.objects.exists)

    assert Order.objects.get().state == "FILLED"


def test_listening_and_polling_send_no_orders(bybit, binance):
    with watching():
        until(lambda: compared("poll"))
        until(lambda: compared("stream"))

    assert not binance.exchange.placements()
    assert bybit.exchange.requests["/v5/order/create"] == 0


def test_a_trade_that_stream_and_comparison_tell_counts_once(binance):
    with watching():
        until(lambda: compared("stream"))
        binance.trade()
        until(Fill.objects.exists)

    assert binance.compare().fills_found == 0
    assert Fill.objects.count() == Order.objects.count() == 1


def test_who_leads_nobody_is_not_listened_to_while_live_trading_is_off(binance):
    TradingAccount.objects.update(is_led=False)

    assert wanted() == []


def test_paper_accounts_that_lead_have_nobody_to_listen_to(binance):
    TradingAccount.objects.update(mode=Mode.PAPER)

    assert wanted() == []


def test_accounts_that_lead_and_those_that_trade_are_listened_to(binance, settings):
    settings.LIVE_TRADING = True
    trading = make_live_account(venue="binanceusdm")
    make_live_account(venue="binanceusdm", live_enabled=False)

    assert sorted(wanted()) == sorted([binance.account.pk, trading.pk])


def test_of_polls_that_changed_nothing_only_the_last_is_kept(bybit):
    for _ in range(3):
        account_poll(account=TradingAccount.objects.get())
    bybit.trade()
    for _ in range(3):
        account_poll(account=TradingAccount.objects.get())

    assert list(Reconciliation.objects.order_by("pk").values_list("fills_found", flat=True)) == [1, 0]


def test_a_comparison_of_the_schedule_takes_accounts_that_lead_first(venue, monkeypatch):
    others = [make_live_account() for _ in range(3)]
    lead(others[1])
    asked: list[int] = []
    monkeypatch.setattr(tasks, "account_reconcile", lambda *, account, trigger: asked.append(account.pk))

    tasks.reconcile()

    assert asked[0] == others[1].pk
    assert sorted(asked) == sorted(account.pk for account in others)


def test_the_schedule_leaves_those_alone_that_were_polled_just_now(bybit):
    account_poll(account=TradingAccount.objects.get())

    tasks.reconcile()

    assert Reconciliation.objects.get().trigger == "poll"
