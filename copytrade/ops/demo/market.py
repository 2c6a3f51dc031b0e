"""Simulated prices: each one wanders, follows a trend for a while, and is drawn back to its fair price (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from random import Random

HOUR = timedelta(hours=1)
NOISE_STEPS = 1732  # evenly spread from -1.732 to 1.732, so that the deviation is 1
PULL_AN_HOUR = Decimal("0.03")
TREND = Decimal("0.4")  # of the volatility, an hour
TURNS_AN_HOUR = Decimal(1) / 30
PER_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Instrument:
    """A perpetual contract; `volatility` is how far its price wanders in an hour, as a share of it."""

    symbol: str
    asset: str
    fair_price: Decimal
    price_step: Decimal
    lot: Decimal
    volatility: Decimal


def _instrument(asset: str, fair_price: str, price_step: str, lot: str, volatility: str) -> Instrument:
    return Instrument(
        f"{asset}USDT", asset, Decimal(fair_price), Decimal(price_step), Decimal(lot), Decimal(volatility)
    )


INSTRUMENTS = {
    instrument.symbol: instrument
    for instrument in (
        _instrument("BTC", "68420.5", "0.1", "0.001", "0.004"),
        _instrument("ETH", "2315.40", "0.01", "0.001", "0.005"),
        _instrument("SOL", "104.27", "0.01", "0.01", "0.007"),
        _instrument("HYPE", "33.512", "0.001", "0.01", "0.009"),
        _instrument("XRP", "1.4835", "0.0001", "0.1", "0.006"),
        _instrument("DOGE", "0.10772", "0.00001", "1", "0.008"),
        _instrument("BNB", "702.15", "0.01", "0.01", "0.0045"),
        _instrument("1000PEPE", "0.0043811", "0.0000001", "1", "0.010"),
    )
}


def dice(*seed: object) -> Random:
    """Return a source of chance that gives the same for the same seed."""
    return Random(":".join(map(str, seed)))  # noqa: S311 - a game, no secret


def as_hours(span: timedelta) -> Decimal:
    """Return the hours of a span, exactly."""
    return Decimal(span // timedelta(milliseconds=1)) / (HOUR // timedelta(milliseconds=1))


def happens(chance: Decimal, rng: Random) -> bool:
    """Return whether something of this chance (0 to 1) happens."""
    return rng.randrange(PER_MILLION) < chance * PER_MILLION


class Market:
    """The prices of all instruments; those that are not given begin at the fair price."""

    def __init__(self, rng: Random, prices: Mapping[str, Decimal]) -> None:
        self._rng = rng
        self.prices = {symbol: item.fair_price for symbol, item in INSTRUMENTS.items()} | dict(prices)
        self._trends = {symbol: rng.choice((-1, 1)) for symbol in INSTRUMENTS}

    def advance(self, span: timedelta) -> None:
        """Let so much time pass."""
        hours = as_hours(span)
        for symbol, item in INSTRUMENTS.items():
            if happens(TURNS_AN_HOUR * hours, self._rng):
                self._trends[symbol] *= -1
            noise = Decimal(self._rng.randint(-NOISE_STEPS, NOISE_STEPS)) / 1000 * hours.sqrt()
            drift = (noise + self._trends[symbol] * TREND * hours) * item.volatility
            pull = (1 - self.prices[symbol] / item.fair_price) * PULL_AN_HOUR * hours
            moved = self.prices[symbol] * (1 + drift + pull)
            self.prices[symbol] = max(moved.quantize(item.price_step), item.price_step)

    def rises(self, symbol: str) -> bool:
        """Return which way the price will sooner go."""
        return self._trends[symbol] > 0

    def fill_price(self, symbol: str, rng: Random) -> Decimal:
        """Return the price that an order gets now: the market's, give or take 0.02 %."""
        slip = 1 + Decimal(rng.randint(-2, 2)) / 10_000
        return (self.prices[symbol] * slip).quantize(INSTRUMENTS[symbol].price_step)

    def whole_lots(self, symbol: str, amount: Decimal) -> Decimal:
        """Return the amount in whole lots, at least one."""
        lot = INSTRUMENTS[symbol].lot
        return max((amount / lot).quantize(Decimal(1), ROUND_DOWN) * lot, lot)
