"""What keeps a copy from following, in which order, and that exits meet none of it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from copytrade.lib.wire import iso_time
from markets.filters import Filters
from markets.venues.vocabulary import MarketKind
from replication.facts import TradingHours
from replication.planner import plan
from replication.sites import worse_percent
from replication.tests.planner_kit import (
    NOW,
    D,
    decide,
    exit_of,
    market_of,
    prices,
    sides,
    state_of,
    terms_of,
    trade_of,
)
from replication.vocabulary import EXITS, CopyState, IntentState, PositionWord, Reason

WEEKDAYS = frozenset(range(5))
NSE = TradingHours(zone="Asia/Kolkata", days=WEEKDAYS, since=9 * 60 + 15, until=15 * 60 + 30)
NIGHT = TradingHours(zone="UTC", days=frozenset({3}), since=22 * 60, until=2 * 60)
BLOCKED = {"blocked": Reason.TRADING_HALTED, "blocked_message": "Trading is halted.", "blocks_exits": False}

MADE = iso_time(trade_of().event_time)
REFUSED: list[tuple[Reason, dict[str, dict[str, Any]]]] = [
    (Reason.COPY_ENDED, {"terms": {"state": CopyState.STOPPING}}),
    (Reason.COPY_ENDED, {"terms": {"state": CopyState.ENDED}}),
    (Reason.COPY_PAUSED, {"terms": {"state": CopyState.PAUSED}}),
    (Reason.COPY_PAUSED, {"terms": {"resumed_at": NOW}}),
    (Reason.TRADING_HALTED, {"state": BLOCKED}),
    (Reason.SYMBOL_NOT_TRADING, {"market": {"trading": False}}),
    (Reason.SHORT_IMPOSSIBLE, {"market": {"kind": MarketKind.SPOT}, "terms": {"inverted": True}}),
    (Reason.SYMBOL_DENIED, {"terms": {"denied_symbols": frozenset({"BTCUSDT"})}}),
    (Reason.SYMBOL_NOT_ALLOWED, {"terms": {"allowed_symbols": frozenset({"ETHUSDT"})}}),
    (Reason.OUTSIDE_HOURS, {"terms": {"trading_hours": NSE}}),
    (Reason.BEFORE_COPY, {"terms": {"started_at": NOW}}),
    (Reason.SIGNAL_TOO_OLD, {"terms": {"max_signal_age_seconds": 0}}),
    (
        Reason.OUT_OF_ORDER,
        {"trade": {"shown": False}, "state": {"held": D(1), "opened_at": NOW + timedelta(seconds=1)}},
    ),
    (Reason.NO_PRICE, {"trade": {"price": None}, "market": {"price": None}}),
    (Reason.SLIPPAGE, {"terms": {"max_slippage_percent": D("0.5")}, "market": {"price": D(51_000)}}),
    (Reason.DAILY_LOSS, {"terms": {"max_daily_loss": D(100)}, "state": {"lost_today": D(100)}}),
    (Reason.OPPOSITE_LEADER, {"state": {"opposite_leader": "Ada"}}),
    (Reason.MARKET_TAKEN, {"state": {"taken_by": "BTCUSD_PERP"}}),
    (Reason.MAX_POSITIONS, {"terms": {"max_positions": 2}, "state": {"open_positions": 2}}),
    (Reason.NO_EQUITY, {"terms": {"max_leverage": D(2)}, "state": {"funds": None}}),
]
LIMITS = [row for row in REFUSED if row[0] not in {Reason.NO_PRICE, Reason.SHORT_IMPOSSIBLE, Reason.OUT_OF_ORDER}]
LIMITS = [(code, case) for code, case in LIMITS if case.get("terms", {}).get("state") != CopyState.ENDED]


NUMBERS = {
    Reason.COPY_PAUSED: {"event_time": MADE, "resumed_at": iso_time(NOW)},
    Reason.OUTSIDE_HOURS: {"zone": "Asia/Kolkata", "now": iso_time(NOW)},
    Reason.BEFORE_COPY: {"event_time": MADE, "started_at": iso_time(NOW)},
    Reason.OUT_OF_ORDER: {"event_time": MADE, "opened_at": iso_time(NOW + timedelta(seconds=1))},
    Reason.DAILY_LOSS: {"lost": "100", "limit": "100", "asset": "USDT"},
    Reason.OPPOSITE_LEADER: {"leader": "Ada"},
    Reason.MARKET_TAKEN: {"leader_symbol": "BTCUSD_PERP"},
    Reason.MAX_POSITIONS: {"open_positions": 2, "limit": 2},
}


def decision_of(case, trade=None, **state):
    terms = terms_of(**case.get("terms", {}))
    trade = trade or trade_of(**case.get("trade", {}))
    return plan(trade, terms, market_of(**case.get("market", {})), state_of(**{**case.get("state", {}), **state}), NOW)


@pytest.mark.parametrize(("code", "case"), REFUSED)
def test_an_entry_is_refused_with_its_reason_and_a_sentence(code, case):
    decision = decision_of(case)

    assert (decision.state, decision.code, decision.orders) == (IntentState.SKIPPED, code, ())
    assert decision.message.endswith(".")
    assert len(decision.message) < 300


@pytest.mark.parametrize("code", NUMBERS)
def test_a_refusal_gives_the_numbers_behind_it(code):
    assert decision_of(dict(REFUSED)[code]).numbers == NUMBERS[code]


def test_a_stop_without_words_of_its_own_is_told_all_the_same():
    decision = decide(state=state_of(**{**BLOCKED, "blocked_message": ""}))

    assert decision.message == "The account sends no orders now."


def test_a_trade_of_the_moment_in_which_the_copy_began_or_was_resumed_is_copied():
    assert decide(trade_of(event_time=NOW), terms_of(started_at=NOW, resumed_at=NOW)).code is None


def test_a_list_of_symbols_not_to_follow_concerns_no_other_symbol():
    assert decide(terms=terms_of(denied_symbols=frozenset({"ETHUSDT"}))).code is None


def test_a_spot_market_is_bought_in():
    assert decide(market=market_of(MarketKind.SPOT)).quantity == 1


def test_a_limit_that_is_used_up_leaves_nothing_of_what_costs_next_to_nothing():
    market = market_of(filters=Filters(quantity_step=D("0.1")), price=D("0.001"))
    decision = decide(trade_of(price="0.001"), terms_of(max_exposure=D(10)), market, state_of(copy_worth=D(10)))

    assert (decision.code, decision.quantity) == (Reason.MAX_EXPOSURE, D(0))


@pytest.mark.parametrize(
    ("held", "others", "rules", "refused"),
    [
        ("0", 1, {}, False),
        ("0", 2, {}, True),
        ("0.001", 2, {}, False),
        ("0.0009", 2, {}, True),
        ("0", 2, {"filters": Filters()}, True),
        ("0.0009", 2, {"filters": Filters()}, False),
        ("-1", 2, {}, True),
    ],
)
def test_only_a_position_that_can_be_closed_may_grow_beyond_the_number_of_positions(held, others, rules, refused):
    decision = decide(
        terms=terms_of(max_positions=2), market=market_of(**rules), state=state_of(held=D(held), open_positions=others)
    )

    assert (decision.code == Reason.MAX_POSITIONS) is refused


@pytest.mark.parametrize(("code", "case"), REFUSED)
def test_what_is_still_to_be_opened_or_closed_outlives_a_refusal(code, case):
    for remainder in (D("-0.4"), D("0.0004")):
        assert decision_of(case, remainder=remainder).remainder == remainder


@pytest.mark.parametrize(("code", "case"), LIMITS)
def test_exits_are_never_refused_by_what_refuses_entries(code, case):
    """PITFALLS 13."""
    decision = decision_of(case, exit_of(), held=D(1))

    assert (decision.state, decision.quantity) == (IntentState.PLANNED, 1)


@pytest.mark.parametrize("code", [Reason.TRADING_HALTED, Reason.LIVE_TRADING_OFF, Reason.ACCOUNT_PAUSED])
def test_what_stops_everything_stops_exits_too_in_its_own_words(code):
    decision = decide(exit_of(), state=state_of(held=D(1), blocked=code, blocked_message="No.", blocks_exits=True))

    assert (decision.state, decision.code, decision.message) == (IntentState.SKIPPED, code, "No.")


def test_the_first_reason_in_the_documented_order_is_the_one_that_is_told():
    everything: dict[str, dict[str, Any]] = {}
    for code, case in REFUSED[::-1]:
        for part, values in case.items():
            everything.setdefault(part, {}).update(values)
        if code not in {Reason.COPY_ENDED, Reason.COPY_PAUSED}:
            assert decision_of(everything).code == code


def test_a_trade_that_is_refused_anyhow_does_not_wait():
    terms = terms_of(denied_symbols=frozenset({"BTCUSDT"}))

    assert decide(terms=terms, state=state_of(earlier_order_open=True)).state == IntentState.SKIPPED


def test_entries_and_exits_wait_for_the_earlier_order_of_their_position():
    for trade in (trade_of(), exit_of(), exit_of("0.5")):
        decision = decide(trade, state=state_of(held=D(1), remainder=D("0.1"), earlier_order_open=True))

        assert (decision.state, decision.code) == (IntentState.WAITING, Reason.EARLIER_ORDER_OPEN)
        assert decision.message == "An earlier order of the copy in BTCUSDT is not final yet."
        assert decision.exits == (trade.action in EXITS)
        assert decision.remainder == D("0.1")


def test_an_exit_waits_for_an_earlier_exit_that_may_yet_fail():
    assert decide(exit_of(), state=state_of(earlier_order_open=True)).state == IntentState.WAITING


@given(prices, sides)
def test_better_prices_are_never_refused_and_moves_within_the_tolerance_pass(leader, side):
    """PITFALLS 16."""
    way = 1 if side == PositionWord.LONG else -1
    terms, trade = terms_of(max_slippage_percent=D(1)), trade_of(price=leader, side=side)

    for percent, refused in ((-90, False), (-2, False), (0, False), ("0.99", False), (1, False), ("1.01", True)):
        market = market_of(price=leader * (1 + way * D(percent) / 100))
        assert (decide(trade, terms, market).code == Reason.SLIPPAGE) == refused


def test_a_price_that_is_too_bad_is_told_with_its_numbers():
    decision = decide(terms=terms_of(max_slippage_percent=D("0.5")), market=market_of(price=D(50_500)))

    assert decision.message == (
        "BTCUSDT stands at 50,500 USDT, 1 % worse than the leader's 50,000; the copy allows 0.5 %."
    )
    assert decision.numbers == {"price": "50500", "leader_price": "50000", "percent": "1", "limit_percent": "0.5"}


@pytest.mark.parametrize(
    ("leader", "price", "refused"), [("0.1", "0.2", True), ("0.1", "0.1", False), ("0", "9", False), ("9", "0", False)]
)
def test_slippage_is_judged_between_prices_that_are_some(leader, price, refused):
    trade, terms = trade_of(price=leader), terms_of(max_slippage_percent=D(1))
    decision = decide(trade, terms, market_of(price=D(price), filters=Filters()))

    assert (decision.code == Reason.SLIPPAGE) is refused


def test_worse_is_higher_for_a_buyer_and_lower_for_a_seller():
    assert worse_percent(PositionWord.LONG, D(100), D(101)) == 1
    assert worse_percent(PositionWord.SHORT, D(100), D(101)) == -1


def test_without_a_fresh_price_the_limit_at_the_venue_is_the_guard():
    decision = decide(terms=terms_of(max_slippage_percent=D(1)), market=market_of(price=None))

    assert (decision.state, decision.orders[0].price) == (IntentState.PLANNED, D(50_500))


def test_a_trade_is_copied_up_to_the_age_allowed_and_not_beyond():
    terms = terms_of(max_signal_age_seconds=60)

    assert decide(trade_of(event_time=NOW - timedelta(seconds=60)), terms).code is None
    old = decide(trade_of(event_time=NOW - timedelta(seconds=61, milliseconds=500)), terms)
    assert (old.code, old.numbers) == (Reason.SIGNAL_TOO_OLD, {"age_seconds": "61.5", "limit_seconds": 60})


def test_a_late_exit_of_an_earlier_position_does_not_close_the_one_that_is_held():
    opened = NOW - timedelta(seconds=30)
    late = exit_of(event_time=opened - timedelta(seconds=20))

    assert decide(late, state=state_of(held=D(1), opened_at=opened)).code == Reason.OUT_OF_ORDER


def test_a_late_entry_that_the_leader_still_holds_is_copied():
    opened = NOW - timedelta(seconds=30)
    late = trade_of(event_time=opened - timedelta(seconds=20))

    assert decide(late, state=state_of(held=D(1), opened_at=opened)).state == IntentState.PLANNED


def test_an_exit_of_a_second_before_the_opening_still_closes():
    assert decide(exit_of(), state=state_of(held=D(1), opened_at=NOW)).quantity == 1
    opened = NOW + timedelta(microseconds=1)
    assert decide(exit_of(), state=state_of(held=D(1), opened_at=opened)).code == Reason.OUT_OF_ORDER


def test_an_exit_whose_time_was_cut_to_the_second_still_closes():
    opened = NOW.replace(microsecond=0) - timedelta(seconds=5) + timedelta(milliseconds=700)
    close = exit_of(event_time=NOW - timedelta(seconds=5))

    assert decide(close, state=state_of(held=D(1), opened_at=opened)).quantity == 1


def test_a_position_that_is_open_may_grow_where_the_number_of_positions_is_reached():
    state = state_of(held=D(1), open_positions=2)

    assert decide(terms=terms_of(max_positions=2), state=state).code is None


def test_the_daily_loss_ends_entries_at_its_limit_and_not_before():
    terms = terms_of(max_daily_loss=D(100))

    assert decide(terms=terms, state=state_of(lost_today=D("99.99"))).code is None
    assert decide(terms=terms, state=state_of(lost_today=D(-500))).code is None


def test_symbol_lists_know_the_leaders_symbol_and_the_followers():
    market = market_of(symbol="XBTUSD")

    assert decide(terms=terms_of(allowed_symbols=frozenset({"XBTUSD"})), market=market).code is None
    assert decide(terms=terms_of(allowed_symbols=frozenset({"BTCUSDT"})), market=market).code is None
    assert decide(terms=terms_of(denied_symbols=frozenset({"XBTUSD"})), market=market).code == Reason.SYMBOL_DENIED
