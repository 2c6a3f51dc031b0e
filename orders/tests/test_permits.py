"""Whether an order may be sent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.executor.permits import Applicant, Halt, is_exit, refuse

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def applicant(**values):
    return Applicant(
        **{
            "account_id": 7,
            "venue": "binanceusdm",
            "venue_known": True,
            "live": True,
            "live_enabled": True,
            "account_active": True,
            "account_reason": "",
            "is_exit": False,
            "send_before": NOW + timedelta(seconds=10),
            **values,
        }
    )


def refusal(*halts, live_trading=True, **values):
    answer = refuse(applicant(**values), halts, live_trading=live_trading, now=NOW)
    return answer.code if answer else None


def test_an_order_without_obstacles_may_go():
    assert refusal() is None


def test_live_orders_need_both_switches_and_paper_orders_none():
    assert refusal(live_trading=False) == "LIVE_TRADING_OFF"
    assert refusal(live_enabled=False) == "LIVE_TRADING_OFF"
    assert refusal(live_trading=False, live_enabled=False, live=False) is None


def test_an_order_whose_time_is_over_is_not_sent():
    assert refusal(send_before=NOW) == "NOT_SENT_IN_TIME"


def test_a_venue_that_was_removed_from_the_installation_is_not_traded_at():
    assert refusal(venue_known=False) == "VENUE_UNKNOWN"


def test_a_paused_account_sends_nothing():
    assert refusal(account_active=False) == "ACCOUNT_PAUSED"


@pytest.mark.parametrize(
    ("venue", "account", "stopped"),
    [("", None, True), ("binanceusdm", None, True), ("bybit", None, False), ("", 7, True), ("", 8, False)],
)
def test_a_halt_reaches_as_far_as_it_says(venue, account, stopped):
    halt = Halt(venue, account, reduce_only=True, reason="the news")

    assert (refusal(halt) == "TRADING_HALTED") is stopped


def test_exits_pass_a_reduce_only_halt_and_not_a_full_one():
    assert refusal(Halt("", None, reduce_only=True, reason="x"), is_exit=True) is None
    assert refusal(Halt("", None, reduce_only=False, reason="x"), is_exit=True) == "TRADING_HALTED"


def exits(**values):
    base = {"buy": False, "reduces": False, "position_side": "BOTH", "spot": False, "quantity": Decimal(1), "held": 0}
    return is_exit(**{**base, **values})


def test_reduce_only_orders_and_sales_of_coins_are_exits():
    assert exits(reduces=True, buy=True)
    assert exits(spot=True)
    assert not exits(spot=True, buy=True)


def test_in_hedge_mode_the_side_tells():
    assert exits(position_side="LONG")
    assert exits(position_side="SHORT", buy=True)
    assert not exits(position_side="SHORT")


def test_a_flip_is_no_exit():
    assert exits(held=Decimal(1))
    assert not exits(held=Decimal(1), quantity=Decimal("1.001"))
    assert not exits(held=Decimal(1), quantity=None)


amounts = st.decimals(min_value=-5, max_value=5, places=3)


@given(st.booleans(), amounts, st.decimals(min_value="0.001", max_value=5, places=3))
def test_an_exit_never_grows_or_turns_a_position(buy, held, quantity):
    after = held + (quantity if buy else -quantity)

    if exits(buy=buy, held=held, quantity=quantity):
        assert abs(after) < abs(held)
        assert after * held >= 0
