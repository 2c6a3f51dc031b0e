"""Scores: bounds, small samples, losses."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from traders.scoring import Day, score_window

TODAY = date(2026, 11, 21)
results = st.lists(st.decimals(-10_000, 10_000, places=2), min_size=0, max_size=12)


def day(age: int, *results: Decimal | int) -> Day:
    amounts = [Decimal(result) for result in results]
    profits, losses = [x for x in amounts if x > 0], [x for x in amounts if x < 0]
    return Day(
        date=TODAY - timedelta(days=age),
        realized_pnl=sum(amounts, Decimal(0)),
        gross_profit=sum(profits, Decimal(0)),
        gross_loss=sum(losses, Decimal(0)),
        closed_trades=len(amounts),
        wins=len(profits),
        losses=len(losses),
        events=len(amounts),
    )


def score(*days: Day, window: int = 30) -> Decimal:
    return score_window(days, window=window, as_of=TODAY).score


def test_a_leader_without_closed_trades_has_fifty_and_nothing_computed():
    result = score_window([day(1)], window=30, as_of=TODAY)

    assert result.score == 50
    assert result.win_rate is result.max_drawdown is None


def test_a_large_loss_beside_a_small_profit_is_no_good_leader():
    assert score(day(2, 100), day(1, -5000)) < 50 < score(day(1, 100))


def test_few_trades_prove_less_than_many():
    assert 50 < score(day(1, 10)) < score(day(1, *[10] * 100)) < 100


def test_a_result_of_zero_is_neither_won_nor_lost():
    result = score_window([day(1, 0, 0, 5)], window=30, as_of=TODAY)

    assert result.win_rate == 1
    assert result.closed_trades == 3


def test_a_window_begins_with_its_first_day_and_ends_with_today():
    assert score(day(6, 5), window=7) > 50
    assert score(day(7, 5), window=7) == 50


def test_days_ahead_of_today_count_since_only_a_clock_was_wrong():
    assert score(day(-1, 5)) > 50


def test_drawdown_is_the_deepest_fall_from_a_peak():
    days = [day(5, 100), day(4, -30), day(3, 10), day(2, -50), day(1, 200)]

    assert score_window(days, window=30, as_of=TODAY).max_drawdown == 70


def test_the_way_down_costs_even_where_the_end_is_the_same():
    straight, detour = [day(2, 100), day(1, -50)], [day(2, -50), day(1, 100)]

    assert score_window(straight, window=30, as_of=TODAY).max_drawdown == 50
    assert score(*detour) == score(*straight)


@given(results, st.sampled_from([7, 30, 90]))
def test_a_score_is_always_between_0_and_100(amounts, window):
    assert 0 <= score(day(1, *amounts), window=window) <= 100


@given(results)
def test_the_order_in_which_days_are_given_does_not_matter(amounts):
    days = [day(age, amount) for age, amount in enumerate(amounts)]

    assert score(*days) == score(*reversed(days))


@given(st.lists(st.decimals("0.01", 10_000, places=2), min_size=1, max_size=12), st.integers(1, 1000))
def test_an_account_of_another_size_has_the_same_score(amounts, factor):
    signed = [amount if index % 2 else -amount for index, amount in enumerate(amounts)]

    assert score(day(1, *signed)) == score(day(1, *(amount * factor for amount in signed)))


@given(results.filter(bool), st.decimals("0.01", 10_000, places=2))
def test_turning_a_result_into_a_loss_never_helps(amounts, loss):
    worse = [*amounts[:-1], min(amounts[-1], Decimal(0)) - loss]

    assert score(day(1, *worse)) <= score(day(1, *amounts)) or amounts[-1] < 0
