"""Charts as SVG, drawn where their numbers are: no script, and the same in pages and in the admin.

Places are percent of the drawing's size, so that texts keep their size at any width. Only curves are stretched, in a
drawing of their own inside.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from traders.models import SymbolAggregate
from traders.selectors.curves import DayResult
from traders.templatetags.figures import compact, signed

register = template.Library()

ABOUT_TICKS = 4
STEPS = (1, 2, 5, 10)
BAR_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values are drawn: `top` at 0 %, `bottom` at 100 %."""

    bottom: float
    top: float

    def place(self, value: float) -> float:
        """Return the distance from the upper edge in percent."""
        return round((self.top - value) / (self.top - self.bottom) * 100, 2)


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled line across the chart."""

    place: float
    label: str
    is_zero: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """The result of a day."""

    day: DayResult
    left: float
    top: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class DateLabel:
    """A date under the chart."""

    place: float
    anchor: str
    date: date


@register.simple_tag
def sparkline(curve: Sequence[DayResult], name: str = "") -> SafeString:
    """Return the summed results as a small curve; the dashed line is zero."""
    totals = [day.total for day in curve] or [Decimal(0)]
    scale = _scale(totals, margin=0.06)
    line, zero = _line(totals, scale), scale.place(0)
    days = f"{name}: realised PnL of {len(curve)} days" if name else f"Realised PnL of {len(curve)} days"
    return format_html(
        '<svg class="sparkline {}" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        'aria-label="{}, ends at {}, lowest {}, highest {}"><path class="area" d="{}L100 {}L0 {}Z"/>'
        '<path class="baseline" d="M0 {}H100"/><path class="line" d="{}"/></svg>',
        _tone(totals[-1]),
        days,
        *(signed(total) for total in (totals[-1], min(totals), max(totals))),
        *(line, zero, zero, zero, line),
    )


@register.inclusion_tag("traders/parts/chart.html")
def results_chart(curve: Sequence[DayResult]) -> dict[str, Any]:
    """Draw the summed results as a curve and, below it on the same days, what each day brought."""
    totals, results = [day.total for day in curve], [day.result for day in curve]
    ticks = _ticks(min(*totals, Decimal(0)), max(*totals, Decimal(0)))
    scale, day_scale = Scale(ticks[0], ticks[-1]), _scale(results, margin=0.05)
    return {
        "curve": curve,
        "tone": _tone(totals[-1]),
        "line": _line(totals, scale),
        "zero": scale.place(0),
        "ticks": [Tick(scale.place(value), compact(_decimal(value), "+"), value == 0) for value in ticks],
        "bars": list(_bars(curve, day_scale)),
        "bar_width": round(100 / len(curve) * BAR_SHARE, 2),
        "day_zero": day_scale.place(0),
        "dates": _date_labels(curve),
        "last": curve[-1],
        "lowest": min(totals),
        "highest": max(totals),
    }


@register.inclusion_tag("traders/parts/sides.html")
def sides_bar(total: SymbolAggregate, most: int) -> dict[str, Any]:
    """Draw how many leaders are long to the right, and short to the left, of the middle."""
    unit = 50 / max(most, 1)
    shorts = round(total.open_short_count * unit, 2)
    return {
        "total": total,
        "longs": round(total.open_long_count * unit, 2),
        "shorts": shorts,
        "left": round(50 - shorts, 2),
    }


def _scale(values: Iterable[Decimal], *, margin: float) -> Scale:
    """Return a scale that holds zero and all values, with some room at both ends."""
    numbers = [0.0, *(float(value) for value in values)]
    low, high = min(numbers), max(numbers)
    room = (high - low or 1) * margin
    return Scale(low - room, high + room)


def _ticks(low: Decimal, high: Decimal) -> list[float]:
    """Return round values from at most `low` to at least `high`; zero is one of them."""
    raw = float(high - low or 1) / ABOUT_TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in STEPS if factor * magnitude >= raw * 0.999)
    first, last = math.floor(float(low) / step), math.ceil(float(high) / step)
    return [number * step for number in range(first, max(last, first + 1) + 1)]


def _line(totals: Sequence[Decimal], scale: Scale) -> str:
    """Return the path of a curve, 100 wide and 100 high."""
    last = max(len(totals) - 1, 1)
    points = [f"{number * 100 / last:.2f} {scale.place(float(total))}" for number, total in enumerate(totals)]
    return "M" + "L".join(points if len(points) > 1 else [*points, points[0].replace("0.00", "100", 1)])


def _bars(curve: Sequence[DayResult], scale: Scale) -> Iterable[Bar]:
    width, zero = 100 / len(curve), scale.place(0)
    for number, day in enumerate(curve):
        if day.result:
            end = scale.place(float(day.result))
            left = round((number + (1 - BAR_SHARE) / 2) * width, 2)
            yield Bar(day, left, min(zero, end), round(abs(zero - end), 2), _tone(day.result))


def _date_labels(curve: Sequence[DayResult]) -> list[DateLabel]:
    middle = len(curve) // 2
    return [
        DateLabel(0, "start", curve[0].date),
        DateLabel(50, "middle", curve[middle].date),
        DateLabel(100, "end", curve[-1].date),
    ]


def _decimal(value: float) -> Decimal:
    return Decimal(f"{value:.10g}")


def _tone(value: Decimal) -> str:
    return "neg" if value < 0 else "pos" if value > 0 else "flat"
