"""What the settings want to be kept: series of candles, and the venues behind them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from markets.intervals import INTERVALS
from markets.venues.vocabulary import MarketKind

# The market types of the settings, and of the order proxy, are those of one exchange with three venues.
VENUES = {MarketKind.SPOT: "binance", MarketKind.USD_M: "binanceusdm", MarketKind.COIN_M: "binancecoinm"}
KINDS_BY_VENUE = {venue: kind for kind, venue in VENUES.items()}


@dataclass(frozen=True, slots=True)
class SeriesName:
    """Which candles; the symbol is as the venue writes it."""

    venue: str
    kind: str
    symbol: str
    interval: str


def symbol_at(kind: MarketKind, symbol: str) -> str:
    """Return how the venue of a market type writes a symbol: `BTCUSDT` is `BTCUSD_PERP` among inverse contracts."""
    if kind != MarketKind.COIN_M or "_" in symbol:
        return symbol
    return f"{symbol.removesuffix('USDT').removesuffix('USD')}USD_PERP"


def kinds_wanted() -> list[MarketKind]:
    """Return the market types of the settings; unknown words are left to the system checks."""
    return [kind for kind in VENUES if kind.value in settings.TRADING_MARKET_TYPES]


def venues_wanted() -> list[str]:
    """Return the venues of those market types."""
    return [VENUES[kind] for kind in kinds_wanted()]


def symbols_wanted(kind: MarketKind) -> list[str]:
    """Return the symbols of the settings as the venue of a market type writes them, each once."""
    return list(dict.fromkeys(symbol_at(kind, symbol) for symbol in settings.TRADING_SYMBOLS))


def series_wanted() -> list[SeriesName]:
    """Return every symbol at every interval of every market type."""
    intervals = [interval for interval in dict.fromkeys(settings.TRADING_INTERVALS) if interval in INTERVALS]
    return [
        SeriesName(VENUES[kind], kind.value, symbol, interval)
        for kind in kinds_wanted()
        for symbol in symbols_wanted(kind)
        for interval in intervals
    ]


def kept_since(interval: str, now: datetime) -> datetime:
    """Return from when on candles of an interval are kept."""
    days = dict(entry.split("=") for entry in settings.CANDLE_RETENTION).get(interval, settings.CANDLE_RETENTION_DAYS)
    return now - timedelta(days=int(days))
