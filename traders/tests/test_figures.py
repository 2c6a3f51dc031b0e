"""How numbers, times and charts are shown."""

# ruff: noqa: RUF001 - the minus and the dash are those that pages show

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from traders.selectors.curves import DayResult
from traders.templatetags.drawings import results_chart, sparkline
from traders.templatetags.figures import age, compact, delta, number, percent, price, quantity, signed, when

NUMBER = re.compile(r"[+−]?[\d,]+(\.\d+)?")


def curve(*results: int) -> list[DayResult]:
    days, total = [], Decimal(0)
    for index, result in enumerate(results):
        total += result
        days.append(DayResult(date(2026, 2, 1) + timedelta(days=index), Decimal(result), total))
    return days


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (number(Decimal("1234.505")), "1,234.50"),
        (number(Decimal("-1234.5")), "−1,234.50"),
        (number(7, 0), "7"),
        (number(None), "–"),
        (signed(Decimal("12.3")), "+12.30"),
        (signed(Decimal("-0.001")), "0.00"),
        (signed(0), "0.00"),
        (percent(Decimal("0.625")), "62.5%"),
        (percent(None), "–"),
        (price(Decimal("86232.48333333")), "86,232.48"),
        (price(Decimal("2.01")), "2.01"),
        (price(Decimal("131.29371")), "131.2937"),
        (price(Decimal("0.00001234567")), "0.00001235"),
        (price(Decimal(0)), "0.00"),
        (price(None), "–"),
        (quantity(Decimal("0.420000000000000000")), "0.42"),
        (quantity(Decimal(-1204)), "−1,204"),
        (quantity(Decimal("0.108"), "+"), "+0.108"),
        (quantity(Decimal(1000)), "1,000"),
        (quantity(Decimal(0), "+"), "0"),
        (quantity(None), "–"),
        (compact(Decimal(6904120)), "6.9M"),
        (compact(-1500, "+"), "−1.5K"),
        (compact(2_000_000_000, "+"), "+2B"),
        (compact(Decimal("12.5")), "12.5"),
        (compact(0, "+"), "0"),
    ],
)
def test_numbers_read_well(shown: str, text: str):
    assert shown == text
    assert text == "–" or NUMBER.match(text)


def test_a_gain_and_a_loss_differ_by_sign_and_triangle_not_by_colour_alone():
    assert delta(Decimal(5), arrow=True).startswith('<span class="num pos"><svg class="triangle"')
    assert "+5.00" in delta(Decimal(5))
    assert delta(Decimal(-5)) == '<span class="num neg">−5.00</span>'
    assert delta(Decimal(-5), 1, "USDT") == '<span class="num neg">−5.0 <span class="unit">USDT</span></span>'
    assert delta(Decimal(-5), 1, "%") == '<span class="num neg">−5.0<span class="unit">%</span></span>'


def test_nothing_gained_has_neither_sign_nor_colour():
    assert delta(Decimal("0.004")) == '<span class="num zero">0.00</span>'
    assert delta(None) == '<span class="num muted">–</span>'


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-600, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
    ],
)
def test_ages_are_rounded_down(seconds: int, words: str):
    assert age(timedelta(seconds=seconds)) == words


def test_a_time_carries_its_exact_moment():
    with time_machine.travel(datetime(2026, 2, 5, 18, 9, tzinfo=UTC), tick=False):
        assert when(datetime(2026, 2, 5, 17, 21, 10, 789000, tzinfo=UTC)) == (
            '<time datetime="2026-02-05T17:21:10.789Z" title="05 Feb 2026, 17:21:10 UTC">47 min ago</time>'
        )
    assert "never" in when(None)


def test_a_sparkline_says_in_words_what_it_shows():
    drawing = sparkline(curve(10, -30, 5), 'A "name"')
    assert 'class="sparkline neg"' in drawing
    assert "A &quot;name&quot;: realised PnL of 3 days, ends at −15.00, lowest −20.00, highest +10.00" in drawing


@pytest.mark.parametrize("results", [(), (0,), (0, 0, 0), (5,), (10**18, -(10**19))])
def test_odd_curves_are_drawn_as_well(results: tuple[int, ...]):
    drawing = sparkline(curve(*results))
    assert "nan" not in drawing
    assert 'd="M0.00 ' in drawing


@pytest.mark.parametrize("results", [(0, 0), (5, -20, 3), (1,), (10**18, -(10**19)), (-1, -1)])
def test_the_chart_always_draws_zero(results: tuple[int, ...]):
    chart = results_chart(curve(*results))
    assert [tick.label for tick in chart["ticks"] if tick.is_zero] == ["0"]
    assert all(0 <= tick.place <= 100 for tick in chart["ticks"])
    assert all(0 <= bar.top <= 100 and 0 <= bar.left <= 100 for bar in chart["bars"])
