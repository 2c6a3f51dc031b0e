"""Numbers and times as people read them: U+2212 for minus, an en dash for what is not known."""

from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from copytrade.lib.wire import iso_time

register = template.Library()

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EN DASH}"
UNITS = ((Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "K"))
FEWEST_PRICE_PLACES = 2
MOST_PLACES = 12
TRIANGLES = {
    "pos": SafeString('<svg class="triangle" viewBox="0 0 8 8" aria-hidden="true"><path d="M4 1 7.5 7h-7z"/></svg>'),
    "neg": SafeString('<svg class="triangle" viewBox="0 0 8 8" aria-hidden="true"><path d="M4 7 .5 1h7z"/></svg>'),
    "zero": SafeString(""),
}


@register.filter
def number(value: Decimal | int | None, places: int = 2) -> str:
    """Return the value with thousands separators: `1,234.50`."""
    return MISSING if value is None else _with_sign(value, f"{abs(value):,.{places}f}", plus="")


@register.filter
def signed(value: Decimal | int | None, places: int = 2) -> str:
    """Return the value with its sign: `+1,234.50`. Zero has none."""
    return MISSING if value is None else _with_sign(value, f"{abs(value):,.{places}f}", plus="+")


@register.filter
def percent(share: Decimal | None, places: int = 1) -> str:
    """Return a share of one as percent: 0.625 is `62.5%`."""
    return MISSING if share is None else f"{number(share * 100, places)}%"


@register.filter
def price(value: Decimal | None) -> str:
    """Return a price with as many decimals as its size asks for, two at least: `86,232.48`, `0.00001234`."""
    if value is None:
        return MISSING
    places = 2 if abs(value) >= 1000 else 4 if abs(value) >= 1 else _places_of_small(value)
    whole, _, decimals = f"{abs(value):,.{places}f}".partition(".")
    kept = decimals.rstrip("0").ljust(FEWEST_PRICE_PLACES, "0")
    return _with_sign(value, f"{whole}.{kept}", plus="")


@register.filter
def quantity(value: Decimal | None, plus: str = "") -> str:
    """Return a quantity in about eight digits, without trailing zeros; `plus` goes before positive ones."""
    if value is None:
        return MISSING
    places = min(max(7 - value.adjusted(), 0), MOST_PLACES)
    return _with_sign(value, _trim(f"{abs(value):,.{places}f}"), plus=plus)


@register.filter
def compact(value: Decimal | int | None, plus: str = "") -> str:
    """Return a large number in short: `1.23K`, `12.3M`, `2M`; `plus` goes before positive ones."""
    if value is None:
        return MISSING
    size = abs(Decimal(value))
    for least, unit in UNITS:
        if size >= least:
            scaled = size / least
            return _with_sign(value, _trim(f"{scaled:.{2 if scaled < 10 else 1}f}") + unit, plus=plus)
    return _with_sign(value, _trim(f"{size:.2f}"), plus=plus)


@register.simple_tag
def delta(value: Decimal | int | None, places: int = 2, unit: str = "", *, arrow: bool = False) -> SafeString:
    """Return a gain or loss: sign, colour and, for key figures, a triangle. Colour never stands alone."""
    if value is None:
        return format_html('<span class="num muted">{}</span>', MISSING)
    text = signed(value, places)
    tone = {"+": "pos", MINUS: "neg"}.get(text[0], "zero")
    mark = TRIANGLES[tone] if arrow else ""
    space = "" if unit == "%" else " "
    muted = format_html('{}<span class="unit">{}</span>', space, unit) if unit else ""
    return format_html('<span class="num {}">{}{}{}</span>', tone, mark, text, muted)


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """Return how long ago it was, with the exact time in UTC for pointers and programs."""
    if moment is None:
        return format_html('<span class="muted">{}</span>', "never")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', iso_time(moment), exact(moment), age(timezone.now() - moment)
    )


@register.filter
def exact(moment: datetime) -> str:
    """Return date and time to the second."""
    return f"{moment:%d %b %Y, %H:%M:%S} UTC"


def age(passed: timedelta) -> str:
    """Return the words for a time ago; `page.js` has the same ones."""
    seconds = int(passed.total_seconds())
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3600} h ago" if seconds < 86400 else f"{seconds // 86400} d ago"


def _with_sign(value: Decimal | int, text: str, *, plus: str) -> str:
    if not text.strip("0.,"):
        return text
    return f"{MINUS if value < 0 else plus}{text}"


def _trim(text: str) -> str:
    """Return the number without trailing zeros behind its point."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _places_of_small(value: Decimal) -> int:
    return min(3 - value.adjusted(), MOST_PLACES) if value else FEWEST_PRICE_PLACES
