"""Limits of a copy hold for its entries and for nothing else, also after a restart; what they did is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from orders.executor.sending import orders_execute_due
from orders.models import Order, TradingAccount
from replication.engine import deciding
from replication.engine.running import fan_out
from replication.models import Copy, CopyDay, CopyIntent, Signal
from replication.services.copies import copy_change, copy_funds_move, copy_pause, copy_resume
from replication.tests.fills_kit import tell_fill
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
    trade,
)
from replication.tests.watched_kit import did, follow_since, holds, tell, watched

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _prices():
    price_is()


def test_an_order_is_cut_to_the_most_it_may_be_worth_and_says_so():
    leader, account = make_master()
    copy = follow(leader, max_order=D(2_500))

    lead(account, "BUY", "0.1")

    cut = decision(copy)
    assert held(copy) == D("0.05")
    assert [(cap["code"], cap["from"], cap["to"]) for cap in cut.capped] == [("MAX_ORDER", "0.1", "0.05")]
    assert "2,500" in cut.message


def test_the_other_side_that_a_hedging_account_is_about_to_hold_is_a_position_too(monkeypatch):
    """In a market of the same name, and whatever is under way."""
    follower = paper_account()
    TradingAccount.objects.filter(pk=follower.pk).update(hedge_mode=True)
    leader = watched()
    copy = follow_since(leader, account=follower, max_positions=1)
    send_nothing(monkeypatch)

    tell(leader, did("OPEN_LONG", 1, ago=5), did("OPEN_SHORT", 1), positions=[holds(1), holds(-1, side="SHORT")])

    states = CopyIntent.objects.filter(copy=copy).order_by("pk").values_list("side", "state", "code")
    assert list(states) == [("LONG", "planned", ""), ("SHORT", "skipped", "MAX_POSITIONS")]


@pytest.mark.parametrize("limit", ["max_exposure", "max_symbol", "max_worth"])
def test_what_an_open_entry_has_filled_counts_once(monkeypatch, limit):
    leader, account = make_master()
    of_copy: dict[str, Any] = {limit: D(7_500)} if limit != "max_worth" else {}
    copy = follow(leader, **of_copy)
    if limit == "max_worth":
        TradingAccount.objects.filter(pk=copy.account_id).update(max_worth=D(7_500))
    send_nothing(monkeypatch)
    lead(account, "BUY", "0.1")
    tell_fill(copy.account.orders.get(), quantity="0.05")
    settle()
    assert (decision(copy).state, decision(copy).filled_quantity, held(copy)) == ("planned", D("0.05"), D("0.05"))

    lead(account, "BUY", "0.05")
    whole = decision(copy)
    lead(account, "BUY", "0.05")

    assert (whole.state, whole.quantity, whole.capped) == ("planned", D("0.05"), [])
    assert (decision(copy).state, decision(copy).quantity) == ("skipped", 0)


def test_what_an_earlier_attempt_filled_takes_nothing_from_what_is_tried_anew(monkeypatch):
    leader, account = make_master()
    copy = follow(leader, max_exposure=D(7_500))
    send_nothing(monkeypatch)
    lead(account, "BUY", "0.1")
    tell_fill(copy.account.orders.get(), quantity="0.05")
    settle()
    CopyIntent.objects.filter(copy=copy).update(planned_at=timezone.now(), worth=D(2_500))

    lead(account, "BUY", "0.05")
    assert (decision(copy).quantity, decision(copy).capped) == (D("0.05"), [])
    lead(account, "BUY", "0.05")

    assert (decision(copy).state, decision(copy).code) == ("skipped", "MAX_EXPOSURE")


def test_no_limit_stops_an_exit():
    """PITFALLS 13 and 17."""
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    strict = {
        "max_order": 1,
        "max_symbol": 1,
        "max_exposure": 1,
        "max_leverage": D("0.001"),
        "max_daily_loss": D("0.001"),
        "max_slippage_percent": D("0.01"),
        "max_signal_age_seconds": 1,
        "max_positions": 1,
        "denied_symbols": ["BTCUSDT"],
        "trading_hours": {
            "zone": "UTC",
            "days": [(timezone.now().weekday() + 3) % 7],
            "from": "00:00",
            "to": "00:01",
        },
        "state": "paused",
        "allocated": D(1),
    }
    Copy.objects.filter(pk=copy.pk).update(**strict)
    CopyDay.objects.update(realized_pnl=-100)
    price_is(40_000)

    lead(account, "SELL", "0.1")
    assert held(copy) == D("0.1"), decision(copy).message
    lead(account, "SELL", "0.1")

    assert held(copy) == 0


def test_after_the_daily_loss_nothing_is_opened_until_tomorrow_whatever_restarts():
    """PITFALLS 17: the cap lived in memory."""
    leader, account = make_master()
    copy = follow(leader, max_daily_loss=D(100))
    lead(account, "BUY", "0.1")
    price_is(48_000)
    lead(account, "SELL", "0.1")

    lead(account, "BUY", "0.1")

    skipped = decision(copy)
    assert (skipped.code, held(copy)) == ("DAILY_LOSS", 0)
    assert D(skipped.numbers["lost"]) > 200
    CopyDay.objects.update(date=timezone.now().date() - timedelta(days=1))
    lead(account, "BUY", "0.1")
    assert held(copy) == D("0.1")


def test_an_exit_without_a_loss_spends_nothing_of_the_daily_loss():
    leader, account = make_master()
    copy = follow(leader, max_daily_loss=D(50))
    for _ in range(3):
        lead(account, "BUY", "0.02")
        lead(account, "SELL", "0.02")

    lead(account, "BUY", "0.02")

    assert held(copy) == D("0.02"), decision(copy).message


def test_funds_bound_what_a_copy_may_hold_and_can_be_moved():
    leader, account = make_master()
    copy = follow(leader, allocated=D(100))
    lead(account, "BUY", "0.2")
    first = held(copy)
    assert decision(copy).capped[0]["code"] == "FUNDS"

    copy_funds_move(copy=copy, amount=D(100), actor=copy.account.user)
    lead(account, "BUY", "0.2")

    assert held(copy) > first
    assert held(copy) * 50_000 <= 200 * 20


def test_a_paused_copy_follows_exits_only_and_goes_on_when_resumed():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.2")
    copy_pause(copy=copy, actor=copy.account.user)

    lead(account, "BUY", "0.1")
    assert (decision(copy).code, held(copy)) == ("COPY_PAUSED", D("0.2"))
    lead(account, "SELL", "0.15")
    assert held(copy) == D("0.1")
    copy_resume(copy=copy, actor=copy.account.user)
    lead(account, "BUY", "0.1")

    assert held(copy) == D("0.2")


def test_changed_settings_hold_from_the_next_signal_on():
    leader, account = make_master()
    copy = follow(leader)
    lead(account, "BUY", "0.1")

    copy_change(copy=copy, changes={"ratio": D(2)}, actor=copy.account.user)
    lead(account, "BUY", "0.1")

    assert held(copy) == D("0.3")


def test_a_fixed_amount_an_entry_in_part_and_a_full_close():
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_AMOUNT", ratio=None, fixed_amount=D(500))

    lead(account, "BUY", 2)
    assert held(copy) == D("0.01")
    lead(account, "SELL", 2)

    assert held(copy) == 0


def test_a_copy_with_settings_that_cannot_be_used_holds_up_nobody():
    """PITFALLS 12: one NULL parameter aborted the copy for everybody."""
    leader, account = make_master()
    broken, sound = follow(leader), follow(leader)
    Copy.objects.filter(pk=broken.pk).update(ratio=None)
    worse = follow(leader, strategy="MULTIPLIER_TIERS", ratio=None, tiers=({"from": "0", "multiplier": "1"},))
    Copy.objects.filter(pk=worse.pk).update(tiers=[{"since": "?"}], trading_hours={"zone": "Nowhere"})

    lead(account, "BUY", "0.1")

    assert held(sound) == D("0.1")
    assert (decision(broken).state, decision(broken).code) == ("skipped", "TERMS_INCOMPLETE")
    assert (decision(worse).state, decision(worse).code) == ("skipped", "TERMS_INCOMPLETE")


def test_below_the_minimum_is_skipped_or_kept_for_the_next_as_the_copy_says():
    """PITFALLS 15."""
    leader, account = make_master()
    skips = follow(leader, ratio=D("0.004"))
    keeps = follow(leader, ratio=D("0.004"), minimum_policy="accumulate")

    for _ in range(3):
        lead(account, "BUY", "0.1")

    assert held(skips) == 0
    assert set(CopyIntent.objects.filter(copy=skips).values_list("code", flat=True)) == {"BELOW_MINIMUM"}
    assert held(keeps) == D("0.001")
    assert keeps.positions.get().remainder == D("0.0002")


def test_an_order_is_immediate_or_nothing_at_the_leaders_price_and_the_slippage_allowed():
    leader, account = make_master()
    follower = paper_account()
    copy = follow(leader, follower, max_slippage_percent=D("0.5"))

    lead(account, "BUY", "0.1")

    order = follower.orders.get()
    assert (order.type, order.time_in_force) == ("LIMIT", "IOC")
    assert order.price <= D(50_010) * D("1.005")
    assert held(copy) == D("0.1")


def test_a_worse_price_is_skipped_and_a_better_one_taken():
    """PITFALLS 16."""
    leader, account = make_master()
    copy = follow(leader, max_slippage_percent=D("0.5"))
    trade(account, "BUY", "0.1")
    price_is(51_000)
    fan_out()
    assert (decision(copy).code, held(copy)) == ("SLIPPAGE", 0)
    trade(account, "BUY", "0.1")
    price_is(49_000)
    fan_out()

    assert held(copy) == D("0.1")
    assert decision(copy).slippage_percent < 0
    settle()


def test_an_old_price_sizes_nothing_and_a_new_one_is_asked_for(settings, monkeypatch):
    leader, account = make_master()
    copy = follow(leader, strategy="FIXED_AMOUNT", ratio=None, fixed_amount=D(505), max_slippage_percent=D(1))
    order = trade(account, "BUY", "0.1")
    price_is(25_000)
    settings.PRICE_STALE_AFTER_SECONDS = -1
    asked: list[int] = []
    monkeypatch.setattr(deciding, "price_watch_want", asked.extend)
    send_nothing(monkeypatch)

    fan_out()

    assert Order.objects.get(account=copy.account).quantity == D("0.01")  # at the leader's 50,000
    assert asked == [order.market_id]


def test_an_entry_that_waited_too_long_to_be_sent_is_not_sent(monkeypatch):
    leader, account = make_master()
    copy = follow(leader, max_signal_age_seconds=5)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "BUY", "0.1")
    order = Order.objects.get(account=copy.account)
    assert order.send_before - Signal.objects.get().event_time < timedelta(seconds=6)

    later = F("send_before") - timedelta(seconds=5), F("created_at") - timedelta(seconds=5)
    Order.objects.filter(pk=order.pk).update(send_before=later[0], created_at=later[1])
    orders_execute_due()
    settle()

    assert (held(copy), decision(copy).state, decision(copy).code) == (0, "failed", "NOT_SENT_IN_TIME")


def test_no_entry_may_be_sent_for_more_than_a_minute(monkeypatch):
    leader, account = make_master()
    copy = follow(leader, max_signal_age_seconds=3600)
    with monkeypatch.context() as patch:
        send_nothing(patch)
        lead(account, "BUY", "0.1")

    order = Order.objects.get(account=copy.account)
    assert order.send_before - order.created_at == timedelta(seconds=60)
