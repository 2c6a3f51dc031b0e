"""Taking funds from a copy leaves the fall below its peak as many percent as it was."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from replication.funds import peak_left
from replication.tests.kit import D

amounts = st.decimals("0.00000001", "1e12", places=8)


def fall(peak: Decimal, worth: Decimal) -> Decimal:
    return (max(peak, worth) - worth) * 100 / max(peak, worth)


@given(amounts, amounts, amounts)
def test_the_fall_stays_what_it_was_and_nothing_is_below_zero(peak, worth, taken):
    assume(taken < worth)

    after = peak_left(peak=peak, worth=worth, taken=taken)

    assert after >= worth - taken > 0
    assert abs(fall(after, worth - taken) - fall(peak, worth)) < D("1e-15")


@given(amounts, st.lists(amounts, min_size=2, max_size=2), amounts)
def test_in_two_parts_or_at_once_is_the_same(peak, parts, worth):
    first, second = parts
    assume(first + second < worth)

    between = peak_left(peak=peak, worth=worth, taken=first)
    after = peak_left(peak=between, worth=worth - first, taken=second)

    at_once = peak_left(peak=peak, worth=worth, taken=first + second)
    assert 0 <= after - at_once < D("1e-15") * (1 + at_once)


@given(amounts, amounts, amounts)
def test_a_peak_is_rounded_up(peak, worth, taken):
    assume(taken < worth)

    after = peak_left(peak=peak, worth=worth, taken=taken)

    assert Fraction(after) * Fraction(worth) >= Fraction(max(peak, worth)) * Fraction(worth - taken)
