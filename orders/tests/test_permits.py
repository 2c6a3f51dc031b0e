"""Whether an order may be sent."""

from datetime import UTC, datetime, timedelta

import pytest

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


def test_the_refusal_says_why_the_account_does_not_trade():
    for reason, told in (("its key was refused", "its key was refused"), ("", "it is paused")):
        paused = applicant(account_active=False, account_reason=reason)
        answer = refuse(paused, [], live_trading=True, now=NOW)
        assert answer is not None
        assert answer.message == f"The account does not trade: {told}."


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
    return is_exit(**{"buy": False, "reduces": False, "position_side": "BOTH", "spot": False, **values})


def test_reduce_only_orders_and_sales_of_coins_are_exits():
    assert exits(reduces=True, buy=True)
    assert exits(spot=True)
    assert not exits(spot=True, buy=True)


def test_in_hedge_mode_the_side_tells_whatever_the_order_calls_itself():
    assert exits(position_side="LONG")
    assert exits(position_side="SHORT", buy=True)
    assert not exits(position_side="SHORT")
    assert not exits(position_side="LONG", buy=True, reduces=True)


def test_an_order_against_a_position_is_no_exit_unless_it_says_so():
    """Two of them, each no larger than the position, would turn it."""
    assert not exits()
