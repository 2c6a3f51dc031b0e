"""Reading candles and how far their series are."""

from dataclasses import dataclass
from datetime import datetime

from markets.models import Candle, CandleSeries, Market


@dataclass(frozen=True, slots=True)
class Span:
    """Which candles of a series: with a start the oldest from there on, otherwise the latest."""

    limit: int
    start: datetime | None = None
    end: datetime | None = None


def candles_list(market: Market, interval: str, span: Span) -> list[Candle]:
    """Return stored candles by the time they open, which lies between start and end, both included; oldest first."""
    rows = Candle.objects.filter(market=market, interval=interval)
    if span.start is not None:
        rows = rows.filter(open_time__gte=span.start)
    if span.end is not None:
        rows = rows.filter(open_time__lte=span.end)
    if span.start is not None:
        return list(rows.order_by("open_time")[: span.limit])
    return list(rows.order_by("-open_time")[: span.limit])[::-1]


def series_of(market: Market, interval: str) -> CandleSeries | None:
    """Return how far the candles of a market are, None where none are kept."""
    return CandleSeries.objects.filter(market=market, interval=interval, active=True).first()


def series_list() -> list[CandleSeries]:
    """Return all series that are kept."""
    return list(CandleSeries.objects.filter(active=True))
